"""What was so before the model ran: the content's files, and which visitors' letters the prompt showed.

It lies in the session's private folder, so that the hooks of a session know the same after the process was started
again. All of it blocks.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from runner.home.tree import TOP
from runner.storage import files

FOLDERS = tuple(folder.name for folder in TOP if folder.tag)
SUFFIXES = (".md", ".json", ".py")
_LIMIT = 256 * 1024 * 1024


@attrs.frozen
class ContentSnapshot:
    """The files of it in one private folder."""

    folder: Path

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.folder / "before.json", self.folder / "told.json")

    def keep(self, home: Path, visitors: Iterable[str]) -> None:
        """Look at the content, and note which letters are shown and that they are these very files."""
        shown = {name: found for name in visitors if (found := _mtime(home / "visitors" / name)) is not None}
        files.write_json(self.files[0], {"content": snapshot(home), "visitors": shown}, mode=0o600)

    def content(self) -> dict[str, int] | None:
        """The content's files; None when nobody looked."""
        return _numbers(self._read(self.files[0]).get("content"))

    def visitors(self) -> dict[str, int]:
        """The letters that the prompt showed, by name, with when each was written."""
        return _numbers(self._read(self.files[0]).get("visitors")) or {}

    def tell(self, content: Mapping[str, int]) -> None:
        """The readers' caches know the content up to this state."""
        files.make_folder(self.folder, mode=0o700)
        files.write_json(self.files[1], {"content": content}, mode=0o600)

    def told(self) -> dict[str, int] | None:
        """What the readers' caches know: as told last, else as it was before the session."""
        told = _numbers(self._read(self.files[1]).get("content"))
        return self.content() if told is None else told

    def _read(self, path: Path) -> Mapping[str, Any]:
        try:
            value = files.read_json(path, limit=_LIMIT)
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}


def snapshot(home: Path) -> dict[str, int]:
    """Every content file with when it was changed. Links are not followed."""
    found: dict[str, int] = {}
    for folder in FOLDERS:
        _walk(home / folder, folder, found)
    return found


def changed(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """The files that came, went, or were written."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def _walk(folder: Path, name: str, found: dict[str, int]) -> None:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                inner = f"{name}/{entry.name}"
                try:
                    if entry.is_dir(follow_symlinks=False):
                        _walk(folder / entry.name, inner, found)
                    elif entry.name.endswith(SUFFIXES) and entry.is_file(follow_symlinks=False):
                        found[inner] = entry.stat(follow_symlinks=False).st_mtime_ns
                except OSError:
                    continue  # gone since the folder was listed
    except OSError:
        return  # no such folder, or none that we may look into


def _mtime(path: Path) -> int | None:
    try:
        state = path.lstat()
    except OSError:
        return None
    return state.st_mtime_ns if stat.S_ISREG(state.st_mode) else None


def _numbers(value: object) -> dict[str, int] | None:
    if not isinstance(value, dict):
        return None
    return {str(name): number for name, number in value.items() if isinstance(number, int)}
