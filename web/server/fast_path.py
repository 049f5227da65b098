"""What is asked most, and whatever streams, is answered before the framework sees it.

The framework costs about as much as all the rest of a small answer. The views are the same that it would call; only
the way to them is shorter: a table from paths to views, made from what the routes declare.
"""

from collections.abc import Mapping

import attrs

from web.api import responses as answers
from web.api.operations import View
from web.api.request import ApiRequest
from web.api.responses import ApiResponse
from web.server.gate import Asgi, Receive, Scope, Send

METHODS = frozenset({"GET", "HEAD"})
DEEPEST = 2


@attrs.frozen(eq=False)
class Hot:
    """Wraps the framework's application and takes from it what the table has."""

    inner: Asgi
    whole: Mapping[str, View]
    """By the path."""
    below: Mapping[str, tuple[View, tuple[str, ...]]]
    """By the path before its parameters, with the names under which the view takes those."""

    @classmethod
    def make(cls, inner: Asgi, views: Mapping[str, View]) -> "Hot":
        """The rules may have parameters, `DEEPEST` at most, as their last parts."""
        whole, below = {}, {}
        for rule, view in views.items():
            head, *names = rule.split("/<")
            if names:
                below[head] = view, tuple(name.removesuffix(">") for name in names)
            else:
                whole[rule] = view
        return cls(inner, whole, below)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self.inner(scope, receive, send)
            return
        view, values = found
        ask = ApiRequest(scope)
        answer = await view(ask, **values)
        if isinstance(answer, ApiResponse):
            await give(answer, ask, send)
        else:
            await answer.carry(lambda refused: give(refused, ask, send), scope, receive, send)

    def _find(self, scope: Scope) -> tuple[View, dict[str, str]] | None:
        if scope["type"] != "http" or scope["method"] not in METHODS:
            return None
        path = scope["path"].removesuffix("/")
        view = self.whole.get(path)
        if view is not None:
            return view, {}
        head = path
        for depth in range(1, DEEPEST + 1):
            head = head.rpartition("/")[0]
            found = self.below.get(head)
            if found is not None and len(found[1]) == depth:
                parts = path[len(head) + 1 :].split("/")
                return (found[0], dict(zip(found[1], parts, strict=True))) if all(parts) else None
        return None


async def give(answer: ApiResponse, ask: ApiRequest, send: Send) -> None:
    """Send a whole answer."""
    known = answers.as_known(answer, ask.header(b"if-none-match"))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answers.head_of(known)]
    if known.status != 304:
        headers.append((b"content-length", b"%d" % len(known.data)))
    await send({"type": "http.response.start", "status": known.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if ask.is_head else known.data})
