"""One viewer of an event stream. It sums up its frames: who received the same in the same order has the same sum."""

import hashlib
import socket
from typing import Any, Self

import attrs

from tests.bench.wire import AnswerReader, ChunkReader, EventReader, WireError, field_of, request

PIECE = 256 * 1024
JOIN_SECONDS = 30.0
KEPT = 200
"""Pieces whose meaning is kept."""
TINY_BUFFER = 2048
TINY_SEGMENT = 536
"""Of a viewer that is to stall: loopback's large segments would let the system keep megabytes for it."""


@attrs.frozen
class News:
    """Frames that came together."""

    frames: int
    gaps: int
    slugs: tuple[str, ...]
    text: bytes

    @classmethod
    def of(cls, frames: list[bytes]) -> Self:
        gaps = sum(b"\nevent: gap\n" in b"\n" + frame for frame in frames)
        text = b"".join(frame + b"\n\n" for frame in frames)
        return cls(len(frames), gaps, tuple(map(slug_of, frames)), text)


NOTHING = News(0, 0, (), b"")


@attrs.define
class Known:
    """What the same bytes meant to another viewer: thousands are sent the same, and one has to look at them."""

    _news: dict[bytes, News] = attrs.field(factory=dict)

    def get(self, data: bytes) -> News | None:
        return self._news.get(data)

    def add(self, data: bytes, news: News) -> None:
        if len(self._news) >= KEPT:
            self._news.clear()
        self._news[data] = news


@attrs.define(eq=False)
class Viewer:
    """One open stream."""

    sock: socket.socket
    _known: Known
    head: AnswerReader = attrs.field(factory=AnswerReader)
    frames: int = 0
    gaps: int = 0
    opened: bool = False
    ended: bool = False
    digest: Any = attrs.field(factory=lambda: hashlib.blake2b(digest_size=16))
    _chunks: ChunkReader = attrs.field(factory=ChunkReader)
    _events: EventReader = attrs.field(factory=EventReader)
    _inside: bool = False
    """In the middle of a chunk or a frame."""

    @classmethod
    def join(cls, host: str, port: int, path: str, known: Known, *, tiny: bool = False) -> Self:
        """Connect and ask; the answer is read later."""
        sock = socket.socket()
        if tiny:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, TINY_SEGMENT)
        sock.settimeout(JOIN_SECONDS)
        sock.connect((host, port))
        sock.sendall(request(path, {"accept": "text/event-stream"}))
        return cls(sock, known)

    def open(self) -> None:
        """Wait for the head of the answer and the first bytes behind it."""
        while not self.opened:
            self.read()
            if self.ended:
                raise WireError(f"a viewer was refused: {self.head.head[:200]!r}")

    def drained(self) -> bool:
        """Read what the system kept for it; whether the server's end follows."""
        try:
            while self.sock.recv(PIECE):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True

    def read(self) -> News:
        """What came now."""
        data = self.sock.recv(PIECE)
        if not data:
            self.ended = True
            return NOTHING
        news = self._known.get(data) if self.opened and not self._inside else None
        if news is None:
            news = self._parse(data)
        if news.frames:
            self.frames += news.frames
            self.gaps += news.gaps
            self.digest.update(news.text)
        return news

    def _parse(self, data: bytes) -> News:
        if not self.opened:
            self.head.feed(data)
            if self.head.status not in {0, 200}:
                self.ended = True
            if self.head.status != 200:
                return NOTHING
            self.opened = True
            payload, self._chunks = self.head.body, self.head.chunks()
            return self._understood(payload)
        began_inside = self._inside
        news = self._understood(self._chunks.feed(data))
        if not began_inside and not self._inside:
            self._known.add(data, news)
        return news

    def _understood(self, payload: bytes) -> News:
        news = News.of(self._events.feed(payload))
        self._inside = self._chunks.inside or self._events.inside
        return news


def slug_of(frame: bytes) -> str:
    """What the event is about; empty for one that is about no file."""
    rest = field_of(frame, b"data").partition(b'"slug":"')[2]
    return rest.partition(b'"')[0].decode()
