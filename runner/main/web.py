"""The web server as a child of the tree: each incarnation serves a duplicate of the root's socket with a new app."""

import socket
from functools import partial

import attrs
import trio

from runner.kernel import ActorContext, StopReason
from web.app import create_app
from web.server.serve import serve
from web.services import AccessLog, Services

LAST_WORDS = 1.0
"""Seconds that viewers may wait for the end of a session that the shutdown interrupts."""


@attrs.define(eq=False)
class Web:
    """Requests die with it and with nothing else; what handlers touch is older than it and outlives it."""

    services: Services
    listening: socket.socket
    log: AccessLog
    said_all: trio.Event
    """The hub has closed: nothing more will be shown."""

    async def run(self, context: ActorContext) -> None:
        """Serve until asked to stop, then let streams and answers end."""
        stop = trio.Event()
        async with trio.open_nursery() as nursery:
            await nursery.start(partial(serve, create_app(self.services), self.listening, stop=stop, log=self.log))
            context.started()
            await context.stopping.wait()  # no deadline: this is the life of the server
            if context.stop_reason is StopReason.SHUTDOWN:
                with trio.move_on_after(LAST_WORDS):
                    await self.said_all.wait()
            stop.set()
