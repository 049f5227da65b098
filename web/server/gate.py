"""The outermost layer: request ids, the access line, CORS, the service key; no error leaves it without an answer."""

import json
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from web.server import auth, cors
from web.services import AccessLog

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

QUIET = frozenset({auth.API + "/health/live", auth.API + "/health/ready"})

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


@attrs.frozen(kw_only=True)
class DoorRules:
    """The settings the door goes by."""

    api_key: str = attrs.field(repr=False)
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


@attrs.define(eq=False)
class _Answer:
    """Adds the door's headers to an answer and remembers what it was."""

    send: Send
    headers: list[tuple[bytes, bytes]]
    status: int = 0
    complete: bool = False

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": _joined(message.get("headers", ()), self.headers)}
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            self.complete = True
        await self.send(message)

    async def json(self, status: int, body: dict[str, object], extra: list[tuple[bytes, bytes]] | None = None) -> None:
        data = json.dumps(body).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data)), *(extra or [])]
        await self({"type": "http.response.start", "status": status, "headers": head})
        await self({"type": "http.response.body", "body": data})


@attrs.frozen(eq=False)
class Gate:
    """Wraps the application."""

    inner: Asgi
    rules: DoorRules
    log: AccessLog

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(_normal(scope), receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(_normal(scope), receive, send)
        else:
            await self.inner(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request_id = secrets.token_hex(8)
        caller = _caller(scope)
        headers = [(b"x-request-id", request_id.encode()), *SECURITY]
        in_api = scope["path"].startswith(auth.API)
        if in_api:
            headers += cors.answer_headers(caller.headers, self.rules.cors_origins)
        answer = _Answer(send, headers)
        try:
            if in_api and cors.is_preflight(scope["method"], caller.headers):
                await self._preflight(caller, answer)
            else:
                await self._enter(caller, scope, receive, answer)
        except Exception as error:  # the last place where it can still become an answer
            self.log.exception(
                "http_handler_failed", request_id=request_id, path=scope["path"], error=repr(error)[:500]
            )
            if not answer.status:
                await answer.json(500, {"detail": "Internal Server Error"})
        finally:
            if scope["path"] not in QUIET:
                self.log.info(
                    "http_request",
                    method=scope["method"],
                    path=scope["path"],
                    status=answer.status,
                    duration_ms=round((time.perf_counter() - began) * 1000, 2),
                    client=auth.client_address(caller, self.rules.trusted_proxies),
                    request_id=request_id,
                )

    async def _preflight(self, caller: auth.Requester, answer: _Answer) -> None:
        if cors.allowed_origin(caller.headers, self.rules.cors_origins) is None:
            await answer.json(
                400, {"detail": "this origin is not allowed; the setting http.cors_origins lists those that are"}
            )
        else:
            await answer.json(200, {}, cors.preflight_headers(caller.headers))

    async def _enter(self, caller: auth.Requester, scope: Scope, receive: Receive, answer: _Answer) -> None:
        entry = auth.decide(caller, api_key=self.rules.api_key)
        if entry.allowed:
            await self.inner(scope, receive, answer)
        else:
            await answer.json(entry.status, {"error": entry.reason})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if auth.decide(_caller(scope), api_key=self.rules.api_key).allowed:
            await self.inner(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})


def _caller(scope: Scope) -> auth.Requester:
    client = scope.get("client")
    return auth.Requester(scope["path"], client[0] if client else None, scope["headers"])


def _normal(scope: Scope) -> Scope:
    return {**scope, "path": one_spelling(scope["path"])}


def one_spelling(path: str) -> str:
    """The path as the router takes it: a request line may hold a whole address, or begin with several slashes."""
    if not path.startswith("/"):
        path = urlsplit(path).path
    return "/" + path.lstrip("/")


def _joined(own: Any, added: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """One `Vary` from both; the door's other headers beside the answer's own."""
    vary: list[bytes] = []
    kept: list[tuple[bytes, bytes]] = []
    for name, value in [*own, *added]:
        if name.lower() == b"vary":
            vary += [part.strip() for part in value.split(b",")]
        else:
            kept.append((name, value))
    if vary:
        kept.append((b"vary", b", ".join(dict.fromkeys(vary))))
    return kept
