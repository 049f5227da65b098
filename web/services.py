"""Everything a route or a page may touch. It is handed in; nothing is looked up."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import attrs

from runner.clock import Now
from runner.content import Catalogue
from runner.ledger import Figures, Title
from runner.live import Hub
from runner.offload import RunSync
from runner.operator.wakes import Admitted
from runner.search import Found, NoMeaningError, SearchQuery
from runner.settings import Settings
from runner.triggers.intake import NotNow


class AccessLog(Protocol):
    """A structured logger: an event's name and its fields."""

    def info(self, event: str, **fields: Any) -> Any: ...
    def warning(self, event: str, **fields: Any) -> Any: ...
    def error(self, event: str, **fields: Any) -> Any: ...
    def exception(self, event: str, **fields: Any) -> Any: ...


class ActorView(Protocol):
    """What readiness shows of an actor; the kernel's statistics have it."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> Any: ...


class Appointment(Protocol):
    """A wake to come."""

    @property
    def type(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class SessionSource(Protocol):
    """Tells what the session is doing: fields of the public status document, `{"active": False}` when nothing is."""

    async def current(self) -> dict[str, Any]: ...


async def _closed(_kind: str, _prompt: str) -> Admitted:
    raise NotNow("no wakes can be asked for here")


class TitleBook(Protocol):
    """What texts were called; the first title of a text stays."""

    async def get(self, key: str, /) -> Title | None: ...
    async def add(self, title: Title, /) -> tuple[Title, bool]:
        """The entry that counts, and whether it is this one."""
        ...


async def _no_figures() -> Figures:
    return Figures((), frozenset())


async def _healthy() -> str | None:
    return None


async def _none_failing() -> Mapping[str, int]:
    return {}


async def _no_index(_wanted: SearchQuery) -> Found:
    return Found()


async def _no_meaning(_wanted: SearchQuery) -> Sequence[tuple[str, str]]:
    raise NoMeaningError("searching by meaning needs the semantic index, and there is none; mode=words works")


def _nobody() -> Sequence[ActorView]:
    return ()


def _nothing() -> Sequence[Appointment]:
    return ()


@attrs.frozen(eq=False, kw_only=True)
class Services:
    """Stores, reads and views, alive before the server and after it."""

    settings: Settings
    hub: Hub
    log: AccessLog
    now: Now
    run_sync: RunSync
    catalogue: Callable[[], Catalogue]
    """The snapshot in force; the indexer replaces it, readers never wait."""
    status: SessionSource
    titles: TitleBook
    figures: Callable[[], Awaitable[Figures]] = _no_figures
    """What the sessions of the ledger used."""
    actors: Callable[[], Sequence[ActorView]] = _nobody
    upcoming: Callable[[], Sequence[Appointment]] = _nothing
    """Wakes to come, soonest first."""
    ledger_check: Callable[[], Awaitable[str | None]] = _healthy
    failing_hooks: Callable[[], Awaitable[Mapping[str, int]]] = _none_failing
    """Hooks that fail session after session, and after how many."""
    """None, or in one line what is wrong with the ledger."""
    admit: Callable[[str, str], Awaitable[Admitted]] = _closed
    """Takes in a wake of this type with this prompt; `NotNow` when none is taken."""
    stopping: Callable[[], bool] = bool
    """Whether the process has begun to end."""
    rehearsal: Callable[[], bool] = bool
    """Whether sessions are the embedded rehearsal; said wherever its work is shown."""
    search: Callable[[SearchQuery], Awaitable[Found]] = _no_index
    """Hits of the full-text index as it is now; never waits for what is not yet in it."""
    meaning: Callable[[SearchQuery], Awaitable[Sequence[tuple[str, str]]]] = _no_meaning
    """Asks the indexer for the entries nearest in meaning, as kind and slug; `NoMeaningError` where it can't say."""
