"""The folders of a home, and who may look into them."""

import os
from pathlib import Path

import attrs

from runner.errors import HomeMissing, UnusableHome
from runner.settings import Paths
from runner.storage import files

__all__ = ["FOLDERS", "Folder", "make_tree", "require_home"]

OPEN = 0o755
PRIVATE = 0o700


@attrs.frozen
class Folder:
    """One folder below home. Private ones are closed to everybody else on the machine."""

    name: str
    mode: int = OPEN
    tracked: bool = False
    """Part of the life that the home's git repository keeps."""


FOLDERS = (
    Folder("thoughts", tracked=True),
    Folder("dreams", tracked=True),
    Folder("essays", tracked=True),
    Folder("essays-description", tracked=True),
    Folder("letters", tracked=True),
    Folder("letters-description", tracked=True),
    Folder("scores", tracked=True),
    Folder("scores-description", tracked=True),
    Folder("bookshelf", tracked=True),
    Folder("memory", PRIVATE, tracked=True),
    Folder("prompt", PRIVATE),
    Folder("about", tracked=True),
    Folder("landing-page", tracked=True),
    Folder("landing-summary", tracked=True),
    Folder("visitor-greeting", tracked=True),
    Folder("sandbox", tracked=True),
    Folder("projects", tracked=True),
    Folder("news"),
    Folder("gifts"),
    Folder("readings"),
    Folder("inner-thread", PRIVATE),
    Folder("visitors", PRIVATE),
    Folder("visitors/archive", PRIVATE),
    Folder("mailbox", PRIVATE),
    Folder("telegram", PRIVATE),
    Folder("telegram/images", PRIVATE),
    Folder("conversations", PRIVATE),
    Folder("transcripts", PRIVATE),
    Folder("moderation", PRIVATE),
    Folder("logs", PRIVATE),
    Folder("data", PRIVATE),
    Folder("data/prompt-history", PRIVATE),
    Folder("data/backup", PRIVATE),
    Folder("data/tmp", PRIVATE),
    Folder("runner", PRIVATE),
    Folder("runner/memory", PRIVATE),
    Folder("runner/memory/data", PRIVATE),
)


def require_home(home: Path) -> None:
    """Stop with a clear word when there is no home, or none that this user can live in."""
    if not home.exists():
        raise HomeMissing(f"the home {home} does not exist; make one with: claude-runner init --home {home}")
    if not home.is_dir():
        raise UnusableHome(f"the home {home} is not a folder; name a folder with --home or CLAUDE_HOME")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise UnusableHome(
            f"the home {home} can't be read and written by this user; change its owner or its permissions"
        )


def make_tree(paths: Paths) -> tuple[str, ...]:
    """Make the folders that are missing and return their names; those that are there keep their permissions."""
    return tuple(folder.name for folder in FOLDERS if _make(paths.home / folder.name, folder.mode))


def _make(path: Path, mode: int) -> bool:
    try:
        return files.make_folder(path, mode=mode)
    except OSError as error:
        raise UnusableHome(f"the folder {path} can't be made: {error.strerror}") from None
