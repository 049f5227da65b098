"""Keep-alive connections that are asked one question at a time, and read as their answers come."""

import select
import socket
import time
from collections.abc import Iterator
from typing import Generic, Self, TypeVar

import attrs

from tests.bench.wire import AnswerReader, WireError

Q = TypeVar("Q")

PIECE = 256 * 1024
SILENT_SECONDS = 30.0


@attrs.define(eq=False)
class Link(Generic[Q]):
    """One connection, with what it was asked last."""

    sock: socket.socket
    asked: Q | None = None
    sent: float = 0.0
    answered: float = 0.0
    reader: AnswerReader = attrs.field(factory=AnswerReader)
    room: memoryview = attrs.field(factory=lambda: memoryview(bytearray(PIECE)), repr=False)
    """Where bytes are received; all links of a load may share it."""

    def ask(self, wire: bytes, asked: Q, *, keep: bool = True) -> None:
        """Send a request; without `keep` the answer's body is only counted."""
        self.asked = asked
        self.reader.begin(keep=keep)
        self.sent = time.perf_counter()
        self.sock.send(wire)  # far smaller than a socket's buffer

    def read(self) -> bool:
        """Take in what came; whether the answer is whole now."""
        size = self.sock.recv_into(self.room)
        if not size:
            raise WireError(f"closed before this was answered: {self.asked!r}")
        whole = self.reader.skip(size)
        if whole is None:
            whole = self.reader.feed(bytes(self.room[:size]))
        if not whole:
            return False
        self.answered = time.perf_counter()
        return True


@attrs.define(eq=False)
class Links(Generic[Q]):
    """All connections of one load."""

    host: str
    port: int
    reopened: int = 0
    """Connections that the server wanted closed after an answer."""
    poll: select.epoll = attrs.field(factory=select.epoll)
    _links: dict[int, Link[Q]] = attrs.field(factory=dict)
    _room: memoryview = attrs.field(factory=lambda: memoryview(bytearray(PIECE)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links.values():
            link.sock.close()
        self.poll.close()

    def open(self) -> Link[Q]:
        """One more connection."""
        sock = socket.create_connection((self.host, self.port), timeout=SILENT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = self._links[sock.fileno()] = Link[Q](sock, room=self._room)
        self.poll.register(sock.fileno(), select.EPOLLIN)
        return link

    def answers(self, within: float | None = None) -> Iterator[Link[Q]]:
        """The connections whose answers became whole, after waiting once for any of them to say something.

        Without `within` it is an error when all are silent. Other sockets in `poll` only wake it.
        """
        ready = self.poll.poll(SILENT_SECONDS if within is None else within)
        if not ready and within is None:
            raise WireError(f"no answer for {SILENT_SECONDS:g} s")
        for number, _ in ready:
            link = self._links.get(number)
            if link is not None and link.read():
                yield link

    def usable(self, link: Link[Q]) -> Link[Q]:
        """The connection, or a new one where the server wants it closed."""
        if b"\r\nconnection: close" not in link.reader.head.lower():
            return link
        self.reopened += 1
        self.poll.unregister(link.sock.fileno())
        del self._links[link.sock.fileno()]
        link.sock.close()
        return self.open()
