"""The single documents: what the resident says of itself and over its shelves. None of them is ever a 404."""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
from quart import Blueprint

from runner.content.documents import About, DatedText, Documents, Landing, Text
from runner.content.entry import dump
from web.api import responses as answers
from web.api.operations import Operation, offer
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.services import Services


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("documents", __name__, url_prefix="/content")
    documents = Documents(services.settings.home, services.now())

    def serve(name: str, shape: type, summary: str, read: Callable[[], Any]) -> None:
        @offer(blueprint, f"/{name}", Operation(answers={200: shape}, summary=summary), hot=True)
        async def document(_ask: ApiRequest) -> ApiResponse:
            data = await services.run_sync(lambda: dump(attrs.asdict(read())))
            return answers.ready(data)

    for kind in services.catalogue().kinds:
        if kind.described:
            summary = f"What the resident says about its {kind.name}"
            serve(f"{kind.folder}-description", Text, summary, partial(documents.description, kind))
    serve("about", About, "What the resident says about itself", documents.about)
    serve("landing", Landing, "The words of the front page", documents.landing)
    serve("landing-summary", DatedText, "What these days are about", documents.landing_summary)
    serve("visitor-greeting", DatedText, "What visitors read first", documents.visitor_greeting)
    return blueprint
