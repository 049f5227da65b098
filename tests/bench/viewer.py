"""One viewer of an event stream. It sums up its frames: who received the same in the same order has the same sum."""

import hashlib
import socket
from typing import Any

import attrs

from tests.bench.wire import AnswerReader, ChunkReader, EventReader, WireError, field_of, request

PIECE = 256 * 1024
JOIN_SECONDS = 30.0
TINY_BUFFER = 2048
TINY_SEGMENT = 536
"""Of a viewer that is to stall: loopback's large segments would let the system keep megabytes for it."""


@attrs.define(eq=False)
class Viewer:
    """One open stream."""

    sock: socket.socket
    head: AnswerReader = attrs.field(factory=AnswerReader)
    frames: int = 0
    gaps: int = 0
    opened: bool = False
    ended: bool = False
    digest: Any = attrs.field(factory=lambda: hashlib.blake2b(digest_size=16))
    _chunks: ChunkReader = attrs.field(factory=ChunkReader)
    _events: EventReader = attrs.field(factory=EventReader)

    @classmethod
    def join(cls, host: str, port: int, path: str, *, tiny: bool = False) -> "Viewer":
        """Connect and ask; the answer is read later."""
        sock = socket.socket()
        if tiny:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, TINY_SEGMENT)
        sock.settimeout(JOIN_SECONDS)
        sock.connect((host, port))
        sock.sendall(request(path, {"accept": "text/event-stream"}))
        return cls(sock)

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

    def read(self) -> list[bytes]:
        """The frames that came now."""
        data = self.sock.recv(PIECE)
        if not data:
            self.ended = True
            return []
        if not self.opened:
            self.head.feed(data)
            if not self.head.status:
                return []
            if self.head.status != 200:
                self.ended = True
                return []
            self.opened = True
            frames = self._events.feed(self.head.body)
            self._chunks = self.head.chunks()
        else:
            frames = self._events.feed(self._chunks.feed(data))
        for frame in frames:
            self.frames += 1
            self.digest.update(frame)
            if b"\nevent: gap\n" in frame or frame.startswith(b"event: gap\n"):
                self.gaps += 1
        return frames


def slug_of(frame: bytes) -> str:
    """What the event is about."""
    data = field_of(frame, b"data")
    start = data.find(b'"slug":"') + 8
    return data[start : data.find(b'"', start)].decode()
