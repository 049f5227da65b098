"""What the applications of one connection are told: hypercorn's group of tasks, with an inbox that blocks nobody.

A request whose body is longer than its queue would hold the reading of its connection, and with it the end of the
connection, as long as its application takes nothing: for ever, where that has answered already.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import attrs
import trio
from hypercorn.config import Config
from hypercorn.trio.task_group import TaskGroup

LAST = frozenset({"http.disconnect", "websocket.disconnect"})
"""Messages after which nothing comes."""


@attrs.define(eq=False)
class StreamInbox:
    """What comes for one request."""

    size: int
    _deaf: bool = attrs.field(default=False, init=False)
    _into: trio.MemorySendChannel[Any] = attrs.field(init=False)
    _from: trio.MemoryReceiveChannel[Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._into, self._from = trio.open_memory_channel[Any](self.size)

    async def put(self, message: Any) -> None:
        """Wait for an application that is busy, and for none that is past listening."""
        if message["type"] in LAST:
            self._empty()  # what was left of a body is of no use any more
        elif not self._deaf:
            await self._into.send(message)  # no deadline: the connection's own ends the reading
            return
        with suppress(trio.WouldBlock):
            self._into.send_nowait(message)

    async def receive(self) -> Any:
        """The next message, as applications ask for it."""
        return await self._from.receive()  # no deadline: each application has its own for what it waits for

    def stop_listening(self) -> None:
        """The answer is whole: nobody reads the rest of what was asked."""
        if not self._deaf:
            self._deaf = True
            self._empty()

    def _empty(self) -> None:
        with suppress(trio.WouldBlock):
            while True:
                self._from.receive_nowait()


class Requests(TaskGroup):
    """The tasks of one connection: its applications, and what the server runs beside them."""

    applications: trio.Nursery
    _nursery: trio.Nursery

    async def spawn_app(self, app: Any, config: Config, scope: Any, send: Any) -> Callable[[Any], Awaitable[None]]:
        inbox = StreamInbox(config.max_app_queue_size)
        self.applications.start_soon(app, scope, inbox, send)
        return inbox.put

    def end(self) -> None:
        """Every application is over, and nobody reads: what runs beside them (pings) would only sleep."""
        self._nursery.cancel_scope.cancel()
