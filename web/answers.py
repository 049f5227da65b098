"""Answers as bytes: JSON, strong ETags, 304."""

import json
import re
from collections.abc import Mapping

from quart import Request, Response

from runner.content import strong_etag

TAG = re.compile(r'(?:W/)?"[^"]*"')


def as_json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A small answer made anew each time."""
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(data, status, headers=dict(headers or {}), content_type="application/json")


def detail(status: int, text: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """An error of a handler, in the shape that clients of the API read."""
    return as_json({"detail": text}, status=status, headers=headers)


def ready(request: Request, data: bytes, etag: str, *, content_type: str = "application/json") -> Response:
    """Bytes that were serialised before: 304 where the client has them."""
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if is_current(request, etag):
        return Response(b"", 304, headers=headers)
    return Response(data, 200, headers=headers, content_type=content_type)


def page(request: Request, html: str, *, status: int = 200) -> Response:
    """A page for people; it may differ by the theme in the cookie."""
    data = html.encode("utf-8", errors="replace")
    if status != 200:
        answer = Response(data, status, content_type="text/html; charset=utf-8")
    else:
        answer = ready(request, data, strong_etag(data), content_type="text/html; charset=utf-8")
    answer.headers["Vary"] = "Cookie"
    return answer


def is_current(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names this tag; the comparison is the weak one, as the standard has it."""
    brought = request.headers.get("If-None-Match", "")
    if brought.strip() == "*":
        return True
    return any(tag.removeprefix("W/") == etag for tag in TAG.findall(brought))
