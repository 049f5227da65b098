"""The session as the public may see it: its status, and its events as they happen."""

from quart import Blueprint, Response, request

from runner.live.frames import SESSION
from web import answers, sse
from web.services import Services


def routes(services: Services, streams: sse.Streams) -> Blueprint:
    blueprint = Blueprint("session", __name__, url_prefix="/session")

    @blueprint.get("/status")
    async def status() -> Response:
        """Active or not; while active always with its start and duration."""
        return answers.as_json(await services.status.current(), headers={"Cache-Control": "no-cache"})

    @blueprint.get("/stream")
    async def stream() -> Response:
        """The session shown, from its first event, and then what follows; `Last-Event-ID` is ignored on purpose."""
        following = sse.Following(
            topics=frozenset({SESSION}), door="session", at_most=services.settings.http.max_streams
        )
        return sse.stream(request, services, streams, following)

    return blueprint
