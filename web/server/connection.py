"""One client's connection: hypercorn's, with guards for the ways in which a client could hurt the server.

1. An error while reading (a WebSocket upgrade with trailing bytes, bytes that are no ASCII in a path) ends this
   connection and is logged; it never passes through the nursery of all connections
   (https://github.com/pgjones/hypercorn/issues/225).
2. The last part of an answer is sent under a shield: the framework cancels its request at `http.disconnect`, which
   hypercorn reports while it is still making the connection ready for the next request.
3. A connection that makes no progress of its own is ended, whatever it speaks, by one of two limits. While nothing is
   being answered it has `IDLE_SECONDS` to ask for something: noise renews nothing. While something is owed to it, its
   client takes a bit of that every `SEND_SECONDS`, or every `IDLE_SECONDS` where only the system still holds it;
   without that limit it would hold its stream, and a stop of the server, for ever.

An answer's head and body leave in one packet where they can: held back until the body is there.

A stream of events may write to the connection itself once its head is out (see `web/server/fanout.py`): thousands are
told of an event at the cost of a system call each, where the way through the server costs ten times as much.
"""

import json
import os
import re
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from math import inf
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import attrs
import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.ws_stream import WSStream
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr

from web.server.deadlines import Debt, Patience, Shield, at_the_system
from web.server.http2 import Protocols
from web.server.inbox import Requests, StreamInbox
from web.services import AccessLog

IDLE_SECONDS = 30.0
SEND_SECONDS = 10.0
LAST_SEND_SECONDS = 5.0
END_SECONDS = 5.0
"""For what still runs for a client that is gone."""
LOOKS = 4
"""At what is owed, in the time that a client has for taking a bit of it."""
TOGETHER = 200
"""Connections that are looked at before others on the loop get their turn."""
SMALL = 64 * 1024
"""Bytes; what is no larger leaves in one packet with what stands before and after it."""

NO_LINGER = struct.pack("ii", 1, 0)

REFUSED_BY_HYPERCORN = re.compile(rb"HTTP/1\.1 (4\d\d) ")

WIRE = "claude_runner.wire"
"""Under this name a request's scope has the connection, where a stream may write to it: in HTTP/1.1."""

Send = Callable[[Any], Awaitable[None]]


@attrs.define(eq=False)
class OpenConnections:
    """All open connections of one incarnation of the server."""

    log: AccessLog
    send_seconds: float = SEND_SECONDS
    idle_seconds: float = IDLE_SECONDS
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

    async def watch(self) -> None:
        """Look at what is owed, for ever."""
        while True:
            await trio.sleep(self.send_seconds / LOOKS)
            for number, connection in enumerate(tuple(self._open)):
                connection.look()
                if number % TOGETHER == TOGETHER - 1:
                    await trio.lowlevel.checkpoint()

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

    protocol: Protocols

    def __init__(  # noqa: PLR0917 - hypercorn's own order
        self, app: Any, config: Config, context: WorkerContext, state: Any, stream: Any, group: OpenConnections
    ) -> None:
        answer: Any = self._answer  # called by `Requests`, and by nobody else
        super().__init__(answer, config, context, state, stream)
        self._inner = app
        self._group = group
        self._hold = False
        self._pending: list[bytes] = []
        self._gone = False
        self._heard_all = False
        self._tell_gone: Callable[[], None] | None = None
        self._reading = trio.CancelScope()
        self.patience = Patience(group.idle_seconds, self._reading)
        self._requests = Requests()
        self._talking = False
        self._debt = Debt()
        self._sending = False
        self._handed = 0
        self._shields: set[trio.CancelScope] = set()

    async def run(self) -> None:
        try:
            await self._run()
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

    async def _run(self) -> None:
        socket = self.stream.socket
        try:
            client = parse_socket_addr(socket.family, socket.getpeername())
            server = parse_socket_addr(socket.family, socket.getsockname())
            requests = self._requests
            async with requests:
                self.protocol = Protocols(
                    *(self.app, self.config, self.context, requests, ConnectionState(self.state)),
                    *(False, client, server, self.protocol_send),
                )
                self.patience.restart()
                self._group.add(self)
                async with trio.open_nursery() as requests.applications:
                    await self._read_data()
                    requests.applications.cancel_scope.deadline = trio.current_time() + END_SECONDS
                requests.end()
        except OSError:
            pass  # it left before it could be seen who it was
        finally:
            await self._close()

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

    def look(self) -> None:
        """End what is owed to a client that takes nothing of it; to be called every now and then."""
        if self._gone:
            return
        limit = self._group.send_seconds if self._sending else self._group.idle_seconds
        try:
            owed, taken = at_the_system(self.stream.socket) or (int(self._sending), self._handed)
        except OSError:
            return  # closed in this very moment
        if self._debt.is_stale(owed, taken, limit):
            self._group.stalled += 1
            self.stream.socket.setsockopt(SOL_SOCKET, SO_LINGER, NO_LINGER)  # the system keeps nothing for it either
            self.abandon()
            self._lost()
        elif (http2 := self.protocol.http2) is not None:
            for number in http2.stale(self._group.send_seconds):
                self._group.stalled += 1
                self._requests.spawn(http2.give_up, number)

    def abandon(self) -> None:
        """Send nothing more, and let a pending send go."""
        self._gone = True
        for shield in self._shields:
            shield.cancel()

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            if event.data:
                self._pending.append(event.data if self.patience.answering else _in_json(event.data))
            if not self._hold:
                await self._flush()
            return
        self._hold = False
        await self._flush()
        if isinstance(event, Updated) and not (event.idle and (self._heard_all or self._gone)):
            return  # else nobody is there to ask for more
        await self._close()
        await self.protocol.handle(Closed())
        self._reading.cancel()

    async def _read_data(self) -> None:
        try:
            with self._reading:
                await self._listen()
            if self._reading.cancelled_caught and (http2 := self.protocol.http2) is not None:
                await http2.say_goodbye()
            await self.protocol.handle(Closed())
        except Exception as error:  # noqa: BLE001 - the first guard: one client's bytes stay that client's trouble
            self._failed(error)
            if not self.patience.answering:
                self._pending.append(refusal(HTTPStatus.BAD_REQUEST))
                self._hold = False
                await self._flush()
            await self._initiate_server_close()
        self._heard_all = True
        if self._tell_gone is not None:
            self._tell_gone()

    async def _listen(self) -> None:
        while True:
            try:
                data = await self.stream.receive_some(MAX_RECV)  # no deadline of its own: the scope around it has one
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                return
            if self._talking:
                self.patience.restart()
            await self.protocol.handle(RawData(bytes(data)))
            if not data or self._has_refused():
                return

    def _has_refused(self) -> bool:
        """Whether the server has said no to a WebSocket by itself; it waits for nothing then, and would for ever."""
        stream = getattr(self.protocol.protocol, "stream", None)
        return isinstance(stream, WSStream) and stream.closed

    async def _answer(self, scope: Any, inbox: StreamInbox, send: Any) -> None:
        self.patience.begin()
        try:
            if scope["type"] == "websocket":
                await self._upgrade(scope, inbox, send)
            else:
                if scope["http_version"] == "1.1":
                    scope["extensions"][WIRE] = self
                held = scope["http_version"].startswith("1")
                await self._ask(scope, inbox, self._sender(inbox, send) if held else _listening(inbox, send))
        except BaseExceptionGroup as group:
            cancelled, errors = group.split(trio.Cancelled)
            if errors is not None:
                self._failed(errors)
            if cancelled is not None:
                raise cancelled from None
        except Exception as error:  # noqa: BLE001 - the connection's nursery is no place for an application's error
            self._failed(error)
        finally:
            inbox.stop_listening()
            try:
                await send(None)
            finally:
                self.patience.end()

    async def _ask(self, scope: Any, inbox: StreamInbox, send: Send) -> None:
        await self._inner(scope, inbox.receive, send, trio.to_thread.run_sync, trio.from_thread.run)

    async def _upgrade(self, scope: Any, inbox: StreamInbox, send: Send) -> None:
        accepted = False

        async def send_noticed(message: Any) -> None:
            nonlocal accepted
            if message["type"] == "websocket.accept":
                accepted = self._talking = True
                self.patience.end()  # from now on the client has to be heard of: it is asked often enough
            await send(message)

        try:
            await self._ask(scope, inbox, send_noticed)
        except Exception as error:
            if accepted:
                raise
            self._failed(error)  # the application answers where hypercorn has refused trailing bytes already
        finally:
            if accepted:
                self.patience.begin()
        if not accepted:  # and then nobody else would ever close
            await self._initiate_server_close()

    def _sender(self, inbox: StreamInbox, send: Send) -> Send:
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
                inbox.stop_listening()
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
        """Hand all of it to the system, which takes what it has room for; `look` ends it where there never is any."""
        socket = self.stream.socket
        self._sending = True
        try:
            with self._shielded(inf) as shield:
                for part in parts:
                    rest = memoryview(part)
                    while rest:
                        taken = await socket.send(rest)
                        self._handed += taken
                        rest = rest[taken:]
        except (OSError, trio.ClosedResourceError):
            return False
        finally:
            self._sending = False
        return not shield.cancelled_caught

    def _failed(self, error: BaseException) -> None:
        self._group.failed += 1
        self._group.log.warning("http_connection_failed", error=repr(error)[:500])


def _listening(inbox: StreamInbox, send: Send) -> Send:
    """Over HTTP/2 a connection reads on for its other streams."""

    async def send_noticed(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            inbox.stop_listening()
        await send(message)

    return send_noticed


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
