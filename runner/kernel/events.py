"""What happened in the tree: a ring of the last events, which any number of readers may follow."""

import datetime as dt
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Self

import attrs
import trio

KEPT = 2_000
BUFFER = 256
LAGGED = "events.lagged"


def _frozen(fields: Mapping[str, object]) -> Mapping[str, object]:
    return MappingProxyType(dict(fields))


@attrs.frozen
class Event:
    """One thing that happened: when, its name, and what is said of it (`actor`, `cause`, `incarnation`, ...)."""

    number: int
    at: dt.datetime
    name: str
    fields: Mapping[str, object] = attrs.field(converter=_frozen)


@attrs.frozen
class EventRingStatistics:
    """Counters of an event ring."""

    emitted: int
    kept: int
    subscribers: int
    lagged: int
    unheard: int
    """Events at which the listener failed."""


@attrs.define(eq=False)
class Subscription:
    """An async iterator over events from the moment of subscribing. A reader that is too slow misses the oldest ones.

    In their place it gets one event `events.lagged` whose field `missed` counts them. It never slows the emitter.
    """

    _ring: "EventRing"
    _buffer: deque[Event]
    _missed: int = attrs.field(default=0, init=False)
    _total: int = attrs.field(default=0, init=False)
    _lot: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot, init=False)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await trio.lowlevel.checkpoint()
        # no deadline: following means waiting for whatever comes next; the reader's own scope ends it
        while not self._buffer:
            await self._lot.park()
        if self._missed:
            missed, self._missed = self._missed, 0
            first = self._buffer[0]
            return Event(first.number - 1, first.at, LAGGED, {"missed": missed})
        return self._buffer.popleft()

    @property
    def lagged(self) -> int:
        """How many events this reader has missed in all."""
        return self._total

    def offer(self, event: Event) -> None:
        """Called by the ring for each event."""
        if len(self._buffer) == self._buffer.maxlen:
            self._missed += 1
            self._total += 1
        self._buffer.append(event)
        self._lot.unpark()


@attrs.define(eq=False)
class EventRing:
    """The last events. `now` is the wall clock; `listener` sees each event at once (for a log line), never waiting."""

    _now: Callable[[], dt.datetime]
    _listener: Callable[[Event], None] | None = attrs.field(default=None, kw_only=True)
    _kept: deque[Event] = attrs.field(init=False)
    _number: int = attrs.field(default=0, init=False)
    _lagged: int = attrs.field(default=0, init=False)
    _unheard: int = attrs.field(default=0, init=False)
    _subscribers: dict[int, Subscription] = attrs.field(factory=dict, init=False)
    capacity: int = attrs.field(default=KEPT, kw_only=True, validator=attrs.validators.ge(1))

    def __attrs_post_init__(self) -> None:
        self._kept = deque(maxlen=self.capacity)

    def now(self) -> dt.datetime:
        """The wall clock of this ring."""
        return self._now()

    def emit(self, name: str, /, **fields: object) -> Event:
        """Record an event now and offer it to every subscriber. Never waits."""
        self._number += 1
        event = Event(self._number, self._now(), name, fields)
        self._kept.append(event)
        for subscriber in self._subscribers.values():
            subscriber.offer(event)
        if self._listener is not None:
            try:
                self._listener(event)
            except Exception:  # noqa: BLE001 - a broken log must not take the tree along that it is to describe
                self._unheard += 1
        return event

    def recent(self, limit: float = math.inf) -> tuple[Event, ...]:
        """The last `limit` events, oldest first."""
        events = tuple(self._kept)
        return events if limit >= len(events) else events[len(events) - max(0, int(limit)) :]

    @contextmanager
    def subscribe(self, *, buffer: int = BUFFER) -> Iterator[Subscription]:
        """Follow the events from now on; at most `buffer` of them wait for a slow reader."""
        subscription = Subscription(self, deque(maxlen=buffer))
        self._subscribers[id(subscription)] = subscription
        try:
            yield subscription
        finally:
            del self._subscribers[id(subscription)]
            self._lagged += subscription.lagged

    def statistics(self) -> EventRingStatistics:
        """A snapshot of the counters."""
        return EventRingStatistics(
            emitted=self._number,
            kept=len(self._kept),
            subscribers=len(self._subscribers),
            unheard=self._unheard,
            lagged=self._lagged + sum(each.lagged for each in self._subscribers.values()),
        )
