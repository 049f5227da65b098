"""One client's connection: hypercorn's, with guards for the ways in which a client could hurt the server.

1. An error while reading (a WebSocket upgrade with trailing bytes, bytes that are no ASCII in a path) ends this
   connection and is logged; it never passes through the nursery of all connections
   (https://github.com/pgjones/hypercorn/issues/225).
2. The last part of an answer is sent under a shield: the framework cancels its request at `http.disconnect`, which
   hypercorn reports while it is still making the connection ready for the next request.
3. A client that stops reading has `SEND_SECONDS` for each bit it takes and is then cut; without that limit it would
   hold its stream, and a stop of the server, for ever.

An answer's head and body leave in one packet where they can: held back until the body is there.

A stream of events may write to the connection itself once its head is out (see `web/pump.py`): thousands are told of an
event at the cost of a system call each, where the way through the server costs ten times as much.
"""

import json
import os
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import attrs
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext

from web.deadlines import Patience, Shield
from web.services import Log

SEND_SECONDS = 10.0
LAST_SEND_SECONDS = 5.0
SMALL = 64 * 1024
"""Bytes; what is no larger leaves in one packet with what stands before and after it."""

REFUSED_BY_HYPERCORN = re.compile(rb"HTTP/1\.1 (4\d\d) ")

WIRE = "claude_runner.wire"
"""Under this name a request's scope has the connection, where a stream may write to it: in HTTP/1.1."""

Send = Callable[[Any], Awaitable[None]]


@attrs.define(eq=False)
class Connections:
    """All open connections of one incarnation of the server."""

    log: Log
    send_seconds: float = SEND_SECONDS
    failed: int = attrs.field(default=0, init=False)
    stalled: int = attrs.field(default=0, init=False)
    _open: "set[Connection]" = attrs.field(factory=set, init=False)
    _empty: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: "Connection") -> None:
        if self._empty.is_set():
            self._empty = trio.Event()
        self._open.add(connection)

    def remove(self, connection: "Connection") -> None:
        self._open.discard(connection)
        if not self._open:
            self._empty.set()

    async def wait_empty(self) -> None:
        """Until the last connection is gone; the caller sets the deadline."""
        while self._open:
            await self._empty.wait()

    def hurry(self) -> None:
        """The server is stopping: what was accepted and is silent may have a request on its way, and not for long."""
        for connection in self._open:
            connection.patience.hurry()

    def abandon(self) -> None:
        """Take the shields away, so that nothing outlives a cancellation."""
        for connection in self._open:
            connection.abandon()


class Connection(TCPServer):
    """See the module's text for what it adds."""

    def __init__(  # noqa: PLR0917 - hypercorn's own order
        self, app: Any, config: Config, context: WorkerContext, state: Any, stream: Any, group: Connections
    ) -> None:
        super().__init__(self._answer, config, context, state, stream)
        self._inner = app
        self._group = group
        self._hold = False
        self._pending: list[bytes] = []
        self._answering = False
        self._gone = False
        self._heard_all = False
        self._tell_gone: Callable[[], None] | None = None
        self._reading = trio.CancelScope()
        self.patience = Patience(config.keep_alive_timeout, self._reading)
        stand_in: Any = self.patience
        self.idle_task = stand_in
        self._shields: set[trio.CancelScope] = set()

    async def run(self) -> None:
        self._group.add(self)
        try:
            await super().run()
        except BaseExceptionGroup as group:
            cancelled, errors = group.split(trio.Cancelled)
            if errors is not None:
                self._failed(errors)
            if cancelled is not None:
                raise cancelled from None
        except Exception as error:  # noqa: BLE001 - whatever one client brings about stays with that client
            self._failed(error)
        finally:
            self._group.remove(self)

    # --- what a stream uses: see `WIRE`

    def write_now(self, data: bytes) -> int:
        """Give the system what it takes at once; how much that was."""
        if self._gone or self._pending or self.send_lock.locked():
            return 0
        try:
            return os.write(self.stream.socket.fileno(), data)  # a closed one has none, and so can't be another's
        except BlockingIOError:
            return 0
        except OSError:
            self._lost()
            return 0

    async def write(self, data: bytes) -> None:
        """Give it all of this; a client that takes nothing for too long is cut."""
        self._pending.append(data)
        await self._flush()

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call this once nobody is there to read; at once if that is so already."""
        self._tell_gone = tell
        if self._gone or self._heard_all:
            tell()

    def _lost(self) -> None:
        self._gone = True
        self._reading.cancel()  # ends what reads, and with it the request
        if self._tell_gone is not None:
            self._tell_gone()

    # --- what the server uses

    def abandon(self) -> None:
        """Send nothing more, and let a pending send go."""
        self._gone = True
        for shield in self._shields:
            shield.cancel()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            if event.data:
                self._pending.append(event.data if self._answering else _in_json(event.data))
            if not self._hold:
                await self._flush()
            return
        self._hold = False
        await self._flush()
        if (self._heard_all or self._gone) and isinstance(event, Updated) and event.idle:
            event = Closed()  # nobody is there to ask for more
        await super().protocol_send(event)
        if isinstance(event, Closed):
            self._reading.cancel()

    async def _read_data(self) -> None:
        try:
            with self._reading:
                await super()._read_data()
            if self._reading.cancelled_caught:
                await self.protocol.handle(Closed())
        except Exception as error:  # noqa: BLE001 - the first guard: one client's bytes stay that client's trouble
            self._failed(error)
            if not self._answering:
                self._pending.append(refusal(HTTPStatus.BAD_REQUEST))
                self._hold = False
                await self._flush()
            await self._initiate_server_close()
        self._heard_all = True
        if self._tell_gone is not None:
            self._tell_gone()

    async def _answer(self, scope: Any, receive: Any, send: Send, sync_spawn: Any, call_soon: Any) -> None:
        self._answering = True
        try:
            if scope["type"] == "websocket":
                await self._upgrade(scope, receive, send, sync_spawn, call_soon)
            elif scope["http_version"].startswith("1"):
                if scope["http_version"] == "1.1":
                    scope["extensions"][WIRE] = self
                await self._inner(scope, receive, self._sender(send), sync_spawn, call_soon)
            else:
                await self._inner(scope, receive, send, sync_spawn, call_soon)
        finally:
            self._answering = False

    async def _upgrade(self, scope: Any, receive: Any, send: Send, sync_spawn: Any, call_soon: Any) -> None:
        accepted = False

        async def send_noticed(message: Any) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            await send(message)

        try:
            await self._inner(scope, receive, send_noticed, sync_spawn, call_soon)
        except Exception as error:
            if accepted:
                raise
            self._failed(error)  # the application answers where hypercorn has refused trailing bytes already
        if not accepted:  # and then nobody else would ever close
            await self._initiate_server_close()

    def _sender(self, send: Send) -> Send:
        async def send_held(message: Any) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self._hold = True
                await send(self._closing(message))
                return
            if kind != "http.response.body":
                await send(message)
                return
            self._hold = True
            if message.get("more_body", False):
                await send(message)
            else:
                with self._shielded(LAST_SEND_SECONDS):
                    await send(message)
            self._hold = False
            await self._flush()

        return send_held

    def _closing(self, message: Any) -> Any:
        if not self.context.terminated.is_set():
            return message
        return {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}

    def _shielded(self, seconds: float) -> "Shield":
        return Shield(self._shields, seconds)

    async def _flush(self) -> None:
        if not self._pending:
            return
        async with self.send_lock:
            while self._pending:
                parts = _joined(self._pending)
                self._pending.clear()
                if not self._gone and not await self._sent(parts):
                    self._lost()  # reading may be waiting behind a pipelined request, where no end is heard
                    await trio.aclose_forcefully(self.stream)
                    await self.protocol.handle(Closed())

    async def _sent(self, parts: list[bytes]) -> bool:
        """Hand all of it to the system, which takes what it has room for; each bit it takes renews the time."""
        socket = self.stream.socket
        with self._shielded(self._group.send_seconds) as shield:
            try:
                for part in parts:
                    rest = memoryview(part)
                    while rest:
                        rest = rest[await socket.send(rest) :]
                        shield.deadline = trio.current_time() + self._group.send_seconds
            except (OSError, trio.ClosedResourceError):
                return False
        if shield.cancelled_caught:
            self._group.stalled += 1
        return not shield.cancelled_caught

    def _failed(self, error: BaseException) -> None:
        self._group.failed += 1
        self._group.log.warning("http_connection_failed", error=repr(error)[:500])


def refusal(status: HTTPStatus) -> bytes:
    """A whole answer, for when there is no request that the application could have seen."""
    body = json.dumps({"detail": status.phrase}).encode()
    return (
        b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
    ) % (status, status.phrase.encode(), len(body), body)


def _in_json(data: bytes) -> bytes:
    """What hypercorn says by itself to bytes that are no request has no body; every error here has one."""
    match = REFUSED_BY_HYPERCORN.match(data)
    return data if match is None else refusal(HTTPStatus(int(match[1])))


def _joined(pending: list[bytes]) -> list[bytes]:
    """In few pieces, and yet without copying what is large."""
    found: list[bytes] = []
    for data in pending:
        if found and len(found[-1]) + len(data) <= SMALL:
            found[-1] += data
        else:
            found.append(data)
    return found
