"""Questions asked all the time while files are edited, and how old the answers are.

Each edit writes the next number into a file's title and text. An answer has to know every edit that was complete
`ALLOWED_SECONDS` before it was asked for, and an ETag stands for the same bytes for ever, whatever they are packed in.
"""

import gzip
import hashlib
import random
import time
from collections import deque
from pathlib import Path

import attrs

from tests.bench.desk import MARK, RESTING_SECONDS, Desk, Edit
from tests.bench.figures import cpu_seconds, spread, waited_seconds
from tests.bench.links import Link, Links
from tests.bench.viewer import Known, Viewer
from tests.bench.wire import AnswerReader, request

ALLOWED_SECONDS = 0.3
LAST_SECONDS = 2.0
TOLD = 5


@attrs.frozen(kw_only=True)
class Editing:
    """What is done and asked."""

    host: str
    port: int
    pid: int
    folder: str
    route: str
    """The list's path; an entry's is below it."""
    stream: str
    slugs: list[str]
    edits: int
    each_second: float
    connections: int
    zipped: bool


@attrs.frozen
class Asked:
    """What a connection was asked; `file` is None for the list."""

    path: str
    file: int | None
    zipped: bool
    etag: str


@attrs.frozen
class Seen:
    """What an ETag stood for first."""

    digest: bytes
    numbers: dict[int, int]


@attrs.define
class Reading:
    """Asks while files are edited, and judges every answer."""

    editing: Editing
    desk: Desk
    seen: dict[tuple[str, str], Seen]
    links: Links[Asked]
    ages: list[float] = attrs.field(factory=list)
    unmodified: int = 0
    packed: int = 0
    conflicts: int = 0
    wrong: int = 0
    told: list[str] = attrs.field(factory=list)
    unlisted: deque[Edit] = attrs.field(factory=deque)
    unheard: dict[str, Edit] = attrs.field(factory=dict)
    listed: list[float] = attrs.field(factory=list)
    heard: list[float] = attrs.field(factory=list)
    _etags: dict[tuple[str, bool], str] = attrs.field(factory=dict)
    _random: random.Random = attrs.field(factory=lambda: random.Random(11))

    def run(self) -> dict[str, object]:
        """The figures of one load with edits."""
        editing = self.editing
        viewer = Viewer.join(editing.host, editing.port, editing.stream, Known())
        viewer.open()
        viewer.sock.setblocking(False)
        self.links.poll.register(viewer.sock.fileno())
        waited = waited_seconds(editing.pid)
        cpu, began = cpu_seconds(editing.pid), time.perf_counter()
        for _ in range(editing.connections):
            self._ask(self.links.open())
        self._read(viewer, began)
        wall, used = time.perf_counter() - began, cpu_seconds(editing.pid) - cpu
        viewer.sock.close()
        for missing, where in ((self.unlisted, "a list"), (self.unheard, "the events")):
            if missing:
                self._wrong(f"{len(missing)} edits never came to {where}")
        return {
            "edits": editing.edits,
            "answers": len(self.ages),
            "of_them_304": self.unmodified,
            "of_them_gzip": self.packed,
            "per_cpu_s": round(len(self.ages) / used),
            "rps": round(len(self.ages) / wall),
            "wall_s": round(wall, 2),
            "waited_s": round(waited_seconds(editing.pid) - waited, 2),
            **{f"age_{name}": value for name, value in spread(self.ages).items()},
            "behind": sum(age > 0 for age in self.ages),
            **{f"write_to_list_{name}": value for name, value in spread(self.listed).items()},
            **{f"write_to_event_{name}": value for name, value in spread(self.heard).items()},
            "conflicts": self.conflicts,
            "wrong": self.wrong,
            "told": self.told,
        }

    def _read(self, viewer: Viewer, began: float) -> None:
        editing = self.editing
        pause, made, due = 1 / editing.each_second, 0, began
        until = float("inf")
        while (now := time.perf_counter()) < until:
            if made < editing.edits and now >= due:
                due += pause
                edit = self.desk.edit()
                if edit is not None:
                    made += 1
                    self._expect(edit, editing.slugs[edit.file])
                if made == editing.edits:
                    until = time.perf_counter() + LAST_SECONDS
            for link in self.links.answers(max(0.0, min(due, until) - time.perf_counter())):
                self._judge(link)
                self._ask(self.links.usable(link))
            self._listen(viewer)

    def _expect(self, edit: Edit, slug: str) -> None:
        if slug in self.unheard:
            self._wrong(f"the events are silent about {slug} for {RESTING_SECONDS:g} s")
        self.unheard[slug] = edit
        self.unlisted.append(edit)

    def _listen(self, viewer: Viewer) -> None:
        try:
            news = viewer.read()
        except BlockingIOError:
            return
        now = time.perf_counter()
        for slug in news.slugs:
            edit = self.unheard.pop(slug, None)
            if edit is not None:
                self.heard.append(now - edit.done)
        if viewer.gaps or viewer.ended:
            self._wrong("the stream of events has a gap or has ended")

    def _ask(self, link: Link[Asked]) -> None:
        file = None if self._random.random() < 0.5 else self._random.randrange(len(self.desk.files))
        path = self.editing.route if file is None else f"{self.editing.route}/{self.editing.slugs[file]}"
        # an ETag of one encoding must not be the other's, so some always ask without
        zipped = self.editing.zipped and self._random.random() < 0.9
        headers = {"accept-encoding": "gzip"} if zipped else {}
        etag = self._etags.get((path, zipped), "") if self._random.random() < 0.5 else ""
        if etag:
            headers["if-none-match"] = etag
        link.ask(request(path, headers), Asked(path, file, zipped, etag))

    def _judge(self, link: Link[Asked]) -> None:
        asked, reader = link.asked, link.reader
        assert asked is not None
        numbers = self._numbers(asked, reader)
        if numbers is None:
            return
        files = range(len(self.desk.files)) if asked.file is None else (asked.file,)
        ages = [self.desk.age(file, numbers.get(file), link.sent) for file in files]
        if None in ages:
            self._wrong(f"{asked.path} says what never was so, with status {reader.status}")
            return
        age = max(age for age in ages if age is not None)
        self.ages.append(age)
        if age > ALLOWED_SECONDS:
            self._wrong(f"{asked.path} is {age * 1000:.0f} ms old, with status {reader.status}")
        if asked.file is None:
            fresh = [edit for edit in self.unlisted if numbers.get(edit.file, 0) >= edit.number]
            for edit in fresh:
                self.listed.append(link.answered - edit.done)
                self.unlisted.remove(edit)

    def _numbers(self, asked: Asked, reader: AnswerReader) -> dict[int, int] | None:
        """What the answer says of each file; None for one that can't be judged, which was told."""
        etag = reader.field(b"etag").decode()
        if reader.status == 304 and asked.etag:
            self.unmodified += 1
            if etag == asked.etag:
                return self.seen[asked.path, etag].numbers
            self._wrong(f"{asked.path} is unmodified as {etag}, asked was {asked.etag}")
            return None
        if reader.status == 404 and asked.file is not None:
            return {}
        if reader.status != 200 or not etag:
            self._wrong(f"{asked.path}: status {reader.status}, etag {etag!r}")
            return None
        body, zipped = reader.body, reader.field(b"content-encoding") == b"gzip"
        self.packed += zipped
        digest = hashlib.blake2b(body, digest_size=16).digest()
        known = self.seen.get((asked.path, etag))
        if known is not None and known.digest != digest:
            self.conflicts += 1
            self._wrong(f"{asked.path}: other bytes for the etag {etag}")
            return None
        if known is None:
            numbers: dict[int, int] = {}
            for mark in MARK.finditer(gzip.decompress(body) if zipped else body):
                number, file = int(mark[1]), int(mark[2])
                numbers[file] = min(number, numbers.get(file, number))
            known = self.seen[asked.path, etag] = Seen(digest, numbers)
        self._etags[asked.path, asked.zipped] = etag
        return known.numbers

    def _wrong(self, problem: str) -> None:
        self.wrong += 1
        if len(self.told) < TOLD:
            self.told.append(problem)


@attrs.define
class Editor:
    """One desk, and one memory of ETags, for all loads of a process."""

    _desk: Desk | None = None
    _seen: dict[tuple[str, str], Seen] = attrs.field(factory=dict)

    def run(self, editing: Editing) -> dict[str, object]:
        """Edit and read; the first time every file is written once, and read when the server has seen that."""
        if self._desk is None:
            self._desk = Desk([Path(editing.folder) / f"{slug}.md" for slug in editing.slugs])
            for file in range(len(editing.slugs)):
                self._desk.write(file, "replaced")
            time.sleep(LAST_SECONDS)
        with Links[Asked](editing.host, editing.port) as links:
            return Reading(editing, self._desk, self._seen, links).run()
