"""Changes of the life's files as they happen."""

import attrs
from quart import Blueprint

from runner.content import MAILBOX
from runner.live.frames import EVERYTHING
from web.api.operations import PROBLEMS, Error, Operation, offer, shaped
from web.api.request import ApiRequest, read_query
from web.api.responses import ApiResponse
from web.server import sse
from web.services import Services

SYSTEM = "system"


@attrs.frozen
class EventsQuery:
    """Which events are wanted."""

    topic: str = shaped(EVERYTHING)
    lastEventId: str = shaped(  # noqa: N815 - as clients spell it
        "", description="the same as the header Last-Event-ID, for clients that can't send one; the header counts first"
    )


def routes(services: Services, streams: sse.Streams) -> Blueprint:
    blueprint = Blueprint("events", __name__, url_prefix="/events")
    topics = sorted({EVERYTHING, SYSTEM, MAILBOX, *(kind.topic for kind in services.catalogue().kinds)})
    rules = {"topic": {"enum": topics}}
    operation = Operation(
        query=EventsQuery,
        query_rules=rules,
        headers={"Last-Event-ID": {"type": "string", "description": "the id of the last event that came"}},
        answers={200: sse.SCHEMA, 422: PROBLEMS, 503: Error},
        media=sse.MEDIA,
    )

    @offer(blueprint, "/stream", operation, hot=True)
    async def stream(ask: ApiRequest) -> ApiResponse | sse.Stream:
        """One topic or all; goes on after `Last-Event-ID` where that is still known, else tells the gap."""
        wanted = read_query(ask, EventsQuery, rules)
        following = sse.Following(
            topics=frozenset({wanted.topic}),
            door="events",
            at_most=services.settings.events.max_subscribers,
            after=ask.header(b"last-event-id") or wanted.lastEventId or None,
        )
        return streams.follow(following, is_head=ask.is_head)

    return blueprint
