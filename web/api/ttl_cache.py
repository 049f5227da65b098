"""Answers that cost a look at many files: made once for all who ask together, and kept for a moment."""

import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import attrs
import trio

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

KEPT = 0.15
"""Seconds. Nothing that is served may be older than 0.3, and making it takes its time as well."""
MOST = 256
"""Answers that are kept; whoever asks for many others makes the oldest go."""


@attrs.define
class _Place(Generic[V]):
    lock: trio.Lock = attrs.field(factory=trio.Lock)
    value: V | None = None
    asked_at: float = float("-inf")


@attrs.define(eq=False)
class Lately(Generic[K, V]):
    """One value for each key. Whoever comes while it is being made waits for it; one that failed is nobody else's."""

    make: Callable[[K], Awaitable[V]]
    clock: Callable[[], float] = time.monotonic
    kept: float = KEPT
    _places: dict[K, _Place[V]] = attrs.field(factory=dict, init=False)

    async def get(self, key: K) -> V:
        """The value, as it was less than `kept` seconds ago or is now."""
        if key not in self._places and len(self._places) >= MOST:
            del self._places[next(iter(self._places))]
        place = self._places.setdefault(key, _Place())
        if place.value is not None and self._is_fresh(place):
            return place.value
        async with place.lock:  # held for as long as one making takes, which is a bounded piece of work in a thread
            if place.value is None or not self._is_fresh(place):
                asked_at = self.clock()
                place.value = await self.make(key)
                place.asked_at = asked_at
            return place.value

    def _is_fresh(self, place: _Place[V]) -> bool:
        return self.clock() - place.asked_at < self.kept
