"""Viewers of the event stream, each on a socket of its own, and the files whose news they wait for.

Every viewer sums up the frames it received, so that two who received the same in the same order have the same sum.
"""

import hashlib
import os
import select
import socket
import time
from collections import deque
from pathlib import Path
from typing import Any

import attrs

from tests.bench.figures import cpu_seconds, spread
from tests.bench.wire import AnswerReader, ChunkReader, EventReader, WireError, field_of, request

WAVE = 200
"""Viewers that join at the same time."""
PIECE = 256 * 1024
JOIN_SECONDS = 30.0
TINY_BUFFER = 2048
TINY_SEGMENT = 536
"""Of a viewer that is to stall: loopback's large segments would let the system keep megabytes for it."""
LOOK_SECONDS = 0.25
BATCH = 20
ESTABLISHED = "01"
ENTRY = '---\ndate: "2026-03-01"\ntitle: "Bench"\n---\n\nwords\n'


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


@attrs.define(eq=False)
class Crowd:
    """All viewers of one process."""

    host: str = ""
    port: int = 0
    pid: int = 0
    folder: Path = attrs.field(factory=Path)
    viewers: dict[int, Viewer] = attrs.field(factory=dict)
    stalled: list[Viewer] = attrs.field(factory=list)
    written: dict[str, float] = attrs.field(factory=dict)
    """When each file was put in its place."""
    _poll: select.epoll | None = None
    _reference: list[str] = attrs.field(factory=list)
    _held: set[int] = attrs.field(factory=set)
    """Ports of the stalled ones."""
    _looked_at: float = 0.0
    _cut_at: float | None = None

    def join(self, *, host: str, port: int, pid: int, path: str, folder: str, viewers: int) -> dict[str, object]:
        """Let so many viewers in, with nothing written yet."""
        self.leave()
        self.host, self.port, self.pid, self.folder = host, port, pid, Path(folder)
        self._poll = select.epoll()
        began = time.perf_counter()
        while len(self.viewers) < viewers:
            wave = [Viewer.join(host, port, path) for _ in range(min(WAVE, viewers - len(self.viewers)))]
            for viewer in wave:
                while not viewer.opened:
                    viewer.read()
                    if viewer.ended:
                        raise WireError(f"viewer {len(self.viewers) + 1} was refused: {viewer.head.status}")
                viewer.sock.setblocking(False)
                self.viewers[viewer.sock.fileno()] = viewer
                self._poll.register(viewer.sock.fileno(), select.EPOLLIN)
        return {"viewers": len(self.viewers), "joined_s": round(time.perf_counter() - began, 2)}

    def leave(self) -> dict[str, object]:
        """Close everything."""
        for viewer in (*self.viewers.values(), *self.stalled):
            viewer.sock.close()
        if self._poll is not None:
            self._poll.close()
        self.viewers, self.stalled, self.written, self._poll, self._reference = {}, [], {}, None, []
        return {}

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
        self.stalled = [Viewer.join(self.host, self.port, path, tiny=True) for _ in range(viewers)]
        for viewer in self.stalled:
            while not viewer.opened:
                viewer.read()
        held = self._held = {viewer.sock.getsockname()[1] for viewer in self.stalled}
        cpu, began = cpu_seconds(self.pid), time.perf_counter()
        self._cut_at, events = None, 0
        delays: list[float] = []
        while self._cut_at is None and time.perf_counter() - began < within:
            if events < most:
                delays += self._tell([f"crowd-{events + n:05}-{'x' * 180}" for n in range(BATCH)], 0.0, within)
                events += BATCH
            else:
                time.sleep(LOOK_SECONDS)
            self._look()
        used = cpu_seconds(self.pid) - cpu
        return {
            "stalled": viewers,
            "events": events,
            "cut": viewers - len(held & self._connected()),
            "cut_after_s": None if self._cut_at is None else round(self._cut_at - began, 2),
            "closed": 0 if self._cut_at is None else sum(map(_drained, self.stalled)),
            **spread(delays),
            "cpu_s": round(used, 3),
            **self._verdict(),
        }

    def _tell(self, names: list[str], pause: float, within: float) -> list[float]:
        assert self._poll is not None
        wanted = len(self.written) + len(names)
        waiting = len(self.viewers)
        todo = deque(names)
        due = time.perf_counter()
        until = due + within
        delays: list[float] = []
        while waiting and (now := time.perf_counter()) < until:
            if todo and now >= due:
                self._write(todo.popleft())
                due = time.perf_counter() + pause
            timeout = max(0.0, due - time.perf_counter()) if todo else until - now
            if self.stalled and self._cut_at is None:
                timeout = min(timeout, LOOK_SECONDS)
                if now >= self._looked_at + LOOK_SECONDS:
                    self._look()
            for number, _ in self._poll.poll(timeout, len(self.viewers)):
                viewer = self.viewers[number]
                frames = viewer.read()
                at = time.perf_counter()
                if viewer.ended:
                    self._poll.unregister(number)
                    continue
                for frame in frames:
                    slug = slug_of(frame)
                    if slug in self.written:
                        delays.append(at - self.written[slug])
                    if viewer is self._first():
                        self._reference.append(slug)
                if frames and viewer.frames >= wanted > viewer.frames - len(frames):
                    waiting -= 1
        return delays

    def _first(self) -> Viewer:
        return next(iter(self.viewers.values()))

    def _write(self, name: str) -> None:
        hidden = self.folder / f".{name}.tmp"
        hidden.write_text(ENTRY)
        self.written[name] = time.perf_counter()
        hidden.replace(self.folder / f"{name}.md")

    def _verdict(self) -> dict[str, object]:
        """Whether all have everything, once, and in the same order."""
        viewers = self.viewers.values()
        served = sum(1 for viewer in viewers if viewer.frames == len(self.written) and not viewer.ended)
        sums = {viewer.digest.hexdigest() for viewer in viewers}
        gaps = sum(viewer.gaps for viewer in viewers)
        same = sorted(self._reference) == sorted(self.written)
        right = served == len(viewers) and len(sums) == 1 and not gaps and same
        return {"served": served, "of": len(viewers), "sums": len(sums), "gaps": gaps, "right": right}

    def _look(self) -> None:
        """Note when the server holds none of the stalled ones any more."""
        self._looked_at = time.perf_counter()
        if self._cut_at is None and not self._held & self._connected():
            self._cut_at = self._looked_at

    def _connected(self) -> set[int]:
        """The viewers' ports of the connections that the server still holds."""
        found: set[int] = set()
        with open("/proc/net/tcp") as table:  # noqa: PTH123 - one of the system's tables, read often
            next(table)
            for line in table:
                local, remote, state = line.split(maxsplit=4)[1:4]
                if state == ESTABLISHED and int(local[-4:], 16) == self.port:
                    found.add(int(remote[-4:], 16))
        return found


def _drained(viewer: Viewer) -> bool:
    """Read what the system kept for it; whether the server's end follows."""
    try:
        while viewer.sock.recv(PIECE):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def slug_of(frame: bytes) -> str:
    """What the event is about."""
    data = field_of(frame, b"data")
    start = data.find(b'"slug":"') + 8
    return data[start : data.find(b'"', start)].decode()
