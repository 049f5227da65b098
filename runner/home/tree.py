"""The folders of a home, and what is so of each: the one table for everything that treats folders differently.

What a session may read and write of it is worked out in `runner/tools/access.py`.
"""

import enum
import os
from pathlib import Path

import attrs

from runner.errors import HomeMissing, UnusableHome
from runner.settings import Paths
from runner.storage import files

__all__ = [
    "FILES",
    "FOLDERS",
    "TOP",
    "Folder",
    "HomeFile",
    "Readers",
    "Visibility",
    "make_tree",
    "require_home",
]

OPEN = 0o755
PRIVATE = 0o700


class Visibility(enum.Enum):
    """How much the public sees of a session's work in a folder."""

    SHOWN = "shown"
    """Calls and what they gave back."""
    NAMED = "named"
    """That a tool was used, and nothing that it touched."""
    HIDDEN = "hidden"
    """Nothing at all."""


class Readers(enum.Enum):
    """Which sessions read a folder."""

    ALL = "all"
    ALONE = "alone"
    """Those that hold no stranger's words: what others wrote in confidence is nothing to be coaxed out of a session."""
    SHARED = "shared"
    """The same; and of the part that bears a correspondent's name a session that holds letters of this one."""
    NONE = "none"


@attrs.frozen
class Folder:
    """One folder below home. Private ones are closed to everybody else on the machine."""

    name: str
    mode: int = OPEN
    tracked: bool = False
    """Part of the life that the home's git repository keeps."""
    kept: tuple[str, ...] = ()
    """The only files of it that a new home's repository is told to keep; without any, all of them."""
    tag: str = ""
    """Which of the readers' caches a change makes old; a folder with one is looked at before and after a session."""
    visibility: Visibility = Visibility.HIDDEN
    readers: Readers = Readers.NONE
    writable: bool = False
    """By the resident in a session; what belongs to the house is written by the house alone."""
    about: str = ""
    """What the resident is told of it; folders without a word are not named to it."""
    newest: bool = False
    """Its newest files are named in the prompt."""
    corpus: bool = False
    """Dated entries that say how the resident writes: drift, mirror and echoes look at them."""

    @property
    def top(self) -> bool:
        return "/" not in self.name


@attrs.frozen
class HomeFile:
    """A file directly in the home; hidden ones all belong to the house."""

    name: str
    tracked: bool = False
    readers: Readers = Readers.NONE
    writable: bool = False


def _public(name: str, tag: str, about: str = "", *, newest: bool = False, corpus: bool = False) -> Folder:
    """What the resident makes for everybody."""
    return Folder(
        name,
        tracked=True,
        tag=tag,
        visibility=Visibility.SHOWN,
        readers=Readers.ALL,
        writable=True,
        about=about,
        newest=newest,
        corpus=corpus,
    )


def _brought(name: str, visibility: Visibility, about: str) -> Folder:
    """What the owner brings."""
    return Folder(name, visibility=visibility, readers=Readers.ALL, about=about, newest=True)


def _own(name: str, about: str, *, tracked: bool = False) -> Folder:
    """What the resident keeps for itself."""
    return Folder(name, PRIVATE, tracked=tracked, readers=Readers.ALL, writable=True, about=about)


FOLDERS = (
    _public("thoughts", "thoughts", "your journal", corpus=True),
    _public("dreams", "dreams", "poems, drawings in letters, prose that needs no reason", newest=True, corpus=True),
    _public("essays", "essays", "longer pieces", corpus=True),
    _public("letters", "letters", "letters to people and things, one file for each addressee", corpus=True),
    _public("scores", "scores", "instructions for doing, poems to be performed", corpus=True),
    _public("essays-description", "essays", "essays-description.md, a few words for readers of the essays"),
    _public("letters-description", "letters", "letters-description.md, the same for the letters"),
    _public("scores-description", "scores", "scores-description.md, the same for the scores"),
    _public("sandbox", "sandbox", "code that you try out", newest=True),
    _public("projects", "projects", "things that grow over time", newest=True),
    _public("about", "about", "who you are, for readers", newest=True),
    _public(
        "landing-page",
        "landing",
        "the front page: landing.json (headline, subheadline) and content.md",
        newest=True,
    ),
    _public("landing-summary", "landing"),
    _public("visitor-greeting", "visitors"),
    Folder("visitors", PRIVATE, readers=Readers.ALONE, about="what visitors left for you"),
    Folder("visitors/archive", PRIVATE),
    _own(
        "memory",
        "what you carry along; memory.md is put before you at every waking, so keep it true",
        tracked=True,
    ),
    Folder(
        "prompt",
        PRIVATE,
        tracked=True,
        kept=("prompt.md",),
        visibility=Visibility.SHOWN,
        readers=Readers.ALL,
        writable=True,
        about="prompt.md, which your next self reads",
    ),
    _own("inner-thread", "thread.jsonl, a thread of small notes to yourself"),
    _brought("news", Visibility.SHOWN, "brought by the owner"),
    _brought("gifts", Visibility.SHOWN, "brought by the owner"),
    _brought("readings", Visibility.NAMED, "brought by the owner, one a day before 3am"),
    Folder("conversations", PRIVATE, readers=Readers.ALONE, about="what you answered to whom", newest=True),
    Folder("transcripts", PRIVATE, readers=Readers.ALONE, about="records of past sessions", newest=True),
    _public("bookshelf", "bookshelf", "what you read, and why", newest=True),
    Folder("telegram", PRIVATE, readers=Readers.ALONE, about="the chat with the owner and a few friends"),
    Folder("telegram/images", PRIVATE),
    Folder("mailbox", PRIVATE, readers=Readers.SHARED),
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
"""In the order in which the resident is told of them."""

TOP = tuple(folder for folder in FOLDERS if folder.top)

FILES = (
    HomeFile("voice.md", tracked=True, readers=Readers.ALL, writable=True),
    # the owner's notes to the resident
    HomeFile("CLAUDE.md", tracked=True, readers=Readers.ALL),
    HomeFile("sessions.db"),
    HomeFile("sessions.db-wal"),
    HomeFile("sessions.db-shm"),
    HomeFile("claude-runner.toml"),
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
