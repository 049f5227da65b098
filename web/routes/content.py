"""Lists and details of every content kind; which kinds there are is the table's business."""

from quart import Blueprint, Response, request

from runner.content import Kind, PathRefusedError
from web import answers
from web.reading import find
from web.services import Services


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("content", __name__, url_prefix="/content")
    for kind in services.catalogue().kinds:
        _add(blueprint, services, kind)
    return blueprint


def _add(blueprint: Blueprint, services: Services, kind: Kind) -> None:
    @blueprint.get(f"/{kind.folder}", endpoint=f"{kind.name}_list")
    async def listing() -> Response:
        """All entries, newest first."""
        shelf = services.catalogue().shelves[kind.name]
        return answers.ready(request, shelf.list_json, shelf.etag)

    @blueprint.get(f"/{kind.folder}/<slug>", endpoint=f"{kind.name}_detail")
    async def detail(slug: str) -> Response:
        """One entry with its text."""
        try:
            entry = await find(services, kind, slug)
        except PathRefusedError as error:
            return answers.detail(400, str(error))
        if entry is None:
            # a name with dots in it may exist; where it doesn't, it was an attempt to climb
            return answers.detail(400 if ".." in slug else 404, f"there is no {kind.singular} called {slug[:80]!r}")
        return answers.ready(request, entry.detail, entry.etag)
