"""Changes of the life's files as they happen."""

import attrs
from quart import Blueprint, Response, request

from runner.content import MAILBOX
from runner.live.frames import EVERYTHING
from web import answers, sse
from web.declared import PROBLEMS, Error, Operation, offer, shaped
from web.services import Services

SYSTEM = "system"


@attrs.frozen
class EventsQuery:
    """Which events are wanted."""

    topic: str = shaped(EVERYTHING)


def routes(services: Services, streams: sse.Streams) -> Blueprint:
    blueprint = Blueprint("events", __name__, url_prefix="/events")

    operation = Operation(query=EventsQuery, answers={200: sse.SCHEMA, 422: PROBLEMS, 503: Error}, media=sse.MEDIA)

    @offer(blueprint, "/stream", operation)
    async def stream() -> Response:
        """One topic or all; goes on after `Last-Event-ID` where that is still known, else tells the gap."""
        allowed = {EVERYTHING, SYSTEM, MAILBOX, *(kind.topic for kind in services.catalogue().kinds)}
        topic = request.args.get("topic", EVERYTHING)
        if topic not in allowed:
            return _unknown_topic(topic, sorted(allowed))
        following = sse.Following(
            topics=frozenset({topic}),
            door="events",
            at_most=services.settings.events.max_subscribers,
            after=request.headers.get("Last-Event-ID"),
        )
        return sse.stream(request, services, streams, following)

    return blueprint


def _unknown_topic(topic: str, allowed: list[str]) -> Response:
    problem = {
        "type": "enum",
        "loc": ["query", "topic"],
        "msg": f"this topic is not known; allowed are {', '.join(allowed)}",
        "input": topic[:200],
        "ctx": {"expected": ", ".join(allowed)},
    }
    return answers.as_json({"detail": [problem]}, status=422)
