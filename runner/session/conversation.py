"""conversations/<id>.md: what somebody said to the resident, and what it answered. All of it blocks.

The message is a stranger's and may look like anything, a heading of ours included. So its length stands in the
frontmatter, and the answer is found by counting, never by searching.
"""

import json
from datetime import datetime
from pathlib import Path

from runner.session.inert import visible
from runner.storage import files

MODE = 0o640
_ANSWER = b"\n\n## Response\n\n"


def begin(folder: Path, session_id: str, *, kind: str, sender: str, message: str, now: datetime) -> Path:
    """Write the message part, before the session runs."""
    said = message.encode("utf-8", "replace")
    head = (
        f'---\ndate: "{now.isoformat()}"\ntype: "{kind}"\nsession_id: "{session_id}"\n'
        f"sender: {json.dumps(_as_name(sender), ensure_ascii=False)}\nmessage_bytes: {len(said)}\n---\n\n## Message\n\n"
    )
    path = folder / f"{session_id}.md"
    files.write_atomic(path, head.encode("utf-8", "replace") + said, mode=MODE)
    return path


def _as_name(sender: str) -> str:
    """Short and visible: YAML refuses a block with control characters in it, and then none of its keys is read."""
    return visible(sender)[:200]


def add_answer(path: Path, message: str, answer: str) -> bool:
    """Put the answer behind the message; in place of an earlier one, so that doing it twice is doing it once."""
    content = files.read_bytes(path)
    said = message.encode("utf-8", "replace")
    start = content.find(b"\n---\n\n## Message\n\n") + len(b"\n---\n\n## Message\n\n")
    if content[start : start + len(said)] != said:
        return False
    whole = content[: start + len(said)] + _ANSWER + answer.encode("utf-8", "replace") + b"\n"
    files.write_atomic(path, whole, mode=MODE)
    return True
