"""The API's own description, for whoever builds something on it: only with API_DEBUG, and behind the service key."""

from quart import Blueprint, Response, current_app, request

from runner.content.entry import dump
from web.api import responses as answers
from web.api.openapi import document
from web.pages.layout import Layout
from web.services import Services


def routes(services: Services, shell: Layout) -> Blueprint:
    """Without API_DEBUG there is nothing here."""
    blueprint = Blueprint("docs", __name__)
    if not services.settings.http.debug:
        return blueprint

    @blueprint.get("/openapi.json")
    async def openapi() -> Response:
        data = dump(document(current_app))
        return answers.carried(request, answers.ready(data))

    @blueprint.get("/docs")
    async def docs() -> Response:
        html = shell.render(request, "docs.html", document=document(current_app))
        return answers.carried(request, answers.page(html))

    return blueprint
