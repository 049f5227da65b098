"""Carries the hub's frames to all viewers of one server, from one task.

A viewer whose client keeps up costs one system call for each event and no turn of its own. Its own task only waits: for
the time of a heartbeat, for the end, and for a client that could not take everything at once.
"""

from collections import deque
from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from runner.live import Subscriber

TOGETHER = 200
"""Viewers that are served before others on the loop get their turn: a few milliseconds."""


class ViewerWire(Protocol):
    """Where a viewer's bytes go."""

    def frame(self, batch: tuple[bytes, ...]) -> bytes:
        """These events as they travel here."""
        ...

    def write_now(self, data: bytes) -> int:
        """What could be handed over without waiting, in bytes."""
        ...

    async def write(self, data: bytes) -> None:
        """Hand over all of it; whoever owns the connection sets the deadline."""
        ...


@attrs.define(eq=False)
class Viewer:
    """One stream."""

    subscriber: Subscriber
    wire: ViewerWire
    rest: bytes = b""
    """What the client could not take; its own task waits with it."""
    noted: bool = False
    over: bool = False
    last: float = attrs.field(factory=trio.current_time)
    attention: trio.Event = attrs.field(factory=trio.Event)

    def end(self) -> None:
        """Nobody reads any more."""
        self.over = True
        self.attention.set()

    def go_on(self) -> bool:
        """Send what is ready, if the client can take it; whether there is more to do at once."""
        if self.rest or self.over:
            return False
        batch = self.subscriber.take()
        if not batch:
            if self.subscriber.ended:
                self.end()
            return False
        data = self.wire.frame(batch)
        self.last = trio.current_time()
        sent = self.wire.write_now(data)
        if sent < len(data):
            self.rest = data[sent:]
            self.attention.set()
            return False
        return self.subscriber.waiting or self.subscriber.ended


@attrs.define(eq=False)
class Pump:
    """See the module. `run` is a task of the server's."""

    _noted: deque[Viewer] = attrs.field(factory=deque, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)

    def note(self, viewer: Viewer) -> None:
        """There may be something for this viewer. Called from within a commit: it only takes a note."""
        if not viewer.noted:
            viewer.noted = True
            self._noted.append(viewer)
            self._news.set()

    async def run(self) -> None:
        """Serve viewers for ever."""
        while True:
            await self._news.wait()  # no deadline: there may be no news for days
            self._news = trio.Event()
            while self._noted:
                for _ in range(min(TOGETHER, len(self._noted))):
                    viewer = self._noted.popleft()
                    viewer.noted = False
                    if viewer.go_on():
                        self.note(viewer)
                await trio.lowlevel.checkpoint()

    async def carry(self, viewer: Viewer, *, heartbeat_seconds: float, heartbeat: Callable[[], bytes]) -> None:
        """One viewer's own task, until its stream ends."""
        viewer.subscriber.told = lambda: self.note(viewer)
        self.note(viewer)
        while not viewer.over:
            with trio.move_on_at(viewer.last + heartbeat_seconds):
                await viewer.attention.wait()
            viewer.attention = trio.Event()
            if viewer.rest:
                await viewer.wire.write(viewer.rest)
                viewer.rest = b""
                self.note(viewer)
            elif trio.current_time() >= viewer.last + heartbeat_seconds:
                viewer.last = trio.current_time()
                await viewer.wire.write(viewer.wire.frame((heartbeat(),)))
