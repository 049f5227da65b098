"""Changes of the life's files as they happen."""

from quart import Blueprint, Response, request

from runner.content import MAILBOX
from runner.live.frames import EVERYTHING
from web import answers, sse
from web.services import Services

SYSTEM = "system"


def routes(services: Services, streams: sse.Streams) -> Blueprint:
    blueprint = Blueprint("events", __name__, url_prefix="/events")

    @blueprint.get("/stream")
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
