"""What a source is, and what it may look at."""

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import attrs
import trio

from runner.offload import RunSync
from runner.schedule import Schedule
from runner.session.kinds import SessionKind
from runner.settings import Settings
from runner.storage import files

T = TypeVar("T")

READ_LIMIT = 16 * 1024 * 1024
JSON_LIMIT = 4 * 1024 * 1024
CUT_MARK = "\n[... cut here: the rest is in the file]"


class MissingError(Exception):
    """A source has not what it should, for a reason that people should read. `instead` is what it has, if anything."""

    def __init__(self, reason: str, *, instead: object = None) -> None:
        super().__init__(reason)
        self.instead = instead


@attrs.define(eq=False)
class Memo:
    """What several sources of one gathering need is found by the first that asks; the others wait for it."""

    _locks: dict[str, trio.Lock] = attrs.field(factory=dict, init=False)
    _found: dict[str, Any] = attrs.field(factory=dict, init=False)
    _failed: dict[str, Exception] = attrs.field(factory=dict, init=False)

    async def once(self, key: str, find: Callable[[], Awaitable[T]]) -> T:
        """Who waits does so within its own deadline; a finder that is cut off leaves the work to the next."""
        async with self._locks.setdefault(key, trio.Lock()):
            if key in self._failed:
                raise MissingError(str(self._failed[key])) from self._failed[key]
            if key not in self._found:
                try:
                    self._found[key] = await find()
                except Exception as error:
                    self._failed[key] = error
                    raise
            found: T = self._found[key]
            return found


@attrs.frozen
class Ask:
    """The wake that context is gathered for."""

    kind: SessionKind
    now: datetime
    """The instant of waking, in the home's zone."""
    settings: Settings
    schedule: Schedule
    run_sync: RunSync
    message: str = ""
    """What the wake brings along; for `correspondence` the names of those who wrote."""
    sender: str = ""
    keep: bool = True
    """Sources may write what they fetched into data/; false in a dry run, which changes nothing."""
    memo: Memo = attrs.field(factory=Memo, eq=False, repr=False)

    async def text_of(self, path: Path, limit: int) -> str:
        """A text file's content, its end cut when it is over the limit; FileNotFoundError when it is not there."""
        text = await self.run_sync(lambda: files.read_text(path, limit=READ_LIMIT))
        return text if len(text) <= limit else text[:limit] + CUT_MARK

    async def json_of(self, path: Path) -> Any:
        """What a JSON file holds; FileNotFoundError when it is not there, MissingError when it is no JSON."""
        try:
            return await self.run_sync(lambda: files.read_json(path, limit=JSON_LIMIT))
        except (ValueError, RecursionError) as error:
            raise MissingError(f"{path.name} can't be read as JSON: {error}") from None


Gather: TypeAlias = Callable[[Ask], Awaitable[Any]]


@attrs.frozen
class Source:
    """One value of the prompt: how it is found, how long that may take, and what stands in for it."""

    name: str
    gather: Gather
    fallback: Any = ""
    within: float = 5.0
    remote: bool = False
    """Asks a service beyond this machine."""


@attrs.frozen
class Letter:
    """Words of somebody else, always shown inside a marked block."""

    source: str
    """Where they lie: stands in the border."""
    text: str
    """Who, when and what: all of it was chosen by somebody else."""
    file: str = ""
    stranger: bool = True
    """Whether somebody other than the owner and the resident had a part in it."""


@attrs.frozen
class Letters:
    """Letters to show, and how many are left for another time."""

    shown: tuple[Letter, ...] = ()
    more: int = 0

    def __len__(self) -> int:
        return sum(len(letter.text) for letter in self.shown)

    def __bool__(self) -> bool:
        return bool(self.shown)


@attrs.frozen
class FolderEntry:
    """A file of a folder, as a listing needs it."""

    name: str
    mtime_ns: int


def entries(folder: Path, *, suffix: str = "") -> list[FolderEntry]:
    """The folder's regular files, newest first; hidden ones, links and the README don't count. Blocking.

    A folder that is not there is an empty one: a young home has few.
    """
    try:
        listing = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found: list[FolderEntry] = []
    with listing:
        for item in listing:
            if item.name.startswith(".") or item.name == "README.md" or not item.name.endswith(suffix):
                continue
            with contextlib.suppress(FileNotFoundError):  # gone since the folder was listed
                if item.is_file(follow_symlinks=False):
                    found.append(FolderEntry(item.name, item.stat(follow_symlinks=False).st_mtime_ns))
    return sorted(found, key=lambda entry: (-entry.mtime_ns, entry.name))


def one_line(text: object, limit: int = 200) -> str:
    """A word of a state file on one line and of bearable length."""
    line = re.sub(r"\s+", " ", str(text)).strip()
    return line if len(line) <= limit else line[: limit - 3] + "..."


def instant(text: object) -> datetime:
    """An ISO time with an offset; MissingError for anything else."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise MissingError(f"{one_line(text, 40)!r} is no time") from None
    if moment.tzinfo is None:
        raise MissingError(f"the time {one_line(text, 40)!r} has no offset")
    return moment
