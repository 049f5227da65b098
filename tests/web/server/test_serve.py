"""Over real loopback sockets and the real clock: what clients could do to the server, and how it stops."""

import json
import os
import random
import socket
import struct
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded
from trio.testing import wait_all_tasks_blocked

from tests.support.site import Reply, Running, Viewer, World, all_of, listening, running
from web.server.auth import API

ALIVE = b'{"status":"alive"}'
LIVE = b"GET /api/v1/health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
UPGRADE = (
    b"GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def answer(stream: trio.SocketStream) -> Reply:
    """One answer with a length from a connection that stays open."""
    raw = b""
    with trio.fail_after(5):
        while b"\r\n\r\n" not in raw:
            raw += await more(stream)
        head, _, body = raw.partition(b"\r\n\r\n")
        length = int(Reply.parse(head + b"\r\n\r\n").headers["content-length"])
        while len(body) < length:
            body += await more(stream)
    return Reply.parse(head + b"\r\n\r\n" + body)


async def more(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some(65536)
    if not data:
        raise EOFError
    return data


async def is_closed(stream: trio.SocketStream) -> bool:
    with trio.fail_after(5):
        return await all_of(stream) == b""


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def alive(server: Running) -> bool:
    return (await server.get(API + "/health/live")).body == ALIVE


@pytest.mark.parametrize("trailing", [b"x", b"\x81\x05hello", LIVE, b"\x00" * 5000])
async def test_one_packet_does_not_end_the_server(world: World, trailing: bytes) -> None:
    """A WebSocket upgrade with trailing bytes in the same packet hurts nobody else: streams and requests go on."""
    async with running(world) as server:
        viewer = await Viewer.join(server)
        await server.ask(UPGRADE + trailing)
        assert await alive(server)
        world.hub.writer().commit("session", "session.text", b'{"text":"still here"}', session="s")
        assert await viewer.event() == ("session.text", {"text": "still here"})


@pytest.mark.parametrize("raw", [b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n"])
async def test_nonsense_gets_a_400(world: World, raw: bytes) -> None:
    """Bytes that are no request, or hold no ASCII where they must, are answered and the connection closed."""
    async with running(world) as server:
        found = Reply.parse(await server.ask(raw))
        assert (found.status, found.json()) == (400, {"detail": "Bad Request"})
        assert await alive(server)


async def test_too_long_a_head_is_refused(world: World) -> None:
    """A request line or header beyond all measure is answered with its own status, in JSON."""
    async with running(world) as server:
        found = Reply.parse(await server.ask(b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert (found.status, list(found.json())) == (431, ["detail"])


async def test_hundreds_of_abusive_connections_leave_nothing(world: World) -> None:
    """Upgrades, garbage, halves and pipelines, cut at any byte and left in any way: none hurts, none stays."""
    chance = random.Random(20260203)
    parts = (
        *(LIVE, UPGRADE, LIVE[:30], b"GET /updates HTTP/1.1\r\nHost: x\r\n\r\n", b"\x81\x05hello", b"\x88\x00", b"x"),
        b"POST /theme HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ntheme=dark",
        b"POST /theme HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            b"HTTP2-Settings: !\r\n\r\n"
        ),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
    )

    async def abuse(server: Running, raw: bytes, cuts: list[int], ending: int) -> None:
        stream = await server.connect()
        with suppress(trio.BrokenResourceError):
            for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
                await stream.send_all(raw[start:end])
                await trio.lowlevel.checkpoint()
            with trio.move_on_after(0.05 * (ending % 2)):
                await stream.receive_some(1000)
        if ending >= 2:  # a reset instead of an end
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        stream.socket.close()

    # a client that left behind a stream and more requests is noticed by the next heartbeat
    world = World(world.home, {"http.heartbeat_seconds": 0.1})
    async with running(world) as server:
        await alive(server)
        before = descriptors()
        async with trio.open_nursery() as nursery:
            for _ in range(375):
                raw = b"".join(chance.choices(parts, k=chance.randint(1, 3)))
                cuts = sorted(chance.sample(range(len(raw)), k=min(len(raw), chance.randint(0, 2))))
                nursery.start_soon(abuse, server, raw, cuts, chance.randint(0, 3))
        assert await alive(server)
        with trio.fail_after(5):
            await server.connections.wait_empty()
        assert descriptors() == before
        assert world.hub.statistics().viewers == 0
        assert await stopped(server) < 0.5


async def test_a_connection_is_used_again(world: World) -> None:
    """Many requests go over one connection, one after the other and in one packet."""
    async with running(world) as server, await server.connect() as stream:
        for _ in range(50):
            await stream.send_all(LIVE)
            assert (await answer(stream)).status == 200
        await stream.send_all(LIVE * 5)
        found = b""
        with trio.fail_after(5):
            while found.count(ALIVE) < 5:
                found += await more(stream)
        assert found.count(b"HTTP/1.1 200 ") == 5


async def test_an_early_answer_does_not_hang_the_next_request(world: World) -> None:
    """After an answer that came before the body was read, the connection works or closes; it never hangs."""
    async with running(world) as server, await server.connect() as stream:
        body = b"x" * 200_000
        await stream.send_all(
            b"POST /api/v1/nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert (await answer(stream)).status == 404
        await stream.send_all(LIVE)
        with suppress(EOFError, trio.BrokenResourceError):
            assert (await answer(stream)).status == 200


async def test_a_viewer_that_stops_reading_is_dropped(world: World) -> None:
    """It is cut after the time for a send, while another viewer gets every event; nothing of it is left."""
    async with running(world, send_seconds=0.2) as server:
        dead = await Viewer.join(server, "/api/v1/events/stream")
        dead.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        good = await Viewer.join(server, "/api/v1/events/stream")
        writer = world.hub.writer()
        with trio.fail_after(20):
            for number in range(300):
                data = json.dumps({"n": number, "pad": "x" * 60_000}).encode()
                writer.commit("thoughts", "thought.created", data)
                event = await good.event()
                assert event is not None
                assert event[1]["n"] == number
            while world.hub.statistics().viewers > 1 or len(server.connections) > 1:
                await trio.sleep(0.01)  # the send's own deadline has to pass; there is no event for it
        assert server.connections.stalled <= 1


async def test_a_viewer_that_reads_late_gets_all_of_it(world: World) -> None:
    """What its socket could not take at once comes later, whole and in order, and the stream goes on."""
    async with running(world) as server:
        late = await Viewer.join(server, "/api/v1/events/stream")
        late.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        writer = world.hub.writer()
        for number in range(200):
            writer.commit("thoughts", "thought.created", json.dumps({"n": number, "pad": "x" * 4_000}).encode())
            await trio.lowlevel.checkpoint()
        with trio.fail_after(20):
            assert [event[1]["n"] for event in await late.events(200)] == list(range(200))
            writer.commit("thoughts", "thought.created", b'{"n": 200}')
            assert await late.event() == ("thought.created", {"n": 200})


async def test_a_viewer_that_leaves_gives_its_place_back(world: World) -> None:
    """Also when nothing is being sent: the next commit finds nobody."""
    async with running(world) as server:
        viewer = await Viewer.join(server, "/api/v1/events/stream")
        assert world.hub.statistics().viewers == 1
        await viewer.stream.aclose()
        with trio.fail_after(5):
            await server.connections.wait_empty()
        assert (world.hub.statistics().viewers, len(server.site.streams)) == (0, 0)


async def stopped(server: Running) -> float:
    began = trio.current_time()
    server.stop.set()
    with trio.fail_after(5):
        await server.connections.wait_empty()
    return trio.current_time() - began


async def test_a_stop_does_not_wait_for_anybody(world: World) -> None:
    """With silent, idle and streaming connections the server is done within half a second, each ended cleanly."""
    async with running(world) as server:
        silent = [await server.connect() for _ in range(5)]
        idle = [await server.connect() for _ in range(5)]
        for stream in idle:
            await stream.send_all(LIVE)
            await answer(stream)
        viewers = [await Viewer.join(server) for _ in range(20)]
        assert await stopped(server) < 0.5
        for viewer in viewers:
            assert await viewer.event() is None
        for stream in (*silent, *idle):
            assert await is_closed(stream)


async def test_a_stalled_viewer_does_not_hold_a_stop(world: World) -> None:
    """A connection in the middle of a send that nobody reads is given up when the grace is over."""
    async with running(world, send_seconds=60) as server:
        await Viewer.join(server)
        writer = world.hub.writer()
        for _ in range(10):
            writer.commit("session", "session.text", json.dumps({"text": "x" * 900_000}).encode(), session="s")
            await trio.sleep(0.01)
        assert await stopped(server) < 2.5


async def test_a_request_on_its_way_is_answered(world: World) -> None:
    """What was accepted before the stop and asks right after it gets its answer, with `connection: close`."""
    async with running(world) as server, await server.connect() as early:
        await early.send_all(LIVE[:20])
        await alive(server)
        server.stop.set()
        await wait_all_tasks_blocked()
        await early.send_all(LIVE[20:])
        found = await answer(early)
        assert found.status == 200
        assert found.headers["connection"] == "close"


async def test_a_request_under_way_may_finish(world: World) -> None:
    """A handler that is busy when the stop comes answers within the grace."""
    entered, release = trio.Event(), trio.Event()

    async def slow() -> str | None:
        entered.set()
        await release.wait()
        return None

    world.services = attrs.evolve(world.services, ledger_check=slow)
    async with running(world) as server, trio.open_nursery() as nursery:
        found: list[Reply] = []

        async def ask() -> None:
            found.append(await server.get(API + "/health/ready"))

        nursery.start_soon(ask)
        await entered.wait()
        server.stop.set()
        release.set()
    assert [reply.status for reply in found] == [200]


async def test_a_cancelled_server_leaves_nothing(world: World) -> None:
    """A kill in the middle of streams and of a stalled send ends at once, with every descriptor closed."""
    with listening() as sock:
        before = descriptors()
        cancelled_after: float | None = None
        async with trio.open_nursery() as nursery:

            async def whole() -> None:
                nonlocal cancelled_after
                async with running(world, sock=sock, send_seconds=60) as server:
                    viewers = [await Viewer.join(server) for _ in range(3)]
                    writer = world.hub.writer()
                    for _ in range(10):
                        writer.commit(
                            "session", "session.text", json.dumps({"text": "x" * 900_000}).encode(), session="s"
                        )
                        await trio.sleep(0.01)
                    assert len(viewers) == len(server.opened)
                    cancelled_after = trio.current_time()
                    nursery.cancel_scope.cancel()
                    await trio.sleep_forever()

            nursery.cancel_scope.deadline = trio.current_time() + 10
            nursery.start_soon(whole)
        assert cancelled_after is not None
        assert trio.current_time() - cancelled_after < 1
        assert descriptors() == before


async def test_restarts_refuse_no_connection(world: World) -> None:
    """Over twenty incarnations on one socket every request is answered: new connections wait in the backlog."""
    with listening() as sock:
        port = sock.getsockname()[1]
        before = descriptors()
        answered = 0
        done = False

        async def hammer() -> None:
            nonlocal answered
            while not done:
                with trio.fail_after(5):
                    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                        await stream.send_all(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                        assert ALIVE in await all_of(stream)
                        answered += 1

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(hammer)
            for _ in range(20):
                async with running(world, sock=sock) as server:
                    goal = answered + 3
                    while answered < goal:
                        await trio.sleep(0.002)
                    assert await stopped(server) < 0.5
            done = True
            async with running(world, sock=sock):
                while nursery.child_tasks:
                    await trio.sleep(0.002)
        assert answered >= 60
        assert descriptors() == before


async def test_no_descriptor_is_inherited(world: World) -> None:
    """A process started by the session can't hold the listening socket or a visitor's connection."""
    async with running(world) as server, await server.connect() as stream:
        await stream.send_all(LIVE)
        await answer(stream)
        sockets = [
            int(entry.name)
            for entry in Path("/proc/self/fd").iterdir()
            if entry.is_symlink() and str(entry.readlink()).startswith("socket:")
        ]
        assert sockets
        assert not any(os.get_inheritable(number) for number in sockets)


def asked_over_http_2(path: str) -> H2Connection:
    """A client that has asked for `path` on its first stream."""
    client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    client.initiate_connection()
    head = [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "127.0.0.1")]
    client.send_headers(1, head, end_stream=True)
    return client


async def test_http_2_is_served(world: World) -> None:
    """A client that begins with HTTP/2 gets its answer over the same port."""
    async with running(world) as server, await server.connect() as stream:
        client = asked_over_http_2(API + "/health/live")
        await stream.send_all(client.data_to_send())
        body, ended = b"", False
        with trio.fail_after(5):
            while not ended:
                for event in client.receive_data(await more(stream)):
                    if isinstance(event, DataReceived):
                        body += event.data
                    ended = ended or isinstance(event, StreamEnded)
        assert json.loads(body) == {"status": "alive"}


async def test_http_2_carries_streams(world: World) -> None:
    """Events come over HTTP/2 as well; a viewer that resets its stream alone gives its place back."""
    async with running(world) as server, await server.connect() as stream:
        client = asked_over_http_2(API + "/events/stream")
        await stream.send_all(client.data_to_send())
        body = b""
        with trio.fail_after(5):
            while b'{"n":1}' not in body:
                for event in client.receive_data(await more(stream)):
                    if isinstance(event, DataReceived):
                        body += event.data
                        client.acknowledge_received_data(event.flow_controlled_length, 1)
                        if b": open" in body and b"event" not in body:
                            world.hub.writer().commit("thoughts", "thought.created", b'{"n":1}')
                await stream.send_all(client.data_to_send())
            client.reset_stream(1)
            await stream.send_all(client.data_to_send())
            while world.hub.statistics().viewers:
                await trio.sleep(0.01)  # the server has to hear of it; there is no event for that
        assert len(server.connections) == 1
