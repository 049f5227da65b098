"""What is asked, apart from the framework: the query and the body, checked against the shapes that routes declare."""

import json
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, TypeVar
from urllib.parse import parse_qsl

import attrs

from web.api import responses as answers
from web.api.responses import ApiResponse

WHOLE = re.compile(r"\s*[+-]?[0-9]{1,30}\s*")
NO_TEXT = re.compile("[\0\ud800-\udfff]")
LONGEST_ECHO = 200
"""Characters of a wrong value that are told back."""

T = TypeVar("T")
Schema: TypeAlias = dict[str, Any]
Rules: TypeAlias = Mapping[str, Schema]
"""For some fields of a shape what else holds of them: what is only known when the site is made."""


async def _no_body() -> bytes:
    return b""


@attrs.frozen(eq=False)
class ApiRequest:
    """One request, as views see it."""

    scope: Any
    body: Callable[[], Awaitable[bytes]] = _no_body

    @property
    def is_head(self) -> bool:
        return bool(self.scope["method"] == "HEAD")

    def header(self, name: bytes) -> str:
        """The values of a header, joined as the standard joins them; empty where there is none."""
        return ", ".join(value.decode("latin-1") for key, value in self.scope["headers"] if key == name)

    def query(self) -> dict[str, str]:
        """Names and values; the last of several values counts."""
        text = self.scope.get("query_string", b"").decode("latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace")) if text else {}


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

    def answer(self) -> ApiResponse:
        return answers.as_json({"detail": [problem.as_json() for problem in self.problems]}, status=422)


def read_query(ask: ApiRequest, shape: type[T], rules: Rules | None = None) -> T:
    """The query as its shape."""
    return _read(shape, ask.query(), "query", rules or {}, from_text=True)


async def read_body(ask: ApiRequest, shape: type[T]) -> T:
    """The JSON body as its shape."""
    data = await ask.body()
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
        raise WrongRequestError(Problem("model_attributes_type", ("body",), "the body has to be a JSON object", value))
    return _read(shape, value, "body", {}, from_text=False)


def check_choice(where: str, name: str, value: str, allowed: tuple[str, ...]) -> None:
    """One of a few words, or `WrongRequestError`."""
    if value not in allowed:
        raise WrongRequestError(_not_allowed((where, name), value, allowed))


def _read(shape: type[T], values: Mapping[str, Any], where: str, rules: Rules, *, from_text: bool) -> T:
    hints = typing.get_type_hints(shape)
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in attrs.fields(typing.cast("type[attrs.AttrsInstance]", shape)):
        if field.name not in values:
            if field.default is attrs.NOTHING:
                problems.append(Problem("missing", (where, field.name), f"{field.name} is missing", dict(values)))
            continue
        schema = {**field.metadata.get("schema", {}), **rules.get(field.name, {})}
        value, problem = _checked(hints[field.name], schema, values[field.name], from_text)
        if problem is None:
            found[field.name] = value
        else:
            problems.append(attrs.evolve(problem, loc=(where, field.name), msg=f"{field.name} {problem.msg}"))
    if problems:
        raise WrongRequestError(*problems)
    return shape(**found)


def _checked(kind: Any, rules: Schema, value: Any, from_text: bool) -> tuple[Any, Problem | None]:  # noqa: FBT001
    allowed = typing.get_args(kind) or (kind,)
    if value is None and type(None) in allowed:
        return None, None
    if "enum" in rules and value not in rules["enum"]:
        return None, _not_allowed((), value, tuple(rules["enum"]))
    if int in allowed and from_text:
        if not WHOLE.fullmatch(value):
            return None, Problem("int_parsing", (), "has to be a whole number", value)
        value = int(value)
    if int in allowed and (isinstance(value, bool) or not isinstance(value, int)):
        return None, Problem("int_type", (), "has to be a whole number", value)
    if str in allowed and not isinstance(value, str):
        return None, Problem("string_type", (), "has to be text", value)
    if isinstance(value, str) and not from_text and NO_TEXT.search(value):
        return None, Problem("string_unicode", (), "holds characters that no text can hold", None)
    return value, _broken(rules, value)


def _broken(rules: Schema, value: Any) -> Problem | None:
    if isinstance(value, int):
        if value < rules.get("minimum", value):
            told = {"ge": rules["minimum"]}
            return Problem("greater_than_equal", (), f"has to be {rules['minimum']} or more", value, told)
        if value > rules.get("maximum", value):
            return Problem(
                "less_than_equal", (), f"has to be {rules['maximum']} or less", value, {"le": rules["maximum"]}
            )
        return None
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
