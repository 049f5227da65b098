"""Streams of events over HTTP, with nothing between the hub's bytes and the socket."""

from collections.abc import AsyncIterator

import attrs
import trio
from quart import Request, Response

from runner.live import HubClosedError, Subscriber, TooManyViewersError, frames
from web import answers
from web.door import open_for_request
from web.services import Services

MEDIA = "text/event-stream"
CONTENT_TYPE = MEDIA + "; charset=utf-8"
SCHEMA = {"type": "string", "description": "events, each a name and one JSON object, for as long as the client stays"}
HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
RETRY_SECONDS = "5"


@attrs.define(eq=False)
class Streams:
    """The open streams of one incarnation of the server, so that its stop can end them."""

    _open: set[Subscriber] = attrs.field(factory=set, init=False)
    _ended: bool = attrs.field(default=False, init=False)

    def __len__(self) -> int:
        return len(self._open)

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


@attrs.frozen(kw_only=True)
class Following:
    """What a stream follows."""

    topics: frozenset[str]
    door: str
    at_most: int
    only: frozenset[str] | None = None
    after: str | None = None


def stream(request: Request, services: Services, streams: Streams, following: Following) -> Response:
    """Begin a stream: the place is taken before anything is answered, and given back when the request is over."""
    if request.method == "HEAD":
        return Response(b"", 200, headers=HEADERS, content_type=CONTENT_TYPE)
    try:
        subscriber: Subscriber = open_for_request(
            request.scope,
            services.hub.subscribe(
                following.topics,
                after=following.after,
                only=following.only,
                door=following.door,
                at_most=following.at_most,
            ),
        )
    except (TooManyViewersError, HubClosedError) as error:
        return answers.detail(503, str(error), headers={"Retry-After": RETRY_SECONDS})
    answer = Response(
        _frames(subscriber, streams, services),
        200,
        headers=HEADERS,
        content_type=CONTENT_TYPE,
    )
    answer.timeout = None
    return answer


async def _frames(subscriber: Subscriber, streams: Streams, services: Services) -> AsyncIterator[bytes]:
    heartbeat = services.settings.http.heartbeat_seconds
    streams.add(subscriber)
    try:
        yield frames.comment("open")  # headers wait for the first bytes
        while True:
            try:
                batch = await subscriber.receive(within=heartbeat)
            except trio.EndOfChannel:
                return
            yield frames.heartbeat(int(services.now().timestamp())) if batch is None else b"".join(batch)
    finally:
        streams.discard(subscriber)
