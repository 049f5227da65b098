"""Making a home: folders, starter pages, a repository, and when asked a small life to look at."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs

from runner import resources
from runner.errors import ForeignHome, UnusableHome
from runner.home import git
from runner.home.lock import HomeLock
from runner.home.pages import StarterPage, Words, pages_of
from runner.home.tree import make_tree, require_home
from runner.settings import Paths, Settings
from runner.storage import files

__all__ = ["InitMark", "InitReport", "init_home", "made_by_init"]

# What may lie in a folder before it becomes a home: settings, an empty repository, what a disk brings with it.
PREPARED = frozenset({"runner", "claude-runner.toml", ".git", ".gitignore", "lost+found"})
SIGNS_OF_LIFE = ("thoughts", "memory", "prompt", "sessions.db")


@attrs.frozen(kw_only=True)
class InitMark:
    """What `init` left behind in a home it made."""

    at: datetime
    demo: bool
    complete: bool


@attrs.frozen(kw_only=True)
class InitReport:
    """What `init` did, for people."""

    home: Path
    fresh: bool
    """The home was made now, or its making was finished now; False when it was there before."""
    demo: bool
    folders: tuple[str, ...]
    pages: tuple[str, ...]
    git: str

    def lines(self) -> tuple[str, ...]:
        """The report as it is printed."""
        if not self.fresh and not self.folders and not self.pages:
            return (f"{self.home} is a home already; nothing was changed",)
        first = f"made a home in {self.home}" if self.fresh else f"{self.home} was there; added what was missing"
        counts = f"{_count(len(self.folders), 'folder')} and {_count(len(self.pages), 'page')}"
        return (first + (", with a small life in it" if self.demo else ""), counts, *([self.git] if self.git else []))


def made_by_init(paths: Paths) -> InitMark | None:
    """The mark of `init`, when this home was made by it; a home of the predecessor has none."""
    try:
        said = files.read_json(paths.made_by_init, limit=4096)
        return InitMark(at=datetime.fromisoformat(said["at"]), demo=bool(said["demo"]), complete=bool(said["complete"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def init_home(
    settings: Settings, *, now: datetime, demo: bool = False, environ: Mapping[str, str] | None = None
) -> InitReport:
    """Make a home, or finish one whose making was cut short. No file that exists is ever touched.

    A home that holds a life gets the folders it lacks and nothing else. A folder with other things in it is refused.
    """
    paths = settings.paths
    _refuse_foreign(paths.home)
    try:
        files.make_folder(paths.home)
    except OSError as error:
        raise UnusableHome(f"the home {paths.home} can't be made: {error.strerror}") from None
    require_home(paths.home)
    with HomeLock.acquire(paths.home, now=now):
        return _init_locked(settings, paths, now, demo=demo, environ=os.environ if environ is None else environ)


def _init_locked(
    settings: Settings, paths: Paths, now: datetime, *, demo: bool, environ: Mapping[str, str]
) -> InitReport:
    mark = made_by_init(paths)
    fresh = mark is None and _is_empty(paths.home)
    if demo and not fresh and not (mark and (mark.demo or not mark.complete)) and any(paths.thoughts.glob("*.md")):
        raise ForeignHome(
            f"the home {paths.home} holds thoughts already; --demo would mix invented ones into them: "
            "name an empty or new folder with --home"
        )
    unfinished = mark is not None and not mark.complete
    new_demo = demo and not (mark and mark.complete and mark.demo)
    if not (fresh or unfinished or (mark and new_demo)):
        return InitReport(home=paths.home, fresh=False, demo=False, folders=make_tree(paths), pages=(), git="")
    if unfinished:
        assert mark is not None
        # the days of a half-written life are counted from when it was begun, or it would get every entry twice
        now, new_demo = mark.at, mark.demo or demo
    # the mark comes first: a home cut off halfway is known for what it is, and finished the next time
    _write_mark(paths, now, demo=new_demo, complete=False)
    folders = make_tree(paths)
    pages = _write_pages(settings, paths, now, demo=new_demo)
    repository = git.make_repository(paths.home, name=settings.resident.name, environ=environ)
    _write_mark(paths, now, demo=new_demo, complete=True)
    return InitReport(home=paths.home, fresh=True, demo=new_demo, folders=folders, pages=pages, git=repository)


def _refuse_foreign(home: Path) -> None:
    if not home.is_dir() or _is_empty(home):
        return
    if (home / "data" / "home.json").is_file() or any((home / sign).exists() for sign in SIGNS_OF_LIFE):
        return
    some = ", ".join(sorted(entry.name for entry in home.iterdir())[:3])
    raise ForeignHome(
        f"{home} holds other things ({some}, …) and nothing of a home; name an empty or new folder with --home"
    )


def _is_empty(home: Path) -> bool:
    """Whether a folder holds nothing but what people prepare before `init`, and a lock that was just taken."""
    try:
        names = {entry.name for entry in home.iterdir()} - PREPARED
        return names <= {"data"} and {entry.name for entry in (home / "data").glob("*")} <= {"runner.lock"}
    except OSError as error:
        raise UnusableHome(f"the home {home} can't be read: {error.strerror}") from None


def _write_mark(paths: Paths, now: datetime, *, demo: bool, complete: bool) -> None:
    said = {"made_by": "init", "at": now.astimezone(UTC).isoformat(), "demo": demo, "complete": complete}
    files.write_json(paths.made_by_init, said, mode=0o600)


def _write_pages(settings: Settings, paths: Paths, now: datetime, *, demo: bool) -> tuple[str, ...]:
    words = Words(settings.resident, paths.home, now)
    shelf = resources.config_dir() / "home"
    # a demo page stands in for the starter page of the same name
    wanted: dict[str, StarterPage] = {page.name: page for page in pages_of(shelf / "starter", words)}
    if demo:
        wanted |= {page.name: page for page in pages_of(shelf / "demo", words)}
    written: list[str] = []
    for name, page in sorted(wanted.items()):
        path = paths.home / name
        files.make_folder(path.parent)
        if files.create_new(path, page.text, mode=page.mode):
            os.utime(path, (page.moment.timestamp(), page.moment.timestamp()))
            written.append(name)
    return tuple(written)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
