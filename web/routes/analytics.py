"""The life in numbers: looked up often, added up only when something has changed."""

import attrs
import trio
from quart import Blueprint

from runner.analytics import COUNTED, Analytics, LogShelf, SessionFigures, sum_up
from runner.analytics.ran import sessions_of
from runner.content import strong_etag
from runner.content.entry import Entry, dump
from web.api import responses as answers
from web.api.operations import Operation, offer
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.api.ttl_cache import KEPT, Lately
from web.services import Services


@attrs.frozen(eq=False)
class _Made:
    """An answer, and what it was made of."""

    key: tuple[str, ...]
    sessions: tuple[SessionFigures, ...]
    data: bytes
    etag: str


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("analytics", __name__)
    sums = Sums(services, LogShelf(services.settings.paths.logs))

    @offer(blueprint, "/analytics", Operation(answers={200: Analytics}, summary="The life in numbers"), hot=True)
    async def analytics(_ask: ApiRequest) -> ApiResponse:
        made = await sums.current()
        return answers.ready(made.data, made.etag)

    return blueprint


@attrs.define(eq=False)
class Sums:
    """Looks at ledger and logs at most a few times a second, and adds up when they or the entries differ."""

    services: Services
    logs: LogShelf
    kept: float = KEPT
    _lock: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _made: _Made | None = attrs.field(default=None, init=False)
    _told: dict[str, str] = attrs.field(factory=dict, init=False)
    _lately: Lately[tuple[str, ...], _Made] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lately = Lately(self._make, kept=self.kept)

    async def current(self) -> _Made:
        """A change of an entry is seen at once, one of a session within a moment."""
        shelves = self.services.catalogue().shelves
        return await self._lately.get(tuple(shelves[name].etag for name in COUNTED))

    async def _make(self, _asked: tuple[str, ...]) -> _Made:
        async with self._lock:  # the logs have one reader; held for two bounded pieces of work in threads
            shelves = self.services.catalogue().shelves
            thoughts, dreams = (shelves[name] for name in COUNTED)
            figures = await self.services.figures()
            zone = self.services.settings.resident.zone

            def work() -> _Made:
                sessions = (*sessions_of(figures.ran, zone), *self.logs.sessions(figures.known))
                last, now = self._made, (thoughts.etag, dreams.etag)
                if last is not None and last.key == now and last.sessions == sessions:
                    return last
                return _add_up(now, thoughts.order, dreams.order, sessions)

            self._made = await self.services.run_sync(work)
            self._tell()
            return self._made

    def _tell(self) -> None:
        problems = self.logs.problems()
        if problems != self._told:
            self._told = problems
            if problems:
                name, reason = next(iter(problems.items()))
                self.services.log.warning("logs_left_out", count=len(problems), name=name, reason=reason)


def _add_up(
    key: tuple[str, ...], thoughts: tuple[Entry, ...], dreams: tuple[Entry, ...], sessions: tuple[SessionFigures, ...]
) -> _Made:
    data = dump(attrs.asdict(sum_up(thoughts, dreams, sessions)))
    return _Made(key, sessions, data, strong_etag(data))
