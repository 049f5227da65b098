"""Gzip, for whoever takes it: one place for all answers that are whole and have an ETag.

Each coding of an answer has a strong ETag of its own: the answer's, with a mark for the coded bytes. Before the
application sees `If-None-Match`, the mark is taken off for a client that may be given coded bytes, and for nobody else.
"""

import re
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import attrs
import trio

from runner.offload import RunSync
from web.server.gate import Asgi, Receive, Scope, Send

LEAST = 1024
"""Bytes; below that the headers weigh more than what is won."""
AT_ONCE = 16 * 1024
"""Bytes that are packed on the loop, in a fraction of a millisecond; more goes to a thread."""
LEVEL = 4
"""For JSON nearly as small as the usual 6, in a third of the time."""
GZIP = 31
"""zlib's word for a gzip wrapper: no time and no name in it, so that equal answers are equal bytes."""
KEPT = 16 * 1024 * 1024
"""Bytes of packed answers that are kept."""

MARK = b"-gzip"
PACKED = re.compile(rb"text/|application/(?:json|javascript)|image/svg")
ANY = re.compile(r"(?:^|,)\s*(?:x-)?(gzip|\*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*(?=,|$)", re.IGNORECASE)


@attrs.define(eq=False)
class Packed:
    """Answers that were packed lately, by their ETags. One who packs is enough for all who wait for the same."""

    run_sync: RunSync
    kept: int = KEPT
    _size: int = attrs.field(default=0, init=False)
    _done: OrderedDict[bytes, bytes] = attrs.field(factory=OrderedDict, init=False)
    _doing: dict[bytes, trio.Event] = attrs.field(factory=dict, init=False)

    async def get(self, etag: bytes, data: bytes) -> bytes:
        """The packed bytes."""
        while etag in self._doing:
            await self._doing[etag].wait()  # as long as it takes to pack one answer; woken when that fails, too
        known = self._done.get(etag)
        if known is not None:
            self._done.move_to_end(etag)
            return known
        if len(data) <= AT_ONCE:
            return self._keep(etag, pack(data))
        ready = self._doing[etag] = trio.Event()
        try:
            return self._keep(etag, await self.run_sync(lambda: pack(data)))
        finally:
            del self._doing[etag]
            ready.set()

    def _keep(self, etag: bytes, packed: bytes) -> bytes:
        self._done[etag] = packed
        self._size += len(packed)
        while self._size > self.kept:
            self._size -= len(self._done.popitem(last=False)[1])
        return packed


@attrs.frozen(eq=False)
class Coding:
    """Wraps the application."""

    inner: Asgi
    packed: Packed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        takes = takes_gzip(scope["headers"])
        has = b""
        if takes:
            has = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
            if MARK in has:
                scope = {**scope, "headers": _without_marks(scope["headers"])}
        await self.inner(scope, receive, _Coded(self.packed, send, takes, has))


@attrs.define(eq=False)
class _Coded:
    """Sends an answer on, packed where it may be."""

    packed: Packed
    send: Send
    takes: bool
    has: bytes
    """The tags that the client said it has."""
    _start: Any = attrs.field(default=None, init=False)
    _etag: bytes = attrs.field(default=b"", init=False)
    _body: bytes = attrs.field(default=b"", init=False)

    async def __call__(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish()
        else:
            await self.send(message)

    async def _begin(self, message: Any) -> None:
        head = {name.lower(): value for name, value in message["headers"]}
        self._etag = head.get(b"etag", b"")
        known = message["status"] == 304
        if not self._etag or not (known or PACKED.match(head.get(b"content-type", b""))):
            await self.send(message)
            return
        head[b"vary"] = b", ".join(filter(None, (head.get(b"vary"), b"Accept-Encoding")))
        if known and _marked(self._etag) in self.has:
            head[b"etag"] = _marked(self._etag)
        start = {**message, "headers": list(head.items())}
        if self.takes and message["status"] == 200 and int(head.get(b"content-length", 0)) >= LEAST:
            self._start = start  # held back until the body is there
        else:
            await self.send(start)

    async def _finish(self) -> None:
        head = dict(self._start["headers"])
        del head[b"content-length"]  # an answer to HEAD leaves it unsaid
        head |= {b"etag": _marked(self._etag), b"content-encoding": b"gzip"}
        body = b""
        if self._body:
            body = await self.packed.get(self._etag, self._body)
            head[b"content-length"] = b"%d" % len(body)
        await self.send({**self._start, "headers": list(head.items())})
        await self.send({"type": "http.response.body", "body": body})


def pack(data: bytes) -> bytes:
    """The same bytes for the same data, always."""
    return zlib.compress(data, LEVEL, GZIP)


def takes_gzip(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether `Accept-Encoding` lets it in; without that header nothing is coded."""
    for name, value in headers:
        if name == b"accept-encoding":
            said = {match[1].lower(): float(match[2] or 1) for match in ANY.finditer(value.decode("latin-1"))}
            return said.get("gzip", said.get("*", 0.0)) > 0
    return False


def _marked(etag: bytes) -> bytes:
    return etag[:-1] + MARK + etag[-1:]


def _without_marks(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    mark = MARK + b'"'
    return [(name, value.replace(mark, b'"') if name == b"if-none-match" else value) for name, value in headers]
