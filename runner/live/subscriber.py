"""One viewer's place at the hub: a bounded buffer that shares its bytes with everybody else's."""

from collections import deque
from collections.abc import Callable
from math import inf

import attrs
import trio

from runner.live import frames
from runner.live.frames import Frame
from runner.live.session_log import SessionLog

BATCH = 128 * 1024
"""Bytes handed out at once: a long replay reaches a slow viewer in pieces."""


@attrs.frozen
class ViewerLimits:
    """How much waits for a slow viewer, and how much it may miss before it is cut."""

    frames: int = 256
    size: int = 1024 * 1024
    missed: int = 1024
    """A viewer that misses more events than this without reading once is cut; it may join again."""


@attrs.define(eq=False)
class Subscriber:
    """Reads with `receive`; made by `Hub.subscribe`, whose `with` block ends it.

    Nobody else may call `receive` at the same time. A session that was under way is read from its log at the
    viewer's own pace; the buffer is used from the moment it has caught up.
    """

    limits: ViewerLimits
    only: frozenset[str] | None = None
    evicted: bool = attrs.field(default=False, init=False)
    lost: int = attrs.field(default=0, init=False)
    """Events this viewer missed in all."""
    told: Callable[[], None] | None = attrs.field(default=None, init=False)
    """Called at any news, from within the hub: for a reader that looks after many viewers in one task."""
    _pending: deque[Frame | bytes] = attrs.field(factory=deque, init=False)
    _size: int = attrs.field(default=0, init=False)
    _gap: int = attrs.field(default=0, init=False)
    _skip_block: bool = attrs.field(default=False, init=False)
    _log: SessionLog | None = attrs.field(default=None, init=False)
    _index: int = attrs.field(default=0, init=False)
    _weight: int = attrs.field(default=0, init=False)
    _ended: bool = attrs.field(default=False, init=False)
    _wake: trio.Event = attrs.field(factory=trio.Event, init=False)

    async def receive(self, within: float = inf) -> tuple[bytes, ...] | None:
        """The next frames as bytes, in order; None when nothing came `within` seconds (a heartbeat is due).

        Raises `trio.EndOfChannel` when the hub has closed or this viewer was cut, after what was waiting.
        """
        await trio.lowlevel.checkpoint()
        deadline = trio.current_time() + within
        while True:
            batch = self.take()
            if batch:
                return batch
            if self._ended:
                raise trio.EndOfChannel
            if trio.current_time() >= deadline:
                return None
            self._wake = trio.Event()
            with trio.move_on_at(deadline):
                await self._wake.wait()

    def take(self) -> tuple[bytes, ...]:
        """What is ready now, at most `BATCH` bytes and a frame; empty when nothing is. For one who is `told`."""
        batch: list[bytes] = []
        size = self._catch_up_into(batch) if self._log is not None else 0
        if size >= BATCH:
            return tuple(batch)
        if self._gap:
            batch.append(frames.gap(self._gap, "slow"))
            self._gap = 0
        while self._pending and size < BATCH:
            item = self._pending.popleft()
            wire = item.wire if isinstance(item, Frame) else item
            self._size -= len(wire)
            size += len(wire)
            batch.append(wire)
        return tuple(batch)

    @property
    def waiting(self) -> bool:
        """Whether there is more to take."""
        return bool(self._pending or self._log is not None or self._gap)

    @property
    def ended(self) -> bool:
        """Nothing comes after what is waiting."""
        return self._ended

    def end(self) -> None:
        """Let the stream end after what is waiting: the server that carries it is stopping."""
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        self._wake.set()
        if self.told is not None:
            self.told()

    # What follows is called by the hub only.

    def catch_up(self, log: SessionLog) -> None:
        self._log, self._index, self._weight = log, 0, 0
        self._tell()

    def offer(self, frame: Frame) -> bool:
        """Put a frame in; False when this viewer has to be cut."""
        if self._ended or (frame.topic == frames.SESSION and self._log is not None):
            return True
        if frame.event == frames.DELTA:
            self._offer_delta(frame)
            return True
        if frame.topic == frames.SESSION and frame.event in (frames.TEXT, frames.START, frames.END):
            self._skip_block = False
        if not self._wants(frame):
            return True
        self._put(frame)
        if self._gap > self.limits.missed:
            self.evicted = True
            self._pending.clear()
            self._size = 0
            self.end()
            return False
        return True

    def skip_block(self) -> None:
        """A delta was lost on the way here: no more of this block, its full text follows."""
        self._skip_block = True

    def put_first(self, chunk: bytes) -> None:
        """Something this viewer has to know before all else, such as a gap at its joining."""
        self._pending.append(chunk)
        self._size += len(chunk)
        self._tell()

    def replay(self, batch: list[Frame]) -> None:
        """A replay is not held against the buffer's limits: it is bounded by the ring it comes from."""
        for frame in batch:
            if self._wants(frame):
                self._pending.append(frame)
                self._size += frame.size

    def _wants(self, frame: Frame) -> bool:
        return self.only is None or frame.event in self.only or frame.event == frames.GAP

    def _offer_delta(self, frame: Frame) -> None:
        half = len(self._pending) * 2 >= self.limits.frames or self._size * 2 >= self.limits.size
        if half:
            self._skip_block = True
        if not self._skip_block and self._wants(frame):
            self._pending.append(frame)
            self._size += frame.size
            self._tell()

    def _put(self, frame: Frame) -> None:
        if self._full_with(frame):
            self._drop_deltas()
        while self._pending and self._full_with(frame):
            self._drop(self._pending.popleft())
        self._pending.append(frame)
        self._size += frame.size
        self._tell()

    def _full_with(self, frame: Frame) -> bool:
        return len(self._pending) >= self.limits.frames or self._size + frame.size > self.limits.size

    def _drop_deltas(self) -> None:
        kept = deque(item for item in self._pending if isinstance(item, bytes) or item.event != frames.DELTA)
        if len(kept) < len(self._pending):
            self._skip_block = True
        self._pending = kept
        self._size = sum(_size(item) for item in kept)

    def _drop(self, item: Frame | bytes) -> None:
        self._size -= _size(item)
        if isinstance(item, Frame):
            self._gap += item.weight
            self.lost += item.weight

    def _catch_up_into(self, batch: list[bytes]) -> int:
        size = 0
        while self._log is not None and size < BATCH:
            taken, lost, self._index, self._weight = self._log.read(self._index, self._weight, at_most=BATCH - size)
            if lost:
                self.lost += lost
                batch.append(frames.gap(lost, "long"))
            for frame in taken:
                size += frame.size
                if self._wants(frame):
                    batch.append(frame.wire)
            if self._index < self._log.end:
                continue
            if self._log.next is not None:
                self.catch_up(self._log.next)
                continue
            block = self._log.open_block()
            self._skip_block = self._log.holed
            if block is not None and (self.only is None or frames.DELTA in self.only):
                batch.append(block)
            self._log = None
        return size


def _size(item: Frame | bytes) -> int:
    return item.size if isinstance(item, Frame) else len(item)
