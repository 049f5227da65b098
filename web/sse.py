"""Streams of events over HTTP, with nothing between the hub's bytes and the socket."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import attrs
import trio

from runner.live import Hub, HubClosedError, Subscriber, TooManyViewersError, frames
from web import answers
from web.answers import Answer

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

Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]


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
    _open: set[Subscriber] = attrs.field(factory=set, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._open)

    def follow(self, following: Following, *, is_head: bool) -> "Answer | Stream":
        """What a view answers; whoever asks for the head alone takes no place."""
        if is_head:
            return Answer(b"", content_type=CONTENT_TYPE, headers=HEADERS)
        return Stream(self, following)

    def add(self, subscriber: Subscriber) -> None:
        self._open.add(subscriber)
        if self._ended:
            subscriber.end()

    def discard(self, subscriber: Subscriber) -> None:
        self._open.discard(subscriber)

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

    async def carry(self, refuse: Callable[[Answer], Awaitable[None]], receive: Receive, send: Send) -> None:
        """The place is taken before anything is answered, and given back however this ends."""
        wanted = self.following
        try:
            with self.streams.hub.subscribe(
                wanted.topics, after=wanted.after, only=wanted.only, door=wanted.door, at_most=wanted.at_most
            ) as subscriber:
                await self._send(subscriber, receive, send)
        except (TooManyViewersError, HubClosedError) as error:  # only ever raised at the entry
            await refuse(answers.detail(503, str(error), headers={"Retry-After": RETRY_SECONDS}))

    async def _send(self, subscriber: Subscriber, receive: Receive, send: Send) -> None:
        streams = self.streams
        streams.add(subscriber)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, receive, subscriber)
                await send({"type": "http.response.start", "status": 200, "headers": WIRE_HEADERS})
                await send(_more(frames.comment("open")))  # headers wait for the first bytes
                while True:
                    try:
                        batch = await subscriber.receive(within=streams.heartbeat_seconds)
                    except trio.EndOfChannel:
                        break
                    if batch is None:
                        batch = (frames.heartbeat(int(streams.now().timestamp())),)
                    await send(_more(batch[0] if len(batch) == 1 else b"".join(batch)))
                nursery.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b""})
        finally:
            streams.discard(subscriber)


def _more(data: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": True}


async def _until_gone(receive: Receive, subscriber: Subscriber) -> None:
    """A client that leaves ends its stream; it may stay for days."""
    while (await receive())["type"] != "http.disconnect":
        pass
    subscriber.end()
