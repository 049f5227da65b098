"""Streams of events over HTTP, with nothing between the hub's bytes and the socket."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs
import trio

from runner.live import Hub, HubClosedError, Subscriber, TooManyViewersError, frames
from web.api import responses as answers
from web.api.responses import ApiResponse
from web.server.connection import WIRE, Connection
from web.server.fanout import Pump, Viewer
from web.server.gate import Receive, Scope, Send

MEDIA = "text/event-stream"
CONTENT_TYPE = MEDIA + "; charset=utf-8"
SCHEMA = {"type": "string", "description": "events, each a name and one JSON object, for as long as the client stays"}
HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
WIRE_HEADERS = [
    (name.lower().encode(), value.encode()) for name, value in {**HEADERS, "Content-Type": CONTENT_TYPE}.items()
]
RETRY_SECONDS = "5"


@attrs.frozen(kw_only=True)
class Following:
    """What a stream follows."""

    topics: frozenset[str]
    door: str
    at_most: int
    only: frozenset[str] | None = None
    after: str | None = None


@attrs.define(eq=False)
class Streams:
    """The open streams of one incarnation of the server, so that its stop can end them."""

    hub: Hub
    now: Callable[[], datetime]
    heartbeat_seconds: float
    pump: Pump = attrs.field(factory=Pump, init=False)
    _open: set[Subscriber] = attrs.field(factory=set, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._open)

    def follow(self, following: Following, *, is_head: bool) -> "ApiResponse | Stream":
        """What a view answers; whoever asks for the head alone takes no place."""
        if is_head:
            return ApiResponse(b"", content_type=CONTENT_TYPE, headers=HEADERS)
        return Stream(self, following)

    async def carry(self, subscriber: Subscriber, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what the subscriber gets until one of both sides ends it."""
        self._open.add(subscriber)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": WIRE_HEADERS})
            await send(_more(frames.comment("open")))  # headers wait for the first bytes
            if self._ended:
                subscriber.end()
            connection: Connection | None = scope["extensions"].get(WIRE)
            if connection is not None:
                viewer = Viewer(subscriber, Chunks(connection))
                connection.when_gone(viewer.end)
                await self._attend(viewer)
            else:
                viewer = Viewer(subscriber, Messages(send))
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_until_gone, receive, viewer)
                    await self._attend(viewer)
                    nursery.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._open.discard(subscriber)

    async def _attend(self, viewer: Viewer) -> None:
        await self.pump.carry(viewer, heartbeat_seconds=self.heartbeat_seconds, heartbeat=self._heartbeat)

    def _heartbeat(self) -> bytes:
        return frames.heartbeat(int(self.now().timestamp()))

    def end(self) -> None:
        """Let each end after what is waiting for it."""
        self._ended = True
        for subscriber in self._open:
            subscriber.end()


@attrs.frozen(eq=False)
class Stream:
    """Events for as long as the client stays."""

    streams: Streams
    following: Following

    async def carry(
        self, refuse: Callable[[ApiResponse], Awaitable[None]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The place is taken before anything is answered, and given back however this ends."""
        wanted = self.following
        try:
            with self.streams.hub.subscribe(
                wanted.topics, after=wanted.after, only=wanted.only, door=wanted.door, at_most=wanted.at_most
            ) as subscriber:
                await self.streams.carry(subscriber, scope, receive, send)
        except (TooManyViewersError, HubClosedError) as error:  # only ever raised at the entry
            await refuse(answers.detail(503, str(error), headers={"Retry-After": RETRY_SECONDS}))


@attrs.define(eq=False)
class Chunks:
    """Writes to the connection itself: HTTP/1.1, in the chunks that the head has announced."""

    connection: Connection

    def frame(self, batch: tuple[bytes, ...]) -> bytes:
        data = batch[0] if len(batch) == 1 else b"".join(batch)
        return b"%x\r\n%s\r\n" % (len(data), data)

    def write_now(self, data: bytes) -> int:
        return self.connection.write_now(data)

    async def write(self, data: bytes) -> None:
        await self.connection.write(data)


@attrs.define(eq=False)
class Messages:
    """Writes through the server, whatever it speaks; nothing can be known to go at once."""

    send: Send

    def frame(self, batch: tuple[bytes, ...]) -> bytes:
        return b"".join(batch)

    def write_now(self, _data: bytes) -> int:
        return 0

    async def write(self, data: bytes) -> None:
        await self.send(_more(data))


def _more(data: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _until_gone(receive: Receive, viewer: Viewer) -> None:
    """A client that leaves ends its stream; it may stay for days."""
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.end()
