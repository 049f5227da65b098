"""Questions in a closed loop over keep-alive connections: each connection asks again as soon as it was answered.

Every answer is compared with what the path answered once, quietly and without encoding: its status and length always,
its bytes for the first and for one in `SAMPLE`; the others' bodies are only counted, so that the client stays out of
the way.
"""

import gzip
import itertools
import time
from collections.abc import Iterator

import attrs

from tests.bench.figures import cpu_seconds, spread, waited_seconds
from tests.bench.links import Link, Links
from tests.bench.wire import AnswerReader, WireError, request

SAMPLE = 16
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
    packed: int = 0
    """How long its body was when it came packed and was found right."""


@attrs.define
class Asker:
    """Asks, and keeps what each path answered first."""

    known: dict[str, Known] = attrs.field(factory=dict)

    def look(self, host: str, port: int, paths: list[str]) -> None:
        """Ask each path that is not known yet, one after the other."""
        missing = [path for path in dict.fromkeys(paths) if path not in self.known]
        if not missing:
            return
        with Links[str](host, port) as links:
            link = links.open()
            for path in missing:
                link.ask(request(path, {}), path)
                while not link.read():
                    pass
                reader = link.reader
                if reader.status != 200:
                    raise WireError(f"{path} answered {reader.status}: {reader.body[:200]!r}")
                self.known[path] = Known(reader.field(b"etag").decode(), reader.body)

    def run(self, load: Load) -> dict[str, object]:
        """The figures of one load."""
        self.look(load.host, load.port, load.paths)
        questions = [self._question(load, path) for path in load.paths]
        if load.conditional and not all(question.known.etag for question in questions):
            return {"answers": 0, "without_etag": True}
        with Links[Question](load.host, load.port) as links:
            opened = [links.open() for _ in range(load.connections)]
            whole = Round(load, itertools.cycle(questions), links, opened)
            whole.run(load.connections, load.seconds)
            whole.forget()  # that was for warming up
            return whole.measure()

    def _question(self, load: Load, path: str) -> Question:
        headers: dict[str, str] = {}
        if load.zipped:
            headers["accept-encoding"] = "gzip"
        if load.conditional:
            headers["if-none-match"] = self.known[path].etag
        return Question(request(path, headers), path, self.known[path])


@attrs.define
class Round:
    """What comes over the connections of one load."""

    load: Load
    questions: Iterator[Question]
    links: Links[Question]
    opened: list[Link[Question]]
    delays: list[float] = attrs.field(factory=list)
    received: int = 0
    encodings: set[str] = attrs.field(factory=set)
    asked: int = 0
    wrong: int = 0
    told: list[str] = attrs.field(factory=list)

    def forget(self) -> None:
        """Leave out what came so far; wrong answers stay wrong."""
        self.delays, self.received = [], 0

    def measure(self) -> dict[str, object]:
        """Run the load; its figures."""
        load = self.load
        cpu, waited = cpu_seconds(load.pid), waited_seconds(load.pid)
        own, began = time.process_time(), time.perf_counter()
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
            "waited_s": round(waited_seconds(load.pid) - waited, 3),
            "client_cpu_s": round(own, 3),
            "reopened": self.links.reopened,
            "wrong": self.wrong,
            "told": self.told,
        }

    def run(self, count: int, seconds: float) -> None:
        """Ask so often, or for so long where that is shorter, and wait for what was asked."""
        until = time.perf_counter() + seconds
        idle, self.opened = self.opened, []
        asked = 0
        while idle and asked < count:
            self._ask(idle.pop())
            asked += 1
        self.opened += idle
        waiting = asked
        while waiting:
            came = 0
            for link in self.links.answers():
                came += 1
                self._take(link)
                usable = self.links.usable(link)
                if asked < count and time.perf_counter() < until:
                    self._ask(usable)
                    asked += 1
                    waiting += 1
                else:
                    self.opened.append(usable)
            waiting -= came

    def _ask(self, link: Link[Question]) -> None:
        question = next(self.questions)
        self.asked += 1
        is_first = self.load.zipped and not question.packed
        link.ask(question.wire, question, keep=is_first or self.asked % SAMPLE == 0)

    def _take(self, link: Link[Question]) -> None:
        assert link.asked is not None
        self.delays.append(link.answered - link.sent)
        self.received += link.reader.received
        if problem := self._problem(link.reader, link.asked):
            self.wrong += 1
            if len(self.told) < TOLD:
                self.told.append(f"{link.asked.path}: {problem}")

    def _problem(self, reader: AnswerReader, question: Question) -> str | None:
        if self.load.conditional:
            return None if reader.status == 304 else f"status {reader.status}, not 304"
        if reader.status != 200:
            return f"status {reader.status}"
        encoding = reader.field(b"content-encoding").decode() or "identity"
        self.encodings.add(encoding)
        if encoding == "identity":
            if reader.length != len(question.known.body):
                return f"{reader.length} bytes, not {len(question.known.body)}"
            return "other bytes" if reader.body and reader.body != question.known.body else None
        if not self.load.zipped or encoding != "gzip":
            return f"encoded as {encoding}"
        if reader.body:
            question.packed = reader.length
            return None if gzip.decompress(reader.body) == question.known.body else "unpacks to other bytes"
        return None if reader.length == question.packed else f"packed as {reader.length} bytes, not {question.packed}"
