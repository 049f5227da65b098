"""What an operation takes and gives, said once: requests are checked by it, and the OpenAPI document is made of it.

A shape is an attrs class. `shaped()` makes a field that has more to say than its type: a pattern, a range, an example.
"""

import json
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs
from quart import Blueprint, Quart, Request, Response
from quart.typing import ResponseReturnValue

from web import answers

EXTENSION = "claude_runner.operations"
WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}\s*")
LONGEST_ECHO = 200
"""Characters of a wrong value that are told back."""

T = TypeVar("T")
Schema: TypeAlias = dict[str, Any]
View: TypeAlias = Callable[..., Any]


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path."""

    answers: Mapping[int, Any]
    """What each status carries: a shape, a ready schema, or None where there is no body worth a word."""
    path: Mapping[str, Schema] = attrs.field(factory=dict)
    query: type | None = None
    body: type | None = None
    media: str = "application/json"
    """The kind of what is answered when all is well."""
    summary: str = ""


@attrs.frozen
class Error:
    """What went wrong, for people."""

    detail: str


@attrs.frozen
class Problem:
    """One wrong value of a request."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: Any
    ctx: dict[str, Any] | None = None

    def as_json(self) -> Schema:
        told: Schema = {"type": self.type, "loc": list(self.loc), "msg": self.msg, "input": _echo(self.input)}
        return told if self.ctx is None else {**told, "ctx": self.ctx}


class WrongRequestError(Exception):
    """The request is not what was declared."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(problem.msg for problem in problems))
        self.problems = problems

    def answer(self) -> Response:
        return answers.as_json({"detail": [problem.as_json() for problem in self.problems]}, status=422)


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


def offer(blueprint: Blueprint, rule: str, operation: Operation, *, method: str = "GET") -> Callable[[View], View]:
    """Serve a view at a path, as declared. Its docstring is the summary where the operation has none."""

    def add(view: View) -> View:
        endpoint = f"{method.lower()} {rule}".replace(".", " ")
        summary = operation.summary or (view.__doc__ or "").strip().split("\n")[0]
        whole = attrs.evolve(operation, summary=summary)

        async def checked(**values: Any) -> ResponseReturnValue:
            try:
                found: ResponseReturnValue = await view(**values)
            except WrongRequestError as error:
                return error.answer()
            return found

        blueprint.add_url_rule(rule, endpoint, checked, methods=[method])
        blueprint.record(
            lambda state: state.app.extensions.setdefault(EXTENSION, {}).update({f"{blueprint.name}.{endpoint}": whole})
        )
        return view

    return add


def operation_of(app: Quart, endpoint: str) -> Operation | None:
    """What was declared for an endpoint."""
    found: Operation | None = app.extensions.get(EXTENSION, {}).get(endpoint)
    return found


def read_query(request: Request, shape: type[T]) -> T:
    """The query as its shape; the last of several values counts."""
    values = {name: request.args.getlist(name)[-1] for name in request.args}
    return _read(shape, values, "query", from_text=True)


async def read_body(request: Request, shape: type[T]) -> T:
    """The JSON body as its shape."""
    data = await request.get_data()
    if not data:
        raise WrongRequestError(Problem("missing", ("body",), "this needs a JSON object as its body", None))
    try:
        value = json.loads(data)
    except json.JSONDecodeError as error:
        told = {"error": error.msg}
        raise WrongRequestError(
            Problem("json_invalid", ("body", error.pos), f"the body is not JSON: {error.msg}", {}, told)
        ) from None
    except (ValueError, RecursionError):  # no UTF-8, a number too long, too deep
        told = {"error": "unreadable"}
        raise WrongRequestError(
            Problem("json_invalid", ("body", 0), "the body is not JSON that can be read", {}, told)
        ) from None
    if not isinstance(value, dict):
        raise WrongRequestError(Problem("dict_type", ("body",), "the body has to be a JSON object", value))
    return _read(shape, value, "body", from_text=False)


def check_choice(where: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """One of a few words, or `WrongRequestError`."""
    if value not in allowed:
        raise WrongRequestError(_not_allowed((where, name), value, allowed))


def _read(shape: type[T], values: Mapping[str, Any], where: str, *, from_text: bool) -> T:
    hints = typing.get_type_hints(shape)
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in attrs.fields(typing.cast("type[attrs.AttrsInstance]", shape)):
        if field.name not in values:
            if field.default is attrs.NOTHING:
                problems.append(Problem("missing", (where, field.name), f"{field.name} is missing", dict(values)))
            continue
        value, problem = _checked(hints[field.name], field.metadata.get("schema", {}), values[field.name], from_text)
        if problem is None:
            found[field.name] = value
        else:
            problems.append(attrs.evolve(problem, loc=(where, field.name), msg=f"{field.name} {problem.msg}"))
    if problems:
        raise WrongRequestError(*problems)
    return shape(**found)


def _checked(kind: Any, rules: Schema, value: Any, from_text: bool) -> tuple[Any, Problem | None]:  # noqa: FBT001
    if kind is int and from_text:
        if not WHOLE.fullmatch(value):
            return None, Problem("int_parsing", (), "has to be a whole number", value)
        value = int(value)
    if kind is int and (isinstance(value, bool) or not isinstance(value, int)):
        return None, Problem("int_type", (), "has to be a whole number", value)
    if kind is str and not isinstance(value, str):
        return None, Problem("string_type", (), "has to be text", value)
    return value, _broken(rules, value)


def _broken(rules: Schema, value: Any) -> Problem | None:
    if "enum" in rules and value not in rules["enum"]:
        return _not_allowed((), value, tuple(rules["enum"]))
    if isinstance(value, int):
        if value < rules.get("minimum", value):
            told = {"ge": rules["minimum"]}
            return Problem("greater_than_equal", (), f"has to be {rules['minimum']} or more", value, told)
        if value > rules.get("maximum", value):
            return Problem(
                "less_than_equal", (), f"has to be {rules['maximum']} or less", value, {"le": rules["maximum"]}
            )
        return None
    if any("\ud800" <= letter <= "\udfff" for letter in value) or "\0" in value:
        return Problem("string_unicode", (), "holds characters that no text can hold", None)
    if len(value) < rules.get("minLength", 0):
        told = {"min_length": rules["minLength"]}
        return Problem("string_too_short", (), f"needs {rules['minLength']} characters or more", value, told)
    if len(value) > rules.get("maxLength", len(value)):
        told = {"max_length": rules["maxLength"]}
        return Problem("string_too_long", (), f"can have {rules['maxLength']} characters at most", value, told)
    if "pattern" in rules and not re.search(rules["pattern"].replace("$", r"\Z"), value):
        told = {"pattern": rules["pattern"]}
        return Problem("string_pattern_mismatch", (), f"has to look like {rules['pattern']}", value, told)
    return None


def _not_allowed(loc: tuple[str, ...], value: Any, allowed: tuple[str, ...]) -> Problem:
    words = ", ".join(allowed)
    name = f"{loc[-1]} " if loc else ""
    return Problem("enum", loc, f"{name}has to be one of {words}", value, {"expected": words})


def _echo(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_ECHO]
    if value is None or isinstance(value, bool | int | float):
        return value if not isinstance(value, int) or abs(value) < 2**63 else str(value)[:LONGEST_ECHO]
    return {}  # what the caller sent as a whole it knows


@attrs.define(eq=False)
class Schemas:
    """Turns shapes into schemas; classes come together under their names."""

    named: dict[str, Schema] = attrs.field(factory=dict)

    def of(self, shape: Any) -> Schema:
        if isinstance(shape, dict):
            return shape
        simple = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}.get(shape)
        if simple is not None:
            return {"type": simple}
        origin, inside = typing.get_origin(shape), typing.get_args(shape)
        if origin in (types.UnionType, typing.Union):
            return {"anyOf": [self.of(one) for one in inside]}
        if origin in (tuple, list):
            return {"type": "array", "items": self.of(inside[0])}
        return self._object(shape)

    def _object(self, shape: type) -> Schema:
        name = shape.__name__
        if name not in self.named:
            self.named[name] = {}  # a shape may hold itself
            fields = attrs.fields(typing.cast("type[attrs.AttrsInstance]", shape))
            hints = typing.get_type_hints(shape)
            self.named[name] = {
                "type": "object",
                "description": (shape.__doc__ or "").strip().split("\n")[0],
                "properties": {
                    field.name: {**self.of(hints[field.name]), **field.metadata.get("schema", {})} for field in fields
                },
                "required": [field.name for field in fields if field.default is attrs.NOTHING],
                "additionalProperties": False,
            }
        return {"$ref": f"#/components/schemas/{name}"}
