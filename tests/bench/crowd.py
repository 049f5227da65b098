"""Many viewers of the event stream, and the files whose news they wait for."""

import select
import time
from collections import deque
from pathlib import Path

import attrs

from tests.bench.figures import cpu_seconds, spread
from tests.bench.viewer import Known, Viewer

WAVE = 200
"""Viewers that join at the same time."""
LOOK_SECONDS = 0.25
BATCH = 20
LONG = "x" * 180
"""In names of files whose events are to be large."""
ESTABLISHED = "01"
ENTRY = '---\ndate: "2026-03-01"\ntitle: "Bench"\n---\n\nwords\n'


@attrs.define
class Held:
    """Connections of clients that read nothing: the system's own table says when the server holds none any more."""

    port: int
    clients: set[int] = attrs.field(factory=set)
    """Their ports."""
    gone_at: float = float("inf")
    _looked_at: float = float("-inf")

    def look(self) -> None:
        """Look now and then."""
        now = time.perf_counter()
        if now >= self._looked_at + LOOK_SECONDS:
            self._looked_at = now
            if self.clients and not self.still():
                self.gone_at = min(self.gone_at, now)

    def still(self) -> set[int]:
        """Those that the server still holds."""
        found: set[int] = set()
        with open("/proc/net/tcp") as table:  # noqa: PTH123 - one of the system's tables, read often
            next(table)
            for line in table:
                local, remote, state = line.split(maxsplit=4)[1:4]
                if state == ESTABLISHED and int(local[-4:], 16) == self.port:
                    found.add(int(remote[-4:], 16))
        return found & self.clients


@attrs.define
class Task:
    """Files that are written one after the other, and how soon their news came to whom."""

    todo: deque[str]
    pause: float
    due: float
    delays: list[float] = attrs.field(factory=list)


@attrs.define(eq=False)
class Crowd:
    """All viewers of one process."""

    host: str = ""
    port: int = 0
    pid: int = 0
    folder: Path = attrs.field(factory=Path)
    viewers: dict[int, Viewer] = attrs.field(factory=dict)
    written: dict[str, float] = attrs.field(factory=dict)
    """When each file was put in its place."""
    _poll: select.epoll = attrs.field(factory=select.epoll)
    _known: Known = attrs.field(factory=Known)
    _first: Viewer | None = None
    _told: list[str] = attrs.field(factory=list)
    """What the first viewer was told of."""

    def join(self, *, host: str, port: int, pid: int, path: str, folder: str, viewers: int) -> dict[str, object]:
        """Let so many viewers in."""
        self.host, self.port, self.pid, self.folder = host, port, pid, Path(folder)
        began = time.perf_counter()
        while (missing := viewers - len(self.viewers)) > 0:
            for viewer in [Viewer.join(host, port, path, self._known) for _ in range(min(WAVE, missing))]:
                viewer.open()
                self.add(viewer)
        return {"joined_s": round(time.perf_counter() - began, 2)}

    def add(self, viewer: Viewer) -> None:
        """One more."""
        viewer.sock.setblocking(False)
        self._first = self._first or viewer
        self.viewers[viewer.sock.fileno()] = viewer
        self._poll.register(viewer.sock.fileno(), select.EPOLLIN)

    def tell(self, *, names: list[str], pause: float, within: float) -> dict[str, object]:
        """Write these files one after the other, and wait until every viewer has the news of all."""
        cpu, own, began = cpu_seconds(self.pid), time.process_time(), time.perf_counter()
        delays = self._tell(names, pause, within)
        wall, used = time.perf_counter() - began, cpu_seconds(self.pid) - cpu
        return {
            "events": len(names),
            **spread(delays),
            "wall_s": round(wall, 3),
            "cpu_s": round(used, 3),
            "cpu_us_each": round(used / max(1, len(delays)) * 1e6, 1),
            "client_cpu_s": round(time.process_time() - own, 3),
            **self._verdict(),
        }

    def stall(self, *, path: str, viewers: int, most: int, within: float) -> dict[str, object]:
        """Let viewers in that stop reading, and tell of file after file until the server has cut them all."""
        stalled = [Viewer.join(self.host, self.port, path, Known(), tiny=True) for _ in range(viewers)]
        for viewer in stalled:
            viewer.open()
        held = Held(self.port, {viewer.sock.getsockname()[1] for viewer in stalled})
        cpu, began = cpu_seconds(self.pid), time.perf_counter()
        delays: list[float] = []
        events = 0
        while held.gone_at > time.perf_counter() and time.perf_counter() < began + within:
            if events < most:
                delays += self._tell([f"crowd-{events + n:05}-{LONG}" for n in range(BATCH)], 0.0, within, held)
                events += BATCH
            else:
                time.sleep(LOOK_SECONDS)
            held.look()
        used = cpu_seconds(self.pid) - cpu
        still = len(held.still())
        found = {
            "stalled": viewers,
            "events": events,
            "cut": viewers - still,
            "cut_after_s": None if still else round(held.gone_at - began, 2),
            "closed": 0 if still else sum(viewer.drained() for viewer in stalled),
            **spread(delays),
            "cpu_s": round(used, 3),
            **self._verdict(),
        }
        for viewer in stalled:
            viewer.sock.close()
        return found

    def _tell(self, names: list[str], pause: float, within: float, held: Held | None = None) -> list[float]:
        """How long each news took to each viewer. Meanwhile an eye is kept on those who are `held`."""
        task = Task(deque(names), pause, time.perf_counter())
        wanted = len(self.written) + len(names)
        waiting, until = len(self.viewers), time.perf_counter() + within
        while (waiting or task.todo) and (now := time.perf_counter()) < until:
            if task.todo and now >= task.due:
                self._write(task.todo.popleft())
                task.due = time.perf_counter() + pause
            ends = task.due if task.todo else until
            timeout = ends - time.perf_counter() if waiting or task.todo else 0.0
            if held is not None:
                held.look()
                timeout = min(timeout, LOOK_SECONDS)
            for number, _ in self._poll.poll(max(0.0, timeout), len(self.viewers)):
                waiting -= self._read(self.viewers[number], wanted, task)
        return task.delays

    def _read(self, viewer: Viewer, wanted: int, task: Task) -> bool:
        """Take in what came for one viewer; whether it has all that is wanted with this."""
        had = viewer.frames
        news = viewer.read()
        at = time.perf_counter()
        if viewer.ended:
            self._poll.unregister(viewer.sock.fileno())
        for slug in news.slugs:
            if slug in self.written:
                task.delays.append(at - self.written[slug])
        if viewer is self._first:
            self._told += news.slugs
        return had < wanted <= viewer.frames

    def _write(self, name: str) -> None:
        hidden = self.folder / ".bench.tmp"
        hidden.write_text(ENTRY)
        self.written[name] = time.perf_counter()
        hidden.replace(self.folder / f"{name}.md")

    def _verdict(self) -> dict[str, object]:
        """Whether all have everything, once, and in the same order."""
        viewers = self.viewers.values()
        served = sum(viewer.frames == len(self.written) and not viewer.ended for viewer in viewers)
        sums = len({viewer.digest.hexdigest() for viewer in viewers})
        gaps = sum(viewer.gaps for viewer in viewers)
        right = served == len(viewers) and sums == 1 and not gaps and sorted(self._told) == sorted(self.written)
        return {"served": served, "of": len(viewers), "sums": sums, "gaps": gaps, "right": right}
