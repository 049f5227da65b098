"""The session as the public may see it: its status, and its events as they happen."""

from quart import Blueprint

from runner.content.entry import dump
from runner.live.frames import SESSION
from web.api import responses as answers
from web.api.operations import Error, Operation, offer
from web.api.request import ApiRequest, Schema
from web.api.responses import ApiResponse
from web.server import sse
from web.services import Services

STATUS: Schema = {
    "type": "object",
    "required": ["active"],
    "properties": {
        "active": {"type": "boolean"},
        "type": {"type": "string"},
        "started_at": {"type": "string"},
        "session_id": {"type": "string"},
        "duration_seconds": {"type": "number"},
    },
}
"""What is not known is left out: clients take no null here."""


def routes(services: Services, streams: sse.Streams) -> Blueprint:
    blueprint = Blueprint("session", __name__, url_prefix="/session")

    @offer(blueprint, "/status", Operation(answers={200: STATUS}), hot=True)
    async def status(_ask: ApiRequest) -> ApiResponse:
        """Active or not; while active always with its start and duration."""
        return answers.ready(dump(await services.status.current()))

    following = sse.Following(topics=frozenset({SESSION}), door="session", at_most=services.settings.http.max_streams)

    @offer(blueprint, "/stream", Operation(answers={200: sse.SCHEMA, 503: Error}, media=sse.MEDIA), hot=True)
    async def stream(ask: ApiRequest) -> ApiResponse | sse.Stream:
        """The session shown, from its first event, and then what follows; no id is gone on after, on purpose."""
        return streams.follow(following, is_head=ask.is_head)

    return blueprint
