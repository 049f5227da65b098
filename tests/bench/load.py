"""Questions in a closed loop over keep-alive connections: each connection asks again as soon as it was answered.

Every answer is compared with what the path answered once, quietly and without encoding: its status and length always,
its bytes for one in `SAMPLE`.
"""

import gzip
import itertools
import select
import socket
import time
from collections.abc import Iterator
from typing import Self

import attrs

from tests.bench.figures import cpu_seconds, spread
from tests.bench.wire import AnswerReader, WireError, request

SAMPLE = 16
PIECE = 1024 * 1024
SILENT_SECONDS = 30.0
TOLD = 5
"""Wrong answers that are described; the others are counted."""


@attrs.frozen
class Known:
    """What a path answers."""

    etag: str
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Load:
    """What is asked, how often, and by how many connections."""

    host: str
    port: int
    pid: int
    paths: list[str]
    connections: int
    count: int
    seconds: float
    zipped: bool = False
    conditional: bool = False


@attrs.define
class Question:
    """A request as it is sent, and what is known of its answer."""

    wire: bytes
    path: str
    known: Known
    lengths: set[int] = attrs.field(factory=set)
    """Encoded lengths that were decoded and found right."""


@attrs.define(eq=False)
class Link:
    """One connection."""

    sock: socket.socket
    question: Question
    reader: AnswerReader = attrs.field(factory=AnswerReader)
    sent: float = 0.0

    def ask(self, question: Question) -> None:
        self.question = question
        self.reader.begin()
        self.sent = time.perf_counter()
        self.sock.send(question.wire)  # far smaller than a socket's buffer


@attrs.define
class Asker:
    """Asks, and keeps what each path answered first."""

    known: dict[str, Known] = attrs.field(factory=dict)

    def look(self, host: str, port: int, paths: list[str]) -> None:
        """Ask each path that is not known yet, one after the other."""
        missing = [path for path in dict.fromkeys(paths) if path not in self.known]
        if not missing:
            return
        with socket.create_connection((host, port), timeout=SILENT_SECONDS) as sock:
            for path in missing:
                self.known[path] = self._look(sock, path)

    def _look(self, sock: socket.socket, path: str) -> Known:
        reader = AnswerReader()
        sock.sendall(request(path, {}))
        whole = False
        while not whole:
            data = sock.recv(PIECE)
            if not data:
                raise WireError(f"closed before {path} was answered")
            whole = reader.feed(data)
        if reader.status != 200:
            raise WireError(f"{path} answered {reader.status}: {reader.body[:200]!r}")
        return Known(reader.field(b"etag").decode(), reader.body)

    def run(self, load: Load) -> dict[str, object]:
        """The figures of one load."""
        self.look(load.host, load.port, load.paths)
        questions = [self._question(load, path) for path in load.paths]
        if load.conditional and not all(question.known.etag for question in questions):
            return {"answers": 0, "without_etag": True}
        with Round(load, itertools.cycle(questions)) as warm:
            warm.run(load.connections, load.seconds)
            warm.forget()
            return warm.measure()

    def _question(self, load: Load, path: str) -> Question:
        headers: dict[str, str] = {}
        if load.zipped:
            headers["accept-encoding"] = "gzip"
        if load.conditional:
            headers["if-none-match"] = self.known[path].etag
        return Question(request(path, headers), path, self.known[path])


@attrs.define
class Round:
    """The connections of one load and what came over them."""

    load: Load
    questions: Iterator[Question]
    delays: list[float] = attrs.field(factory=list)
    received: int = 0
    encodings: set[str] = attrs.field(factory=set)
    reopened: int = 0
    wrong: int = 0
    told: list[str] = attrs.field(factory=list)
    _links: dict[int, Link] = attrs.field(factory=dict)
    _poll: select.epoll = attrs.field(factory=select.epoll)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links.values():
            link.sock.close()
        self._poll.close()

    def forget(self) -> None:
        """What came so far was for warming up; wrong answers stay wrong."""
        self.delays, self.received = [], 0

    def measure(self) -> dict[str, object]:
        """Run the load; its figures."""
        load = self.load
        cpu, own, began = cpu_seconds(load.pid), time.process_time(), time.perf_counter()
        self.run(load.count, load.seconds)
        wall = time.perf_counter() - began
        used, own = cpu_seconds(load.pid) - cpu, time.process_time() - own
        answers = len(self.delays)
        return {
            "encoding": "+".join(sorted(self.encodings)),
            "answers": answers,
            "rps": round(answers / wall),
            "per_cpu_s": round(answers / used),
            **spread(self.delays),
            "bytes": self.received,
            "cpu_s": round(used, 3),
            "client_cpu_s": round(own, 3),
            "reopened": self.reopened,
            "wrong": self.wrong,
            "told": self.told,
        }

    def run(self, count: int, seconds: float) -> None:
        """Ask so often, or for so long where that is shorter, and wait for what was asked."""
        until = time.perf_counter() + seconds
        asked = 0
        while len(self._links) < self.load.connections:
            self._open()
        for link in list(self._links.values()):
            if asked < count:
                link.ask(next(self.questions))
                asked += 1
        waiting = asked
        while waiting:
            ready = self._poll.poll(SILENT_SECONDS)
            if not ready:
                raise WireError(f"no answer for {SILENT_SECONDS:g} s, {waiting} are waited for")
            for number, _ in ready:
                link = self._links[number]
                if not self._read(link):
                    continue
                waiting -= 1
                if b"\r\nconnection: close" in link.reader.head.lower():
                    link = self._replace(link)
                if asked < count and time.perf_counter() < until:
                    link.ask(next(self.questions))
                    asked += 1
                    waiting += 1

    def _open(self) -> Link:
        sock = socket.create_connection((self.load.host, self.load.port), timeout=SILENT_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = Link(sock, next(self.questions))
        self._links[sock.fileno()] = link
        self._poll.register(sock.fileno(), select.EPOLLIN)
        return link

    def _replace(self, link: Link) -> Link:
        self.reopened += 1
        self._poll.unregister(link.sock.fileno())
        del self._links[link.sock.fileno()]
        link.sock.close()
        return self._open()

    def _read(self, link: Link) -> bool:
        data = link.sock.recv(PIECE)
        if not data:
            raise WireError(f"closed in the middle of {link.question.path}")
        if not link.reader.feed(data):
            return False
        self.delays.append(time.perf_counter() - link.sent)
        self.received += link.reader.received
        if problem := self._problem(link):
            self.wrong += 1
            if len(self.told) < TOLD:
                self.told.append(f"{link.question.path}: {problem}")
        return True

    def _problem(self, link: Link) -> str | None:
        reader, question = link.reader, link.question
        if self.load.conditional:
            return None if reader.status == 304 else f"status {reader.status}, not 304"
        if reader.status != 200:
            return f"status {reader.status}: {reader.body[:100]!r}"
        encoding = reader.field(b"content-encoding").decode() or "identity"
        self.encodings.add(encoding)
        sampled = len(self.delays) % SAMPLE == 0
        if encoding == "identity":
            if reader.length != len(question.known.body):
                return f"{reader.length} bytes, not {len(question.known.body)}"
            return "other bytes" if sampled and reader.body != question.known.body else None
        if not self.load.zipped or encoding != "gzip":
            return f"encoded as {encoding}"
        if not sampled and reader.length in question.lengths:
            return None
        question.lengths.add(reader.length)
        return None if gzip.decompress(reader.body) == question.known.body else "unpacks to other bytes"
