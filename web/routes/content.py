"""Lists and details of every content kind; which kinds there are is the table's business."""

from quart import Blueprint

from runner.content import ContentKind, PathRefusedError
from runner.content.kinds import Field
from web.api import responses as answers
from web.api.operations import Error, Operation, offer
from web.api.reading import find
from web.api.request import ApiRequest, Schema
from web.api.responses import ApiResponse
from web.services import Services


def routes(services: Services) -> Blueprint:
    blueprint = Blueprint("content", __name__, url_prefix="/content")
    for kind in services.catalogue().kinds:
        _add(blueprint, services, kind)
    return blueprint


def _add(blueprint: Blueprint, services: Services, kind: ContentKind) -> None:
    meta = _meta(kind)
    slug_schema: Schema = {"type": "string", "description": "the file's name without .md"}
    many = Operation(
        answers={200: {"type": "array", "items": _object({"slug": {"type": "string"}, **meta}, kind)}},
        summary=f"All {kind.name}, newest first",
    )
    one = Operation(
        path={"slug": slug_schema},
        answers={
            200: _object({"slug": {"type": "string"}, "meta": _object(meta, kind), "content": {"type": "string"}}),
            400: Error,
            404: Error,
        },
        summary=f"One {kind.singular} with its text",
    )

    @offer(blueprint, f"/{kind.folder}", many, hot=True)
    async def listing(_ask: ApiRequest) -> ApiResponse:
        shelf = services.catalogue().shelves[kind.name]
        return answers.ready(shelf.list_json, shelf.etag)

    @offer(blueprint, f"/{kind.folder}/<slug>", one, hot=True)
    async def detail(_ask: ApiRequest, slug: str) -> ApiResponse:
        try:
            entry = await find(services, kind, slug)
        except PathRefusedError as error:
            return answers.detail(400, str(error))
        if entry is None:
            # a name with dots in it may exist; where it doesn't, it was an attempt to climb
            return answers.detail(400 if ".." in slug else 404, f"there is no {kind.singular} called {slug[:80]!r}")
        return answers.ready(entry.detail, entry.etag)


def _meta(kind: ContentKind) -> dict[str, Schema]:
    date: Schema = {"type": "string", "format": "date"}
    title: Schema = {"type": "string", "minLength": 1}
    return {"date": date, "title": title, **{field.name: _schema(field) for field in kind.fields}}


def _schema(field: Field) -> Schema:
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    is_always_there = field.default is not None or field.sparse
    return {"type": field.type} if is_always_there else {"type": [field.type, "null"]}


def _object(properties: dict[str, Schema], kind: ContentKind | None = None) -> Schema:
    sparse = {field.name for field in kind.fields if field.sparse} if kind else set()
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in sparse],
        "additionalProperties": False,
    }
