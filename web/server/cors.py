"""Other sites' pages: which of them may read the API, and how their browsers are told."""

from collections.abc import Iterable, Sequence

METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
Headers = list[tuple[bytes, bytes]]


def is_preflight(method: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """A browser asks before it sends: never the request itself, and never with a key."""
    names = {name for name, _ in headers}
    return method == "OPTIONS" and b"origin" in names and b"access-control-request-method" in names


def answer_headers(headers: Sequence[tuple[bytes, bytes]], origins: Iterable[str]) -> Headers:
    """What every answer of the API carries: nothing but `Vary` for a site that is not allowed."""
    vary: Headers = [(b"vary", b"Origin")]
    origin = allowed_origin(headers, origins)
    if origin is None:
        return vary
    return [
        *vary,
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"X-Request-ID"),
    ]


def preflight_headers(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """What is added where the site is allowed."""
    answer: Headers = [(b"access-control-allow-methods", METHODS), (b"access-control-max-age", b"600")]
    asked = [value for name, value in headers if name == b"access-control-request-headers"]
    if asked:
        answer.append((b"access-control-allow-headers", asked[0]))
    return answer


def allowed_origin(headers: Sequence[tuple[bytes, bytes]], origins: Iterable[str]) -> bytes | None:
    brought = [value for name, value in headers if name == b"origin"]
    if len(brought) != 1 or brought[0] not in {origin.encode() for origin in origins}:
        return None
    return brought[0]
