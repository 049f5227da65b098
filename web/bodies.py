"""JSON bodies: what is wrong with one, in the shape that clients of the API read."""

import json
from collections.abc import Collection
from typing import Any

import attrs
from quart import Request, Response

from web import answers

MOST_ECHOED = 200


@attrs.frozen
class Problem(Exception):
    """One thing that is wrong with a body."""

    type: str
    loc: tuple[str | int, ...]
    msg: str
    input: object = None
    ctx: dict[str, object] | None = None

    def as_json(self) -> dict[str, object]:
        shown = self.input[:MOST_ECHOED] if isinstance(self.input, str) else self.input
        found: dict[str, object] = {"type": self.type, "loc": list(self.loc), "msg": self.msg, "input": shown}
        return found if self.ctx is None else {**found, "ctx": self.ctx}


def refused(problems: Collection[Problem]) -> Response:
    """422 with everything that is wrong."""
    return answers.as_json({"detail": [problem.as_json() for problem in problems]}, status=422)


async def json_object(request: Request) -> dict[str, Any]:
    """The body as an object; Problem when it is none."""
    raw = await request.get_data(as_text=False)
    if not raw.strip():
        raise Problem("missing", ("body",), "a JSON object is needed")
    try:
        value = json.loads(raw)
    except json.JSONDecodeError as error:
        raise Problem("json_invalid", ("body", error.pos), f"not JSON: {error.msg}", {}, {"error": error.msg}) from None
    except (ValueError, RecursionError) as error:
        raise Problem("json_invalid", ("body", 0), f"not JSON: {error}", {}, {"error": str(error)}) from None
    if not isinstance(value, dict):
        raise Problem("model_attributes_type", ("body",), "the body has to be a JSON object", value)
    return value


def choice(body: dict[str, Any], name: str, allowed: Collection[str], default: str) -> str:
    """One of several words."""
    value = body.get(name, default)
    if isinstance(value, str) and value in allowed:
        return value
    expected = ", ".join(allowed)
    raise Problem("enum", ("body", name), f"allowed are {expected}", value, {"expected": expected})


def text(body: dict[str, Any], name: str, *, longest: int) -> str:
    """A text that may be missing or null."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Problem("string_type", ("body", name), "this has to be a text", value)
    if len(value) > longest:
        limit: dict[str, object] = {"max_length": longest}
        raise Problem("string_too_long", ("body", name), f"at most {longest} characters", value, limit)
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Problem("string_unicode", ("body", name), "the text has characters that no text can hold")
    return value
