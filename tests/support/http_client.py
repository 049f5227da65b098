"""A small HTTP client over h11 and trio sockets: plain answers and event streams, with nothing hidden behind a pool."""

import json
from types import TracebackType
from typing import Any, Self

import attrs
import h11
import trio

ANSWER_WITHIN = 30.0
CHUNK = 64 * 1024


@attrs.frozen
class Answer:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@attrs.frozen
class ServerEvent:
    """One frame of an event stream."""

    name: str
    data: Any
    id: str | None = None


async def get(
    host: str,
    port: int,
    path: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    within: float = ANSWER_WITHIN,
    **headers: str,
) -> Answer:
    """One request on a connection of its own. Underscores in header names stand for dashes."""
    with trio.fail_after(within):
        connection = await Connection.open(host, port)
        async with connection:
            await connection.send(method, path, body, **headers)
            head = await connection.head()
            content = bytearray()
            while isinstance(event := await connection.event(), h11.Data):
                content += event.data
    return Answer(head.status_code, _headers(head), bytes(content))


@attrs.define(eq=False)
class Connection:
    """One connection that speaks HTTP/1.1 as a client."""

    stream: trio.SocketStream
    _wire: h11.Connection = attrs.field(factory=lambda: h11.Connection(h11.CLIENT), init=False)
    _answers: int = attrs.field(default=0, init=False)

    @classmethod
    async def open(cls, host: str, port: int) -> Self:
        """Connect."""
        return cls(await trio.open_tcp_stream(host, port))

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        """Send one whole request."""
        given = {"host": "127.0.0.1", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body:
            given.setdefault("content-length", str(len(body)))
        request = h11.Request(method=method, target=path, headers=list(given.items()))
        data = self._wire.send(request) or b""
        if body:
            data += self._wire.send(h11.Data(data=body)) or b""
        await self.stream.send_all(data + (self._wire.send(h11.EndOfMessage()) or b""))

    @property
    def answered(self) -> bool:
        """Whether a request on it was answered before: it is a kept connection."""
        return self._answers > 0

    def next_request(self) -> None:
        """The answer was read to its end; the connection may be used again."""
        self._answers += 1
        self._wire.start_next_cycle()

    async def head(self) -> h11.Response:
        """Wait for the answer's head."""
        event = await self.event()
        assert isinstance(event, h11.Response), event
        return event

    async def event(self) -> Any:
        """Wait for the next event of the wire."""
        while True:
            event = self._wire.next_event()
            if event is not h11.NEED_DATA:
                return event
            self._wire.receive_data(await self.stream.receive_some(CHUNK))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await trio.aclose_forcefully(self.stream)


@attrs.define(eq=False)
class EventStream:
    """An open event stream; `next` gives one event after the other, `closed` says that the server ended it."""

    connection: Connection
    status: int
    headers: dict[str, str]
    closed: bool = attrs.field(default=False, init=False)
    _text: str = attrs.field(default="", init=False)
    _ready: list[ServerEvent] = attrs.field(factory=list, init=False)

    @classmethod
    async def open(cls, host: str, port: int, path: str, **headers: str) -> Self:
        """Connect and wait for the head of the answer."""
        with trio.fail_after(ANSWER_WITHIN):
            connection = await Connection.open(host, port)
            await connection.send("GET", path, b"", **headers)
            head = await connection.head()
        return cls(connection, head.status_code, _headers(head))

    async def next(self, *, heartbeats: bool = False) -> ServerEvent | None:
        """The next event, heartbeats left out; None when the server has ended the stream."""
        while True:
            while self._ready:
                event = self._ready.pop(0)
                if heartbeats or event.name != "heartbeat":
                    return event
            if self.closed:
                return None
            received = await self.connection.event()
            if not isinstance(received, h11.Data):
                self.closed = True
                continue
            self._text += bytes(received.data).decode().replace("\r\n", "\n")
            *frames, self._text = self._text.split("\n\n")
            self._ready += [event for event in map(_frame, frames) if event is not None]

    async def until(self, name: str, *, within: float = ANSWER_WITHIN) -> list[ServerEvent]:
        """All events up to and with the first one of this name."""
        events: list[ServerEvent] = []
        with trio.fail_after(within):
            while True:
                event = await self.next()
                assert event is not None, f"the stream ended before {name}: {[e.name for e in events]}"
                events.append(event)
                if event.name == name:
                    return events

    async def aclose(self) -> None:
        """Leave."""
        await trio.aclose_forcefully(self.connection.stream)


def _frame(text: str) -> ServerEvent | None:
    fields: dict[str, str] = {}
    for line in text.split("\n"):
        key, _, value = line.partition(":")
        if key:
            fields[key] = value.removeprefix(" ")
    if "data" not in fields:
        return None
    return ServerEvent(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))


def _headers(head: h11.Response) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in head.headers}
