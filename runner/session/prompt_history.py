"""Copies of what a session may spoil: the prompt.md it was given, and the three life files as they were. Blocking."""

import shutil
from collections import Counter
from pathlib import Path

from runner.memory.words import words_of
from runner.settings import Paths
from runner.storage import files

KEPT = 60
LOSS = 0.25
"""The share of memory.md whose loss in one session is worth a word."""
_LIMIT = 16 * 1024 * 1024


def keep_prompt(folder: Path, session_id: str, text: str) -> None:
    files.make_folder(folder, mode=0o700)
    files.write_atomic(folder / f"{session_id}.md", text.encode("utf-8", "replace"), mode=0o600)
    for old in sorted(folder.glob("*.md"))[:-KEPT]:
        old.unlink(missing_ok=True)


def keep_life(paths: Paths, session_id: str) -> None:
    """Copy memory.md, prompt.md and voice.md to data/backup/life/<id>/. One that can't be read has no copy."""
    folder = paths.backup / "life"
    files.make_folder(folder, mode=0o700)
    files.make_folder(folder / session_id, mode=0o700)
    for path in (paths.memory_md, paths.prompt_md, paths.voice_md):
        try:
            content = files.read_bytes(path, limit=_LIMIT)
        except (OSError, files.FileTooLarge):
            continue
        files.write_atomic(folder / session_id / path.name, content, mode=0o600)
    for old in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def memory_loss(paths: Paths, session_id: str) -> str:
    """What to say when this session took much of memory.md away; empty when it did not."""
    kept = paths.backup / "life" / session_id / paths.memory_md.name
    try:
        before = files.read_text(kept, limit=_LIMIT)
    except (OSError, files.FileTooLarge):
        return ""
    try:
        now = files.read_text(paths.memory_md, limit=_LIMIT)
    except (FileNotFoundError, files.FileTooLarge):
        now = ""
    lost = lost_share(before, now)
    if lost <= LOSS:
        return ""
    return f"memory.md lost {lost:.0%} of its words; as it was: {kept.relative_to(paths.home)}"


def lost_share(before: str, now: str) -> float:
    """The share of the words that are gone, wherever they stood: moving and adding loses nothing."""
    words = Counter(words_of(before))
    return (words - Counter(words_of(now))).total() / words.total() if words else 0.0
