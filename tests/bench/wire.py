"""HTTP/1.1 answers and events as a client reads them: bytes in, whole answers out. No sockets, and no work per header.

It is made to cost a measuring client as little as can be, so it trusts the server's grammar; the tests of the server
read with h11.
"""

from collections.abc import Mapping

import attrs

NO_BODY = frozenset({204, 304})


class WireError(Exception):
    """The server sent something that is no answer."""


def request(path: str, headers: Mapping[str, str]) -> bytes:
    """A whole GET."""
    lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


@attrs.define
class ChunkReader:
    """The body of a chunked answer, piece by piece."""

    done: bool = False
    _rest: bytes = b""
    _left: int = 0
    _trailers: bool = False

    @property
    def inside(self) -> bool:
        """Whether the next bytes go on with a chunk or with the line before one."""
        return bool(self._left or self._rest or self._trailers)

    def feed(self, data: bytes) -> bytes:
        """What of the body is in these bytes."""
        data = self._rest + data if self._rest else data
        self._rest = b""
        found: list[bytes] = []
        at = 0
        while at < len(data) and not self.done:
            if self._left:  # of a chunk and the line end behind it
                taken = min(self._left, len(data) - at)
                found.append(data[at : at + min(taken, max(0, self._left - 2))])
                self._left -= taken
                at += taken
                continue
            end = data.find(b"\r\n", at)
            if end < 0:
                self._rest = data[at:]
                break
            line, at = data[at:end], end + 2
            if self._trailers:
                self.done = not line
            elif size := int(line.partition(b";")[0], 16):
                self._left = size + 2
            else:
                self._trailers = True
        return b"".join(found)


@attrs.define
class AnswerReader:
    """One answer after the other of one connection, without pipelining."""

    status: int = 0
    head: bytes = b""
    received: int = 0
    """Bytes of this answer so far, with its head."""
    length: int = 0
    """Bytes of its body so far."""
    _keep: bool = True
    _lower: bytes = b""
    _parts: list[bytes] = attrs.field(factory=list)
    _missing: int = 0
    _chunks: ChunkReader | None = None

    def begin(self, *, keep: bool = True) -> None:
        """Forget the last answer. Without `keep` the next one's body is counted and thrown away."""
        self.status, self.head, self._lower = 0, b"", b""
        self.received = self.length = self._missing = 0
        self._parts = []
        self._chunks = None
        self._keep = keep

    def skip(self, size: int) -> bool | None:
        """Count so many bytes that came; whether the answer is whole now. None where they have to be looked at."""
        if self._keep or not self._lower or self._chunks is not None:
            return None
        self.received += size
        return self._count(size)

    def feed(self, data: bytes) -> bool:
        """Take in what came; whether the answer is whole now."""
        self.received += len(data)
        if not self._lower:
            data = self.head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.head = data
                return False
            self._read_head(data[: end + 2])
            data = data[end + 4 :]
        if self._chunks is not None:
            data = self._chunks.feed(data)
            self.length += len(data)
        if self._keep and data:
            self._parts.append(data)
        return self._chunks.done if self._chunks is not None else self._count(len(data))

    def _count(self, size: int) -> bool:
        self.length += size
        self._missing -= size
        if self._missing < 0:
            raise WireError(f"{-self._missing} bytes more than the answer is long")
        return self._missing == 0

    @property
    def body(self) -> bytes:
        """The body as it was sent; empty when it was not kept."""
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)

    def chunks(self) -> ChunkReader:
        """What reads on in a body without an end, once the head and what came with it were read."""
        if self._chunks is None:
            raise WireError(f"not chunked: {self.head[:200]!r}")
        return self._chunks

    def field(self, name: bytes) -> bytes:
        """The value of a header, by its lower-case name; empty where it is not."""
        start = self._lower.find(b"\r\n" + name + b":")
        if start < 0:
            return b""
        start += len(name) + 3
        return self.head[start : self.head.find(b"\r\n", start)].strip()

    def _read_head(self, head: bytes) -> None:
        self.head, self._lower = head, head.lower()
        if not head.startswith(b"HTTP/1.1 "):
            raise WireError(f"no answer: {head[:80]!r}")
        self.status = int(head[9:12])
        if self.status in NO_BODY:
            return
        if length := self.field(b"content-length"):
            self._missing = int(length)
        elif b"\r\ntransfer-encoding: chunked" in self._lower:
            self._chunks = ChunkReader()
        else:
            raise WireError(f"an answer of unknown length: {head[:200]!r}")


@attrs.define
class EventReader:
    """The frames of an event stream, each the bytes between two empty lines; comments and heartbeats are left out."""

    _rest: bytes = b""

    @property
    def inside(self) -> bool:
        """Whether the next bytes go on with a frame."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole with these bytes."""
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        return [block for block in blocks if not block.startswith((b":", b"event: heartbeat"))]


def field_of(frame: bytes, name: bytes) -> bytes:
    """One field of a frame; empty where it is not."""
    for line in frame.split(b"\n"):
        key, _, value = line.partition(b": ")
        if key == name:
            return value
    return b""
