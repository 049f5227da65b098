"""The waiting line of a mailbox: a deque with both ends in use, bounded by a named overflow policy."""

import enum
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

import attrs

from runner.kernel.errors import SpecError

M = TypeVar("M")


class Overflow(enum.Enum):
    """What a full mailbox does with one more message."""

    REFUSE = "refuse"
    """The new one is refused."""
    DROP_OLDEST = "drop oldest"
    """The oldest queued one goes, the new one is queued."""
    KEEP_NEWEST = "keep newest"
    """The queued one with the same key goes (with none, the oldest), the new one is queued at the tail."""


@attrs.define(eq=False)
class Envelope(Generic[M]):
    """An accepted message and what is known about its way."""

    message: M
    number: int
    """Place in the order of acceptance."""
    at: float
    """When it was accepted, on trio's clock."""
    attempts: int = 0
    """Deliveries that ended in a crash, hang or kill."""
    resent: bool = False
    gone: bool = False


@attrs.define(eq=False)
class Line(Generic[M]):
    """The queue proper. Ask `refuses` first; `add` then says which envelope had to go for the new one."""

    capacity: int
    overflow: Overflow = Overflow.REFUSE
    key: Callable[[M], Hashable] | None = None
    _queue: deque[Envelope[M]] = attrs.field(factory=deque, init=False)
    size: int = attrs.field(default=0, init=False)
    _newest: dict[Hashable, Envelope[M]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        if self.capacity < 1:
            msg = f"a mailbox needs room for at least 1 message, not {self.capacity}"
            raise SpecError(msg)
        if (self.overflow is Overflow.KEEP_NEWEST) != (self.key is not None):
            msg = "a key belongs to KEEP_NEWEST, and KEEP_NEWEST needs one"
            raise SpecError(msg)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Envelope[M]]:
        return (envelope for envelope in self._queue if not envelope.gone)

    @property
    def refuses(self) -> bool:
        """Whether one more message would be refused."""
        return self.size >= self.capacity and self.overflow is Overflow.REFUSE

    def add(self, envelope: Envelope[M]) -> Envelope[M] | None:
        """Queue at the tail; returns the envelope displaced by it. Ask `refuses` first."""
        key = self.key(envelope.message) if self.key is not None else None  # before anything is changed: it may raise
        displaced = self._displace(key) if self.size >= self.capacity else None
        self._queue.append(envelope)
        self.size += 1
        if self.key is not None:
            self._newest[key] = envelope
        return displaced

    def give_back(self, envelope: Envelope[M]) -> None:
        """Put at the head what was in hand, even into a full queue: it was accepted long ago."""
        self._queue.appendleft(envelope)
        self.size += 1
        if self.key is not None:
            self._newest.setdefault(self.key(envelope.message), envelope)

    def head(self) -> Envelope[M] | None:
        """The next one, left where it is."""
        while self._queue and self._queue[0].gone:
            self._queue.popleft()
        return self._queue[0] if self._queue else None

    def take(self) -> Envelope[M]:
        """The next one, taken out. There must be one."""
        envelope = self._queue.popleft()
        while envelope.gone:
            envelope = self._queue.popleft()
        self.size -= 1
        if self.key is not None:
            self._forget_key(self.key(envelope.message), envelope)
        return envelope

    def clear(self) -> list[Envelope[M]]:
        """Take all out, in order."""
        everything = list(self)
        self._queue.clear()
        self._newest.clear()
        self.size = 0
        return everything

    def _displace(self, key: Hashable) -> Envelope[M]:
        same = self._newest.get(key) if self.key is not None else None
        if same is None:
            return self.take()
        same.gone = True  # left in place: taking out of the middle of a deque walks through it
        self.size -= 1
        if len(self._queue) > 2 * self.capacity:
            self._queue = deque(self)
        return same

    def _forget_key(self, key: Hashable, envelope: Envelope[M]) -> None:
        if self._newest.get(key) is envelope:
            del self._newest[key]
