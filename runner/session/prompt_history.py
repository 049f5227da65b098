"""Copies of every prompt.md that was given to a session, so that a bad overwrite can be taken back. Blocking."""

from pathlib import Path

from runner.storage import files

KEPT = 60


def keep_prompt(folder: Path, session_id: str, text: str) -> None:
    files.make_folder(folder, mode=0o700)
    files.write_atomic(folder / f"{session_id}.md", text.encode("utf-8", "replace"), mode=0o600)
    for old in sorted(folder.glob("*.md"))[:-KEPT]:
        old.unlink(missing_ok=True)
