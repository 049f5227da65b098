"""A site on loopback for tests: a home in a temporary folder, services built by hand, a server on port 0."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from runner.content import Catalogue, read_kinds, scan
from runner.ledger import Figure, Figures, Title
from runner.live import Hub, HubLimits
from runner.resources import config_dir
from runner.settings import load_settings
from web.app import Site, create_app
from web.server.connection import IDLE_SECONDS, SEND_SECONDS, OpenConnections
from web.server.serve import serve
from web.services import ActorView, Appointment, Services
from web.status import SessionStatus

T = TypeVar("T")

NOON = datetime(2026, 2, 3, 17, 15, tzinfo=UTC)
"""A quarter past noon in New York."""


@attrs.define
class Lines:
    """A log that is kept: tests look at what was said."""

    said: list[tuple[str, str, dict[str, Any]]] = attrs.field(factory=list)

    def info(self, event: str, **fields: Any) -> None:
        self.said.append(("info", event, fields))

    def warning(self, event: str, **fields: Any) -> None:
        self.said.append(("warning", event, fields))

    def error(self, event: str, **fields: Any) -> None:
        self.said.append(("error", event, fields))

    exception = error

    def named(self, event: str) -> list[dict[str, Any]]:
        return [fields for _, name, fields in self.said if name == event]


@attrs.frozen
class Slot:
    type: str
    at: datetime


@attrs.frozen
class Actor:
    name: str
    state: str


@attrs.define
class TitlesInMemory:
    """What texts were called, for as long as a test runs."""

    titles: dict[str, Title] = attrs.field(factory=dict)

    async def get(self, key: str) -> Title | None:
        return self.titles.get(key)

    async def add(self, title: Title) -> tuple[Title, bool]:
        found = self.titles.setdefault(title.hash, title)
        return found, found is title


@attrs.define
class World:
    """All that a site is made of; tests turn its screws."""

    home: Path
    overrides: dict[str, object] = attrs.field(factory=dict)
    now: datetime = NOON
    limits: HubLimits = attrs.field(factory=HubLimits)
    log: Lines = attrs.field(factory=Lines)
    slots: list[Slot] = attrs.field(factory=list)
    actors: list[Actor] = attrs.field(factory=list)
    ledger: str | None = None
    memory: dict[str, Any] | None = None
    rehearsal: bool = False
    titles: TitlesInMemory = attrs.field(factory=TitlesInMemory)
    ran: list[Figure] = attrs.field(factory=list)
    hub: Hub = attrs.field(init=False)
    catalogue: Catalogue = attrs.field(init=False)
    services: Services = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        for name in ("thoughts", "dreams", "data"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.hub = Hub("boot", limits=self.limits)
        self.catalogue = Catalogue.empty(read_kinds(config_dir() / "content.toml"), self.home)
        self.rescan()
        settings = load_settings({"home": str(self.home), **self.overrides}, {}).settings
        self.services = Services(
            settings=settings,
            hub=self.hub,
            log=self.log,
            now=lambda: self.now,
            run_sync=in_thread,
            catalogue=lambda: self.catalogue,
            status=SessionStatus(settings.paths.session_status, lambda: self.now, in_thread, lambda: self.memory),
            titles=self.titles,
            figures=self.see_figures,
            actors=self.see_actors,
            upcoming=self.see_slots,
            ledger_check=self.check_ledger,
            rehearsal=lambda: self.rehearsal,
        )

    def change(self, **services: Any) -> None:
        """Other services than the usual ones."""
        self.services = attrs.evolve(self.services, **services)

    def rescan(self) -> None:
        self.catalogue, _ = scan(self.catalogue)

    async def see_figures(self) -> Figures:
        return Figures(tuple(self.ran), frozenset(one.session_id for one in self.ran))

    def see_actors(self) -> Sequence[ActorView]:
        return self.actors

    def see_slots(self) -> Sequence[Appointment]:
        return self.slots

    async def check_ledger(self) -> str | None:
        return self.ledger

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def thought(self, slug: str, *, date: str, title: str, mood: str = "", body: str = "A few words.\n") -> None:
        mood_line = f"mood: {mood}\n" if mood else ""
        self.write(f"thoughts/{slug}.md", f"---\ndate: {date}\ntitle: {title}\n{mood_line}---\n\n{body}")

    def next_slot(self, kind: str, *, minutes: float) -> None:
        self.slots.append(Slot(kind, self.now + timedelta(minutes=minutes)))


async def in_thread(work: Callable[[], T]) -> T:
    return await trio.to_thread.run_sync(work)


_: Callable[[Callable[[], int]], Awaitable[int]] = in_thread


@attrs.frozen
class Running:
    """A server that answers."""

    site: Site
    port: int
    stop: trio.Event
    connections: OpenConnections
    opened: list[trio.SocketStream] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self) -> trio.SocketStream:
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.opened.append(stream)
        return stream

    async def ask(self, raw: bytes) -> bytes:
        """Send bytes on a connection of their own; what comes back until the server closes."""
        with trio.fail_after(10):
            async with await self.connect() as stream:
                await stream.send_all(raw)
                return await all_of(stream)

    async def get(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> "Reply":
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        return Reply.parse(await self.ask("\r\n".join([*lines, "", ""]).encode() + body))


@attrs.frozen
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def parse(cls, raw: bytes) -> "Reply":
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = _unchunked(body)
        return cls(int(first.split()[1]), headers, body)

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A socket that belongs to the test, as the root's does to the root."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        sock.listen(2048)
        yield sock


@asynccontextmanager
async def running(
    world: World,
    *,
    sock: socket.socket | None = None,
    send_seconds: float = SEND_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
    furnish: Callable[[Site], None] = lambda _site: None,
) -> AsyncIterator[Running]:
    """Serve `world` until the block ends; `furnish` may add to the site before."""
    if sock is None:
        with listening() as own:
            async with running(
                world, sock=own, send_seconds=send_seconds, idle_seconds=idle_seconds, furnish=furnish
            ) as server:
                yield server
        return
    async with trio.open_nursery() as nursery:
        site = create_app(world.services)
        furnish(site)
        stop = trio.Event()

        async def run(task_status: trio.TaskStatus[OpenConnections]) -> None:
            await serve(
                site,
                sock,
                stop=stop,
                log=world.log,
                send_seconds=send_seconds,
                idle_seconds=idle_seconds,
                task_status=task_status,
            )

        connections = await nursery.start(run)
        server = Running(site, sock.getsockname()[1], stop, connections)
        try:
            yield server
        finally:
            stop.set()
            for stream in server.opened:
                stream.socket.close()


async def all_of(stream: trio.SocketStream) -> bytes:
    found = bytearray()
    while True:
        try:
            data = await stream.receive_some(65536)
        except trio.BrokenResourceError:
            break
        if not data:
            break
        found += data
    return bytes(found)


@attrs.define
class Viewer:
    """Reads a stream of events over a raw socket."""

    stream: trio.SocketStream
    status: int = 0
    _rest: bytes = b""

    @classmethod
    async def join(cls, server: Running, path: str = "/api/v1/session/stream", *headers: str) -> "Viewer":
        viewer = cls(await server.connect())
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *headers, "", ""]
        await viewer.stream.send_all("\r\n".join(lines).encode())
        while b"\r\n\r\n" not in viewer._rest:
            viewer._rest += await viewer._more()
        head, _, viewer._rest = viewer._rest.partition(b"\r\n\r\n")
        viewer.status = int(head.split()[1])
        return viewer

    async def event(self) -> tuple[str, Any] | None:
        """The next event; None at the end of the stream."""
        with trio.fail_after(10):
            while True:
                block = await self._block()
                if block is None:
                    return None
                fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
                if "event" in fields:
                    return fields["event"], json.loads(fields["data"])

    async def events(self, count: int) -> list[tuple[str, Any]]:
        found = [await self.event() for _ in range(count)]
        return [one for one in found if one is not None]

    _text: str = ""
    _chunks: bytes = b""

    async def _block(self) -> str | None:
        while "\n\n" not in self._text:
            chunk = await self._chunk()
            if chunk is None:
                return None
            self._text += chunk.decode()
        block, _, self._text = self._text.partition("\n\n")
        return block

    async def _chunk(self) -> bytes | None:
        while b"\r\n" not in self._rest:
            self._rest += await self._more()
        size_line, _, rest = self._rest.partition(b"\r\n")
        size = int(size_line, 16)
        while len(rest) < size + 2:
            rest += await self._more()
        self._rest = rest[size + 2 :]
        return rest[:size] if size else None

    async def _more(self) -> bytes:
        data = await self.stream.receive_some(65536)
        if not data:
            raise EOFError("the server closed in the middle of an answer")
        return data


def _unchunked(body: bytes) -> bytes:
    found = b""
    while body:
        size_line, _, body = body.partition(b"\r\n")
        size = int(size_line, 16)
        found += body[:size]
        body = body[size + 2 :]
    return found
