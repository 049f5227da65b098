"""The front page: a greeting by the hour at home, what the resident is doing, and the latest thoughts."""

from quart import Blueprint, Response, request

from runner.content import ContentKind
from runner.live import frames
from web.api import responses as answers
from web.api.operations import Operation, offer
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.pages import words
from web.pages.layout import Layout
from web.pages.rest import coming_wakes, session_now
from web.server import sse
from web.server.sse import Streams
from web.services import Services

LATEST = 5
KIND = "thoughts"
ACTIONS = ("created", "modified", "deleted")


def pages(services: Services, shell: Layout, streams: Streams) -> Blueprint:
    blueprint = Blueprint("home", __name__)
    kinds = tuple(services.catalogue().kinds)
    following = sse.Following(
        topics=frozenset({frames.SESSION, *(kind.topic for kind in kinds)}),
        only=frozenset({frames.START, frames.END, *_event_names(kinds)}),
        door="pages",
        at_most=services.settings.http.max_streams,
    )

    @blueprint.get("/")
    async def home() -> Response:
        here = shell.here()
        status = await services.status.current()
        shelf = services.catalogue().shelves[KIND]
        html = shell.render(
            request,
            "home.html",
            greeting=words.greeting(here),
            here=here,
            status=session_now(status, here.tzinfo),
            next_wake=next(iter(coming_wakes(services, here, at_most=1)), None),
            latest=shelf.order[:LATEST],
            empty=shelf.kind.empty,
            count=len(shelf.order),
        )
        return answers.carried(request, answers.page(html))

    @offer(blueprint, "/updates", Operation(answers={200: sse.SCHEMA}, media=sse.MEDIA), hot=True)
    async def updates(ask: ApiRequest) -> ApiResponse | sse.Stream:
        """Tells our own pages that something changed; what it is they fetch as anybody would."""
        return streams.follow(following, is_head=ask.is_head)

    return blueprint


def _event_names(kinds: tuple[ContentKind, ...]) -> list[str]:
    return [f"{kind.singular}.{action}" for kind in kinds for action in ACTIONS]
