"""Serves the site on a socket that belongs to somebody else, so that a restart refuses no connection."""

import socket
from functools import partial
from typing import Any

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState

from web.app import Site
from web.server.connection import IDLE_SECONDS, SEND_SECONDS, Connection, OpenConnections
from web.services import AccessLog

GRACE_SECONDS = 1.5


async def serve(
    site: Site,
    listening: socket.socket,
    *,
    stop: trio.Event,
    log: AccessLog,
    grace: float = GRACE_SECONDS,
    send_seconds: float = SEND_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
    task_status: trio.TaskStatus[OpenConnections] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer on a duplicate of `listening` until `stop` is set; then end within `grace` seconds.

    Once stopping nothing more is accepted (new connections wait in the backlog for the next incarnation), streams
    end themselves, answers say `connection: close`, and silent connections are closed.
    """
    config = _config(idle_seconds)
    context = WorkerContext(None)
    app = ASGIWrapper(site)  # type: ignore[arg-type]  # its types name each ASGI message; the site takes them as mappings
    connections = OpenConnections(log, send_seconds, idle_seconds)
    lifespan = Lifespan(app, config, {})
    async with trio.open_nursery() as lifespan_nursery:
        await lifespan_nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()

        async def handle(stream: trio.SocketStream) -> None:
            await Connection(app, config, context, ConnectionState({}), stream, connections).run()

        async with trio.open_nursery() as handlers:
            handlers.start_soon(site.run)
            handlers.start_soon(connections.watch)
            try:
                async with trio.open_nursery() as accepting:
                    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening.dup()))
                    accepting.start_soon(
                        partial[Any](trio.serve_listeners, handle, [listener], handler_nursery=handlers)
                    )
                    task_status.started(connections)
                    await stop.wait()  # no deadline: the server runs until it is told to stop
                    await context.terminated.set()
                    connections.hurry()
                    accepting.cancel_scope.cancel()
                site.stop()
                with trio.move_on_after(grace):
                    await connections.wait_empty()
            finally:
                connections.abandon()
            handlers.cancel_scope.cancel()
        await lifespan.wait_for_shutdown()
        lifespan_nursery.cancel_scope.cancel()


def _config(idle_seconds: float) -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_max_requests = 100_000
    config.websocket_ping_interval = idle_seconds / 2
    return config
