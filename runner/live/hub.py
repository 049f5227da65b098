"""The hub: topics, numbers, replays and viewers' buffers. It belongs to the root and is no actor.

A commit numbers a frame, keeps it and offers it to every viewer in one synchronous step, so a crash of whoever
publishes can't half-publish, and viewers join, replay and hear heartbeats while the broadcaster is down.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import attrs
import trio

from runner.live import frames
from runner.live.frames import Frame
from runner.live.once import Once
from runner.live.ring import Ring
from runner.live.session_log import SessionLog, SessionView
from runner.live.subscriber import Subscriber, ViewerLimits

NUMBER = re.compile(r"[0-9]{1,20}")
"""Of an event, as its id ends."""


class HubClosedError(Exception):
    """The hub has closed: the process is ending. Joining again later is up to the viewer."""


class TooManyViewersError(Exception):
    """A door is full. Coming back in a moment is up to the viewer."""


class StaleWriterError(Exception):
    """A newer writer was taken: whoever holds this one belongs to an incarnation that is over."""


@attrs.frozen
class HubLimits:
    """What the hub keeps, for the joining and for the slow."""

    ring_frames: int = 2000
    ring_bytes: int = 4 * 1024 * 1024
    session_bytes: int = 32 * 1024 * 1024
    session_kept: float = 30.0
    """Seconds for which an ended session is still shown to those who join."""
    viewer: ViewerLimits = attrs.field(factory=ViewerLimits)


@attrs.frozen
class HubStatistics:
    """Counters of the hub at one moment."""

    boot: str
    closed: bool
    committed: int
    repeated: int
    viewers: int
    doors: dict[str, int]
    evicted: int
    lost: int
    replay_frames: int
    replay_bytes: int
    session_id: str | None
    session_frames: int
    session_bytes: int


@attrs.define(eq=False)
class Hub:
    """Everything that is shown live passes through here. Loop thread only."""

    boot: str
    clock: Callable[[], float] = trio.current_time
    limits: HubLimits = attrs.field(factory=HubLimits)
    _closed: bool = attrs.field(default=False, init=False)
    _number: int = attrs.field(default=0, init=False)
    _committed: int = attrs.field(default=0, init=False)
    _repeated: int = attrs.field(default=0, init=False)
    _evicted: int = attrs.field(default=0, init=False)
    _lost: int = attrs.field(default=0, init=False)
    _once: Once = attrs.field(factory=Once, init=False)
    _rings: dict[str, Ring] = attrs.field(factory=dict, init=False)
    _log: SessionLog | None = attrs.field(default=None, init=False)
    _followers: dict[str, dict[Subscriber, None]] = attrs.field(factory=dict, init=False)
    _doors: Counter[str] = attrs.field(factory=Counter, init=False)
    _writer: "HubWriter | None" = attrs.field(default=None, init=False)

    def writer(self) -> "HubWriter":
        """The right to commit; taking it ends the right of whoever took it last."""
        self._writer = HubWriter(self)
        return self._writer

    @contextmanager
    def subscribe(
        self,
        topics: Iterable[str],
        *,
        after: str | None = None,
        only: frozenset[str] | None = None,
        door: str = "",
        at_most: int | None = None,
    ) -> Iterator[Subscriber]:
        """Follow `topics` until the block ends.

        The session's topic is followed from the first event of the session shown; the others from now, or from
        the id `after` on. `only` lets in just these events. `door` counts viewers, `at_most` of them.
        """
        if self._closed:
            raise HubClosedError("the hub has closed")
        if at_most is not None and self._doors[door] >= at_most:
            raise TooManyViewersError(f"{self._doors[door]} viewers are at this door, at most {at_most} are let in")
        wanted = frozenset(topics)
        subscriber = Subscriber(self.limits.viewer, only)
        if after is not None:
            self._replay(subscriber, wanted, after)
        if frames.SESSION in wanted and (log := self._shown_log()) is not None:
            subscriber.catch_up(log)
        for topic in wanted:
            self._followers.setdefault(topic, {})[subscriber] = None
        self._doors[door] += 1
        try:
            yield subscriber
        finally:
            self._doors[door] -= 1
            for topic in wanted:
                self._forget(topic, subscriber)

    def session(self) -> SessionView | None:
        """The session that a viewer joining now would see from its first event."""
        log = self._shown_log()
        return None if log is None else log.view()

    def lost(self, topic: str, event: str, *, session: str | None = None, count: int = 1) -> None:
        """Mark that `count` publications never came through: viewers, and those who join later, see a gap.

        A lost delta leaves no gap: the rest of its block is held back, and the full text follows.
        """
        if self._closed:
            return
        if event == frames.DELTA:
            if self._log is not None:
                self._log.hole()
            for subscriber in self._followers.get(frames.SESSION, ()):
                subscriber.skip_block()
            return
        data = b'{"count":%d,"reason":"overload"}' % count
        self._lost += count
        self._show(topic, frames.GAP, data, session, weight=count)

    def close(self) -> None:
        """End all streams, after what is waiting for them."""
        self._closed = True
        for followers in self._followers.values():
            for subscriber in followers:
                subscriber.end()

    def statistics(self) -> HubStatistics:
        log = self._shown_log()
        viewers = {subscriber for followers in self._followers.values() for subscriber in followers}
        return HubStatistics(
            boot=self.boot,
            closed=self._closed,
            committed=self._committed,
            repeated=self._repeated,
            viewers=len(viewers),
            doors={door: count for door, count in self._doors.items() if count},
            evicted=self._evicted,
            lost=self._lost + sum(viewer.lost for viewer in viewers),
            replay_frames=sum(len(ring) for ring in self._rings.values()),
            replay_bytes=sum(ring.size for ring in self._rings.values()),
            session_id=None if log is None else log.session_id,
            session_frames=0 if log is None else len(log),
            session_bytes=0 if log is None else log.size,
        )

    # What follows is for the writer in office.

    def _commit(
        self, topic: str, event: str, data: bytes, *, session: str | None, once: tuple[str, int] | None
    ) -> int | None:
        if topic == frames.EVERYTHING:
            raise ValueError("a frame belongs to one topic, got '*'")
        if self._closed:
            return None
        if once is not None and not self._once.first_time(*once):
            self._repeated += 1
            return None
        self._committed += 1
        return self._show(topic, event, data, session)

    def _show(self, topic: str, event: str, data: bytes, session: str | None, *, weight: int = 1) -> int:
        if topic == frames.SESSION:
            frame = self._in_session(event, data, session, weight)
        else:
            wire = frames.encode(event, data, identity=f"{self.boot}-{self._number + 1}")
            self._number += 1
            frame = Frame(topic, event, self._number, data, wire, weight)
            ring = self._rings.get(topic)
            if ring is None:
                ring = self._rings[topic] = Ring(self.limits.ring_frames, self.limits.ring_bytes)
            ring.add(frame)
        self._offer(frame)
        return frame.number

    def _in_session(self, event: str, data: bytes, session: str | None, weight: int) -> Frame:
        wire = frames.encode(event, data)
        if session is not None and (self._log is None or self._log.session_id != session):
            self._begin_session(session)
        log = self._log
        if log is None:
            return Frame(frames.SESSION, event, 0, data, wire, weight)
        if event == frames.DELTA:
            log.add_delta(data)
            return Frame(frames.SESSION, event, log.numbered, data, wire, 0)
        log.numbered += 1
        frame = Frame(frames.SESSION, event, log.numbered, data, wire, weight)
        log.add(frame)
        if event == frames.END:
            log.ended_at = self.clock()
        return frame

    def _begin_session(self, session: str) -> None:
        old, self._log = self._log, SessionLog(session, self.limits.session_bytes)
        if old is not None:
            old.next = self._log

    def _end_session(self, session: str) -> None:
        if self._log is not None and self._log.session_id == session and self._log.ended_at is None:
            self._log.ended_at = self.clock()

    def _check(self, writer: "HubWriter") -> None:
        if writer is not self._writer:
            raise StaleWriterError("a newer incarnation writes to the hub")

    def _offer(self, frame: Frame) -> None:
        followers = [*self._followers.get(frame.topic, ())]
        if frame.topic != frames.SESSION:
            followers += self._followers.get(frames.EVERYTHING, ())
        cut = [subscriber for subscriber in followers if not subscriber.offer(frame)]
        self._evicted += len(cut)
        for subscriber in cut:  # a cut viewer takes up no more offers while its stream winds down
            for topic in tuple(self._followers):
                self._forget(topic, subscriber)

    def _forget(self, topic: str, subscriber: Subscriber) -> None:
        followers = self._followers.get(topic)
        if followers is not None and followers.pop(subscriber, 0) is None:
            self._lost += subscriber.lost
            subscriber.lost = 0
            if not followers:
                del self._followers[topic]

    def _shown_log(self) -> SessionLog | None:
        log = self._log
        if log is not None and log.ended_at is not None and self.clock() - log.ended_at >= self.limits.session_kept:
            self._log = None
        return self._log

    def _replay(self, subscriber: Subscriber, topics: frozenset[str], after: str) -> None:
        boot, _, number = after.rpartition("-")
        if boot != self.boot or NUMBER.fullmatch(number) is None or int(number) > self._number:
            subscriber.put_first(frames.gap(None, "restart"))
            return
        lost = 0
        found: list[Frame] = []
        for topic, ring in self._rings.items():
            if topic in topics or frames.EVERYTHING in topics:
                gone, kept = ring.after(int(number))
                lost += gone
                found += kept
        if lost:
            subscriber.lost += lost
            subscriber.put_first(frames.gap(lost, "old"))
        subscriber.replay(sorted(found, key=lambda frame: frame.number))


@attrs.frozen(eq=False)
class HubWriter:
    """What the broadcaster's incarnation in office commits with."""

    _hub: Hub

    def commit(
        self,
        topic: str,
        event: str,
        data: bytes,
        *,
        session: str | None = None,
        once: tuple[str, int] | None = None,
    ) -> int | None:
        """Number, keep and offer one event in a single step; its number, or None when `once` was committed before.

        On the session's topic a new `session` id begins the next session, and `session.end` ends it: it stays
        visible to those who join for a while.
        """
        self._hub._check(self)  # noqa: SLF001 - hub and writer are two halves of one object
        return self._hub._commit(topic, event, data, session=session, once=once)  # noqa: SLF001

    def begin_session(self, session: str) -> None:
        """Put the last session out of sight before the first event of this one."""
        self._hub._check(self)  # noqa: SLF001
        self._hub._begin_session(session)  # noqa: SLF001

    def end_session(self, session: str) -> None:
        """Let the replay of a session run out that ended without saying so."""
        self._hub._check(self)  # noqa: SLF001
        self._hub._end_session(session)  # noqa: SLF001
