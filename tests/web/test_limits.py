"""Over real loopback sockets, with real HTTP/2: no connection stays that makes no progress of its own."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from quart import websocket
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, Ping, Request, TextMessage

from tests.support.abuse import BEGUN, FLOODS, LIVE, NOISE, REFUSED, STREAM, STREAMS, beginning, head_of, narrow
from tests.support.site import Reply, Running, Viewer, World, all_of, running
from web.app import Site
from web.server.http2 import ALLOWANCE


class Client:
    """A client that speaks HTTP/2, as its library does."""

    def __init__(self, stream: trio.SocketStream, *, window: int | None = None) -> None:
        self.stream = stream
        self.http = beginning(window)
        self.bodies: dict[int, bytes] = {}
        self.answered: set[int] = set()
        self.ended: dict[int, Any] = {}
        """Of each stream that is over, and of 0 for the connection: how."""
        self.eager = True

    def ask(self, path: str, *, method: str = "GET", end: bool = True) -> int:
        number = self.http.get_next_available_stream_id()
        self.http.send_headers(number, head_of(path, method), end_stream=end)
        self.bodies[number] = b""
        return number

    async def flush(self) -> None:
        await self.stream.send_all(self.http.data_to_send())

    async def hear(self) -> None:
        """Take what has come and is coming."""
        data = await self.stream.receive_some(65536)
        if not data:
            self.ended.setdefault(0, "closed")
            return
        for event in self.http.receive_data(data):
            self._take(event)
        with suppress(trio.BrokenResourceError):
            await self.flush()

    def _take(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id=number, data=data, flow_controlled_length=size):
                self.bodies[number] += data
                if self.eager and size:
                    self.http.acknowledge_received_data(size, number)
            case ResponseReceived(stream_id=number):
                self.answered.add(number)
            case StreamEnded(stream_id=number):
                self.ended[number] = "whole"
            case StreamReset(stream_id=number, error_code=code):
                self.ended[number] = code
            case ConnectionTerminated(error_code=code):
                self.ended[0] = code

    async def until(self, holds: Callable[[], bool]) -> None:
        with trio.fail_after(10):
            while not holds():
                await self.hear()


async def test_a_connection_that_asks_for_nothing_is_ended(world: World) -> None:
    """After its time it is closed, wherever it stopped and whatever it speaks, and nothing went wrong."""
    ended: list[str] = []

    async def begin(name: str, begun: bytes) -> None:
        async with await server.connect() as stream:
            await stream.send_all(begun)
            await all_of(stream)
            ended.append(name)

    async with running(world, idle_seconds=0.4) as server:
        with trio.move_on_after(5):
            async with trio.open_nursery() as nursery:
                for name, begun in BEGUN.items():
                    nursery.start_soon(begin, name, begun)
        assert sorted(ended) == sorted(BEGUN)
        assert len(server.connections) == 0
    assert world.log.named("http_connection_failed") == []


async def test_noise_renews_nothing(world: World) -> None:
    """A client that goes on with frames that ask for nothing is ended as if it were silent, and is told so."""
    ended: dict[str, Any] = {}

    async def make(name: str, noise: bytes) -> None:
        async with await server.connect() as stream, trio.open_nursery() as nursery:
            client = Client(stream)
            await client.flush()

            async def go_on() -> None:
                with suppress(OSError):
                    while True:
                        await trio.sleep(0.02)
                        await stream.socket.send(noise)

            nursery.start_soon(go_on)
            while 0 not in client.ended:
                await client.hear()
            ended[name] = client.ended[0]
            nursery.cancel_scope.cancel()

    async with running(world, idle_seconds=0.4) as server:
        with trio.move_on_after(5):
            async with trio.open_nursery() as nursery:
                for name, noise in NOISE.items():
                    nursery.start_soon(make, name, noise)
        assert ended == dict.fromkeys(NOISE, ErrorCodes.NO_ERROR)
        with trio.fail_after(5):
            await server.connections.wait_empty()


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
async def test_a_refused_upgrade_is_closed_at_once(world: World, raw: bytes) -> None:
    """The server waits for nothing after its refusal: no limit has to pass."""
    async with running(world) as server:
        assert Reply.parse(await server.ask(raw)).status == 400
        with trio.fail_after(5):
            await server.connections.wait_empty()


@pytest.mark.parametrize("window", [0, 1])
async def test_a_stream_without_room_is_reset_alone(world: World, window: int) -> None:
    """An answer that finds no room is given up after the time for a send; the connection's other streams go on."""
    async with running(world, send_seconds=0.3) as server, await server.connect() as stream:
        client = Client(stream, window=window)
        viewer = client.ask(STREAM)
        client.http.increment_flow_control_window(10_000, viewer)
        client.eager = False
        asked = client.ask(LIVE)
        await client.flush()
        await client.until(lambda: asked in client.ended)
        assert client.ended == {asked: ErrorCodes.CANCEL}
        world.hub.writer().commit("session", "session.text", b'{"text":"still here"}', session="s")
        await client.until(lambda: b"still here" in client.bodies[viewer])
        assert len(client.bodies[asked]) == window
        assert server.connections.stalled == 1


async def test_a_viewer_without_room_is_reset(world: World) -> None:
    """A stream whose client gives no room is ended though nobody waits to say anything: heartbeats are owed too."""
    world = World(world.home, {"http.heartbeat_seconds": 0.1})
    async with running(world, send_seconds=0.3) as server, await server.connect() as stream:
        client = Client(stream, window=100)
        client.eager = False
        viewer = client.ask(STREAM)
        await client.flush()
        await client.until(lambda: viewer in client.ended)
        assert client.ended[viewer] == ErrorCodes.CANCEL
        with trio.fail_after(5):
            while world.hub.statistics().viewers:
                await trio.lowlevel.checkpoint()


async def test_a_byte_at_a_time_is_progress(world: World) -> None:
    """Whoever takes a bit now and then gets the whole answer, though it takes many times a send's time."""
    async with running(world, send_seconds=0.3) as server, await server.connect() as stream:
        client = Client(stream, window=1)
        client.eager = False
        asked = client.ask(LIVE)
        await client.flush()
        for size in range(1, len(b'{"status":"alive"}') + 1):
            await client.until(lambda: len(client.bodies[asked]) >= size)  # noqa: B023 - it is over before the next
            await trio.sleep(0.05)
            with suppress(Exception):  # the last one is over already
                client.http.increment_flow_control_window(1, asked)
            await client.flush()
        await client.until(lambda: asked in client.ended)
        assert (client.bodies[asked], client.ended[asked]) == (b'{"status":"alive"}', "whole")


async def test_a_reset_answer_that_waited_is_over(world: World) -> None:
    """A stream without room that its client resets counts no longer as being answered."""
    async with running(world, idle_seconds=0.4) as server, await server.connect() as stream:
        client = Client(stream, window=0)
        asked = client.ask(LIVE)
        await client.flush()
        await client.until(lambda: asked in client.answered)
        client.http.reset_stream(asked)
        await client.flush()
        with trio.fail_after(5):
            await server.connections.wait_empty()


async def test_who_leaves_an_answer_that_waits_leaves_nothing(world: World) -> None:
    """With its client gone, a stream without room holds neither a task nor the connection."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream, window=0)
        asked = client.ask(LIVE)
        await client.flush()
        await client.until(lambda: asked in client.answered)
        await stream.aclose()
        with trio.fail_after(3):
            await server.connections.wait_empty()


@pytest.mark.parametrize("make", FLOODS.values(), ids=FLOODS)
async def test_a_flood_is_ended(world: World, make: Callable[[int], bytes]) -> None:
    """Frames that ask for nothing have an allowance, also beside a stream that keeps the connection alive."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream)
        client.ask(STREAM)
        client.ask("/theme", method="POST", end=False)
        await client.flush()
        async with trio.open_nursery() as nursery:

            async def flood() -> None:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(b"".join(map(make, range(int(ALLOWANCE) * 2))))

            nursery.start_soon(flood)
            with trio.fail_after(5):
                await server.connections.wait_empty()
        assert world.hub.statistics().viewers == 0
        assert (await server.get(LIVE)).status == 200
    assert world.log.named("http_connection_failed") == []


async def test_a_busy_client_is_no_flood(world: World) -> None:
    """One that acknowledges each part of a long stream, and pings beside it, gets all of it."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream)
        viewer = client.ask(STREAM)
        await client.flush()
        writer = world.hub.writer()
        for number in range(int(ALLOWANCE) * 2 // 3):
            writer.commit("session", "session.text", b'{"text":"%d."}' % number, session="s")
            await client.until(lambda: b'"%d."' % number in client.bodies[viewer])  # noqa: B023
            client.http.increment_flow_control_window(1, viewer)
            client.http.increment_flow_control_window(1)
            if not number % 10:
                client.http.ping(b"eight.by")
            await client.flush()
        assert client.ended == {}


async def test_an_early_answer_costs_the_connection_nothing(world: World) -> None:
    """A body that comes after its answer, longer than anybody's queue, hurts no other request of the connection."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream)
        early = client.ask(LIVE, end=False)
        for _ in range(40):
            client.http.send_data(early, b"x" * 1_000)
        await client.flush()
        await client.until(lambda: client.ended.get(early) == "whole")
        for _ in range(20):
            client.http.send_data(early, b"x" * 1_000)
        later = client.ask(LIVE)
        await client.flush()
        await client.until(lambda: client.ended.get(later) == "whole")
    assert world.log.named("http_connection_failed") == []


async def test_a_body_does_not_stand_before_the_room_for_its_answer(world: World) -> None:
    """Who sends more than anybody reads, and only then makes room, gets the answer."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream, window=0)
        asked = client.ask(LIVE, end=False)
        for _ in range(40):
            client.http.send_data(asked, b"x" * 1_000)
        await client.flush()
        await client.until(lambda: asked in client.answered)
        client.http.increment_flow_control_window(100, asked)
        await client.flush()
        await client.until(lambda: client.ended.get(asked) == "whole")


async def test_no_websocket_over_http_2(world: World) -> None:
    """The client is told to come with HTTP/1.1, and may go on with other requests."""
    async with running(world) as server, await server.connect() as stream:
        client = Client(stream)
        number = client.http.get_next_available_stream_id()
        client.http.send_headers(number, [(":method", "CONNECT"), (":authority", "x")])
        asked = client.ask(LIVE)
        await client.flush()
        await client.until(lambda: {number, asked} <= set(client.ended))
        assert client.ended == {number: ErrorCodes.HTTP_1_1_REQUIRED, asked: "whole"}
        assert not client.http.remote_settings.enable_connect_protocol


# --- what only the system holds


async def narrowly(server: Running) -> trio.SocketStream:
    """A client that has little room."""
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(narrow()))
    server.opened.append(stream)
    await stream.socket.connect(("127.0.0.1", server.port))
    return stream


@pytest.mark.parametrize("raw", STREAMS.values(), ids=STREAMS)
async def test_a_viewer_that_never_reads_is_noticed_without_events(world: World, raw: bytes) -> None:
    """Heartbeats alone, which the system holds for it, are enough: nothing of it stays."""
    world = World(world.home, {"http.heartbeat_seconds": 0.05})
    async with running(world, send_seconds=0.2, idle_seconds=0.4) as server:
        await (await narrowly(server)).send_all(raw)
        with trio.fail_after(10):
            while not world.hub.statistics().viewers:
                await trio.sleep(0.01)
            while world.hub.statistics().viewers or len(server.connections):
                await trio.sleep(0.01)  # the limit has to pass; there is no event for it
        assert server.connections.stalled == 1


@pytest.mark.parametrize("raw", STREAMS.values(), ids=STREAMS)
async def test_a_viewer_that_reads_slowly_stays(world: World, raw: bytes) -> None:
    """One that takes little at a time, and never all of it, is there and is kept."""
    world = World(world.home, {"http.heartbeat_seconds": 0.05})
    async with running(world, send_seconds=0.2, idle_seconds=0.4) as server:
        stream = await narrowly(server)
        await stream.send_all(raw)
        with trio.fail_after(10):
            began = trio.current_time()
            while trio.current_time() < began + 1.2:
                assert await stream.receive_some(200)
                await trio.sleep(0.05)
        assert (world.hub.statistics().viewers, server.connections.stalled) == (1, 0)


async def test_a_viewer_that_left_with_more_to_ask_is_forgotten(world: World) -> None:
    """A body longer than a queue, behind a stream that reads none, holds nothing once its client is gone."""
    world = World(world.home, {"http.heartbeat_seconds": 0.05})
    async with running(world) as server:
        viewer = await Viewer.join(server, STREAM, "Content-Length: 3000000")
        with trio.move_on_after(1):
            await viewer.stream.send_all(b"x" * 3_000_000)
        await trio.aclose_forcefully(viewer.stream)
        with trio.fail_after(5):
            await server.connections.wait_empty()
        assert world.hub.statistics().viewers == 0


# --- WebSockets: no route takes any yet; whichever will is held to this


def with_echo(site: Site) -> None:
    @site.app.websocket("/echo")
    async def echo() -> None:
        while True:
            await websocket.send(await websocket.receive())

    @site.app.websocket("/talk")
    async def talk() -> None:
        while True:
            await websocket.send("x" * 100_000)


async def accepted(stream: trio.SocketStream, path: str) -> WSConnection:
    client = WSConnection(ConnectionType.CLIENT)
    await stream.send_all(client.send(Request(host="x", target=path)))
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += await stream.receive_some(1)
    client.receive_data(raw)
    assert any(isinstance(event, AcceptConnection) for event in client.events())
    return client


@pytest.mark.parametrize("said", [b"", b"\x81", b"\x81\xff\0\0", b"\x89\x00"[:1]])
async def test_a_silent_websocket_is_ended(world: World, said: bytes) -> None:
    """A client that answers no ping is gone, also in the middle of a frame."""
    async with running(world, idle_seconds=0.3, furnish=with_echo) as server, await server.connect() as stream:
        await accepted(stream, "/echo")
        await stream.send_all(said)
        with trio.fail_after(5):
            await all_of(stream)
            await server.connections.wait_empty()


async def test_a_websocket_that_answers_pings_stays(world: World) -> None:
    """It may say nothing for longer than a connection may be idle, and is answered then."""
    async with running(world, idle_seconds=0.3, furnish=with_echo) as server, await server.connect() as stream:
        client = await accepted(stream, "/echo")
        pings = 0
        with trio.fail_after(10):
            while pings < 8:
                pings += sum(isinstance(event, Ping) for event in await heard(client, stream))
            await stream.send_all(client.send(TextMessage("still here")))
            found: list[str] = []
            while not found:
                found += [event.data for event in await heard(client, stream) if isinstance(event, TextMessage)]
        assert found == ["still here"]


async def heard(client: WSConnection, stream: trio.SocketStream) -> list[Any]:
    client.receive_data(await stream.receive_some(65536))
    found = list(client.events())
    for event in found:
        if isinstance(event, Ping):
            await stream.send_all(client.send(event.response()))
    return found


async def test_a_websocket_that_never_reads_is_ended(world: World) -> None:
    """What is owed to it is owed for a send's time, as to anybody."""
    async with running(world, send_seconds=0.3, furnish=with_echo) as server:
        stream = await narrowly(server)
        await accepted(stream, "/talk")
        with trio.fail_after(5):
            await server.connections.wait_empty()
        assert server.connections.stalled == 1


async def test_where_the_system_says_nothing_what_it_takes_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that takes nothing of a long answer is ended on any system."""
    monkeypatch.setattr("web.server.connection.at_the_system", lambda _socket: None)
    async with running(world, send_seconds=0.3, furnish=with_echo) as server:
        stream = await narrowly(server)
        await accepted(stream, "/talk")
        with trio.fail_after(5):
            await server.connections.wait_empty()
        assert server.connections.stalled == 1
