"""Answers as values, apart from who carries them: JSON, strong ETags, 304."""

import json
import re
from collections.abc import Mapping

import attrs
from quart import Request, Response

from runner.content import strong_etag

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TAG = re.compile(r'(?:W/)?"[^"]*"')


@attrs.frozen
class ApiResponse:
    """What is said to a request; its bytes may be shared by many answers."""

    data: bytes = attrs.field(repr=False)
    status: int = 200
    content_type: str = JSON
    etag: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)


def as_json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """A small answer made anew each time."""
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")
    return ApiResponse(data, status, headers=headers or {})


def detail(status: int, text: str, *, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """An error of a handler, in the shape that clients of the API read."""
    return as_json({"detail": text}, status=status, headers=headers)


def ready(data: bytes, etag: str | None = None, *, content_type: str = JSON) -> ApiResponse:
    """Bytes with a tag, their own where none was made before; who has them already gets a 304."""
    return ApiResponse(data, 200, content_type, etag or strong_etag(data), {"Cache-Control": "no-cache"})


def page(html: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> ApiResponse:
    """A page for people; it may differ by the theme in the cookie."""
    data = html.encode("utf-8", errors="replace")
    if status != 200:
        return ApiResponse(data, status, HTML, headers={"Vary": "Cookie", **(headers or {})})
    return attrs.evolve(ready(data, content_type=HTML), headers={"Cache-Control": "no-cache", "Vary": "Cookie"})


def as_known(answer: ApiResponse, brought: str) -> ApiResponse:
    """The answer to a client that says which tags it has: nothing but 304 where it has this one."""
    if answer.status != 200 or answer.etag is None or not brought or not names(brought, answer.etag):
        return answer
    return attrs.evolve(answer, status=304, data=b"", content_type="")


def names(brought: str, etag: str) -> bool:
    """Whether `If-None-Match` names this tag; the comparison is the weak one, as the standard has it."""
    if brought.strip() == "*":
        return True
    return any(tag.removeprefix("W/") == etag for tag in TAG.findall(brought))


def head_of(answer: ApiResponse) -> list[tuple[str, str]]:
    """The answer's own headers."""
    found = list(answer.headers.items())
    if answer.content_type:
        found.append(("Content-Type", answer.content_type))
    if answer.etag is not None:
        found.append(("ETag", answer.etag))
    return found


def carried(request: Request | None, answer: ApiResponse) -> Response:
    """The answer as the framework takes it; a WebSocket has no request."""
    known = as_known(answer, "" if request is None else request.headers.get("If-None-Match", ""))
    response = Response(known.data, known.status)
    response.headers.remove("Content-Type")
    response.headers.extend(head_of(known))
    return response
