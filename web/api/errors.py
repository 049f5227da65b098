"""Errors as answers: JSON for the API, a friendly page for people."""

from http import HTTPStatus

from quart import Response, has_request_context, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from web.api import responses as answers
from web.pages.layout import Layout
from web.server.auth import API
from web.services import Services


def install(app: QuartTrio, services: Services, shell: Layout) -> None:
    """Nothing but a redirect leaves the framework in its own words."""

    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        if isinstance(error, RequestRedirect):
            return Response(b"", error.code, headers={"Location": error.new_url})
        status = error.code or 500
        headers: dict[str, str] = {}
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return _answer(status, headers)

    @app.errorhandler(Exception)
    async def failure(error: Exception) -> Response:
        services.log.error("http_handler_failed", path=_path(), error=repr(error)[:500], exc_info=error)
        return _answer(500, {})

    def _answer(status: int, headers: dict[str, str]) -> Response:
        if not has_request_context():
            return answers.carried(None, answers.detail(status, HTTPStatus(status).phrase, headers=headers))
        path = request.path
        if path == API or path.startswith(API + "/"):
            return answers.carried(request, answers.detail(status, HTTPStatus(status).phrase, headers=headers))
        return answers.carried(request, answers.page(shell.error(request, status), status=status, headers=headers))


def _path() -> str | None:
    """The path asked for; a WebSocket has no request."""
    return request.path if has_request_context() else None
