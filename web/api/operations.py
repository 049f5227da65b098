"""What an operation takes and gives, said once: requests are checked by it, and the OpenAPI document is made of it.

A shape is an attrs class. `shaped()` makes a field that has more to say than its type: a pattern, a range, an example.

A view is given what was asked and gives an answer; it knows no framework. Those that are asked most are also put into
the table of `web/server/fast_path.py`, which answers them without the framework.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import attrs
from quart import Blueprint, Quart, Response, request
from quart.blueprints import BlueprintSetupState

from web.api import responses as answers
from web.api.request import ApiRequest, Rules, Schema, WrongRequestError
from web.api.responses import ApiResponse
from web.server.sse import Stream

EXTENSION = "claude_runner.operations"
HOT = "claude_runner.hot"

View: TypeAlias = Callable[..., Awaitable[ApiResponse | Stream]]


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path."""

    answers: Mapping[int, Any]
    """What each status carries: a shape, a ready schema, or None where there is no body worth a word."""
    path: Mapping[str, Schema] = attrs.field(factory=dict)
    query: type | None = None
    query_rules: Rules = attrs.field(factory=dict)
    """What else holds of the query's fields, where it is only known when the site is made."""
    headers: Mapping[str, Schema] = attrs.field(factory=dict)
    """What a client may send beside."""
    body: type | None = None
    media: str = "application/json"
    """The kind of what is answered when all is well."""
    summary: str = ""


@attrs.frozen
class Error:
    """What went wrong, for people."""

    detail: str


PROBLEMS: Schema = {
    "type": "object",
    "required": ["detail"],
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "loc", "msg", "input"],
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
                    "msg": {"type": "string"},
                    "input": {},
                    "ctx": {"type": "object"},
                },
            },
        }
    },
}


def shaped(default: Any = attrs.NOTHING, **schema: Any) -> Any:
    """A field with a schema beside its type: minimum, maximum, minLength, maxLength, pattern, enum, format …"""
    return attrs.field(default=default, metadata={"schema": schema})


def offer(
    blueprint: Blueprint, rule: str, operation: Operation, *, method: str = "GET", hot: bool = False
) -> Callable[[View], View]:
    """Serve a view at a path, as declared: a `hot` one without the framework.

    The view's docstring is the summary where the operation has none.
    """

    def add(view: View) -> View:
        endpoint = f"{method.lower()} {rule}".replace(".", " ")
        summary = operation.summary or (view.__doc__ or "").strip().split("\n")[0]
        whole = attrs.evolve(operation, summary=summary)

        async def checked(ask: ApiRequest, **values: str) -> ApiResponse | Stream:
            try:
                return await view(ask, **values)
            except WrongRequestError as error:
                return error.answer()

        async def framed(**values: str) -> Response:
            found = await checked(ApiRequest(request.scope, partial(request.get_data, as_text=False)), **values)
            if not isinstance(found, ApiResponse):
                raise TypeError(f"{rule} answers with a stream: it has to be declared hot")
            return answers.carried(request, found)

        def note(state: BlueprintSetupState) -> None:
            known = state.app.extensions
            known.setdefault(EXTENSION, {})[f"{blueprint.name}.{endpoint}"] = whole
            if hot:
                known.setdefault(HOT, {})[(state.url_prefix or "") + rule] = checked

        blueprint.add_url_rule(rule, endpoint, framed, methods=[method])
        blueprint.record(note)
        return view

    return add


def operation_of(app: Quart, endpoint: str) -> Operation | None:
    """What was declared for an endpoint."""
    found: Operation | None = app.extensions.get(EXTENSION, {}).get(endpoint)
    return found


def hot_views(app: Quart) -> Mapping[str, View]:
    """The views that are asked most, by their paths."""
    found: Mapping[str, View] = app.extensions.get(HOT, {})
    return found
