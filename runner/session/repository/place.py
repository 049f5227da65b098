"""Where the home's repository lies, and what stands in the way of writing to it. Looked up without git; it all blocks.

Git itself would look for a repository, and obey the first one that it finds. Here the place is known before git is
started, and it is one that no session can write: the home's own `.git`, or a folder outside the home.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import attrs

from runner.session.errors import HookFailedError
from runner.storage import files

__all__ = ["STALE", "Lock", "Place", "find", "forget_stale_locks", "lies_in", "locks", "under_way"]

STALE = 600.0
"""Seconds after which a lock is what a dead git left."""
_LINE = 4096
_UNDER_WAY = (
    ("MERGE_HEAD", "a merge", "merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick", "cherry-pick"),
    ("REVERT_HEAD", "a revert", "revert"),
    ("rebase-merge", "a rebase", "rebase"),
    ("rebase-apply", "a rebase", "rebase"),
)


@attrs.frozen
class Place:
    """The repository of a home."""

    home: Path
    folder: Path
    """Its own part: HEAD and the index."""
    common: Path
    """What it may share with other working trees: configuration, objects, branches."""

    @property
    def objects(self) -> Path:
        return self.common / "objects"

    @property
    def index(self) -> Path:
        return self.folder / "index"


@attrs.frozen
class Lock:
    """A file by which one git keeps the others away."""

    path: Path
    age: float
    """Seconds."""


def lies_in(path: Path, folder: Path) -> bool:
    """Whether the path, with its links resolved, is the folder or something in it."""
    return path.resolve().is_relative_to(folder.resolve())


def find(home: Path) -> Place | None:
    """The repository of this home; None when there is none. HookFailedError for one that a session could have made."""
    named = home / ".git"
    try:
        found = named.lstat()
    except FileNotFoundError:
        return None
    folder = named
    if stat.S_ISREG(found.st_mode):
        line = files.read_text(named, limit=_LINE).strip()
        if not line.startswith("gitdir:"):
            raise HookFailedError(f"{named} is a file and names no repository; it should say: gitdir: <folder>")
        folder = home / line.removeprefix("gitdir:").strip()
    elif stat.S_ISLNK(found.st_mode):
        folder = named.resolve()
    common = folder
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        common = folder / files.read_text(folder / "commondir", limit=_LINE).strip()
    for part in (folder, common):
        own = home.resolve() / ".git"
        if lies_in(part, home) and not part.resolve().is_relative_to(own):
            raise HookFailedError(
                f"{named} leads to {part.resolve()}, which lies in the home where a session could write it; "
                "move that repository out of the home"
            )
    if not (folder / "HEAD").is_file() or not (common / "objects").is_dir():
        raise HookFailedError(f"{folder} is no git repository that can be used: HEAD or objects are missing")
    return Place(home, folder.resolve(), common.resolve())


def under_way(place: Place) -> str | None:
    """What somebody has begun by hand and not ended, in words; a commit in between would spoil it."""
    for name, what, command in _UNDER_WAY:
        if (place.folder / name).exists():
            return (
                f"{what} is under way in the home's repository; end it there with "
                f"git {command} --continue, or give it up with git {command} --abort"
            )
    return None


def locks(place: Place, now: float) -> tuple[Lock, ...]:
    """Every lock in the repository. `now` is the time of the file system that it lies on."""
    found = []
    for path in _lock_files(place):
        try:
            found.append(Lock(path, now - path.lstat().st_mtime))
        except FileNotFoundError:
            continue  # freed since the folder was listed
    return tuple(found)


def forget_stale_locks(place: Place, now: float) -> None:
    """Remove what dead ones left, whatever it locks; what a git that runs now may hold stays."""
    for lock in locks(place, now):
        if lock.age > STALE:
            lock.path.unlink(missing_ok=True)


def _lock_files(place: Place) -> Iterator[Path]:
    flat = {place.folder, place.common, place.objects / "info", place.objects / "pack"}
    flat.add(place.objects / "info" / "commit-graphs")
    for folder in sorted(flat):
        yield from sorted(folder.glob("*.lock"))
    for folder in sorted({place.folder / "refs", place.common / "refs"}):
        for inner, _, names in os.walk(folder):
            yield from (Path(inner, name) for name in sorted(names) if name.endswith(".lock"))
