import json
from typing import Any

import pytest
import trio

from runner.live import HubLimits
from tests.support.site import Viewer, World, running
from web.server.auth import API

STREAM = API + "/session/stream"


def say(world: World, event: str, **data: Any) -> None:
    world.hub.writer().commit("session", event, json.dumps(data).encode(), session="s")


async def test_status_at_rest_and_awake(world: World) -> None:
    """At rest it says so and no more; awake it has type, id, start and duration, and no null."""
    path = world.home / "data" / "session-status.json"
    async with running(world) as server:
        assert (await server.get(API + "/session/status")).json() == {"active": False}
        status = {
            "active": True,
            "type": "visit",
            "session_id": "20260203-120004",
            "started_at": "2026-02-03T12:11:28-05:00",
            "phase": "running",
            "pid": 4711,
        }
        path.write_text(json.dumps(status))
        found = (await server.get(API + "/session/status")).json()
        del status["pid"]
        assert found == {**status, "duration_seconds": 212}
        path.write_text('{"active": false, "last": {"type": "visit"}}')
        assert (await server.get(API + "/session/status")).json() == {"active": False}


async def test_a_stream_begins_at_once_and_carries_the_session(world: World) -> None:
    """Headers come before anything happened; events come as they are said; the stream stays open after the end."""
    async with running(world) as server:
        viewer = await Viewer.join(server)
        assert viewer.status == 200
        say(world, "session.start", session_id="s")
        say(world, "session.delta", text="Hé")
        say(world, "session.end", num_turns=1)
        assert await viewer.events(3) == [
            ("session.start", {"session_id": "s"}),
            ("session.delta", {"text": "Hé"}),
            ("session.end", {"num_turns": 1}),
        ]
        say(world, "session.start", session_id="t")
        assert await viewer.event() == ("session.start", {"session_id": "t"})


async def test_the_headers_of_a_stream(world: World) -> None:
    """A stream is never cached, nor held back by a proxy, and has no ids that a browser would come back with."""
    async with running(world) as server, await server.connect() as stream:
        await stream.send_all(f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: b-3\r\n\r\n".encode())
        say(world, "session.start")
        raw = b""
        with trio.fail_after(5):
            while b"session.start" not in raw:
                raw += await stream.receive_some(65536)
    head = raw.partition(b"\r\n\r\n")[0].lower()
    assert b"content-type: text/event-stream; charset=utf-8" in head
    assert b"cache-control: no-cache" in head
    assert b"x-accel-buffering: no" in head
    assert b"id:" not in raw.partition(b"\r\n\r\n")[2]


async def test_silence_has_heartbeats(world: World) -> None:
    """On a quiet stream the heartbeat comes after the time that the setting says."""
    world = World(world.home, {"http.heartbeat_seconds": 0.05})
    async with running(world) as server:
        viewer = await Viewer.join(server)
        assert await viewer.event() == ("heartbeat", {"ts": int(world.now.timestamp())})


async def test_a_full_house_says_when_to_come_back(world: World) -> None:
    """Over the cap the answer is 503 with Retry-After, before any header of a stream; a place freed is given again."""
    world = World(world.home, {"http.max_streams": 2})
    async with running(world) as server:
        first, second = await Viewer.join(server), await Viewer.join(server)
        refused = await server.get(STREAM)
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert list(refused.json()) == ["detail"]
        await first.stream.aclose()
        with trio.fail_after(5):
            while world.hub.statistics().doors.get("session", 0) > 1:
                await trio.sleep(0.005)  # the server notices the closed socket
        third = await Viewer.join(server)
        assert (second.status, third.status) == (200, 200)


async def test_head_opens_no_stream(world: World) -> None:
    """HEAD on a stream has the stream's headers, ends at once and takes no place."""
    async with running(world) as server:
        found = await server.get(STREAM, method="HEAD")
        assert (found.status, found.body) == (200, b"")
        assert found.headers["content-type"].startswith("text/event-stream")
        assert world.hub.statistics().viewers == 0


async def test_the_end_of_the_process_ends_streams(world: World) -> None:
    """When the hub closes, viewers get what waits and then a clean end; newcomers are told to come back."""
    async with running(world) as server:
        viewer = await Viewer.join(server)
        say(world, "session.end")
        world.hub.close()
        assert await viewer.event() == ("session.end", {})
        assert await viewer.event() is None
        assert (await server.get(STREAM)).status == 503


async def test_streams_need_no_broadcaster(world: World) -> None:
    """Between one writer and the next viewers stay, join and get the replay."""
    async with running(world) as server:
        early = await Viewer.join(server)
        say(world, "session.start", n=1)
        late = await Viewer.join(server)
        say(world, "session.text", text="by another writer")
        for viewer in (early, late):
            assert [name for name, _ in await viewer.events(2)] == ["session.start", "session.text"]


async def test_a_viewer_leaves_no_trace(world: World) -> None:
    """When viewers leave, at whatever moment, the hub has none."""
    async with running(world) as server:
        for _ in range(10):
            viewer = await Viewer.join(server)
            await viewer.stream.aclose()
            stream = await server.connect()
            await stream.send_all(f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            await stream.aclose()
        with trio.fail_after(5):
            while len(server.connections) or world.hub.statistics().viewers:
                await trio.sleep(0.005)  # the server notices the closed sockets
        assert len(server.site.streams) == 0


@pytest.mark.parametrize("size", [10, 300_000])
async def test_a_long_replay_comes_whole(world: World, size: int) -> None:
    """A viewer that joins late in a long session gets every frame of it, in order."""
    world = World(world.home, limits=HubLimits())
    for number in range(40):
        say(world, "session.text", text="x" * size, n=number)
    async with running(world) as server:
        viewer = await Viewer.join(server)
        found = await viewer.events(40)
    assert [data["n"] for _, data in found] == list(range(40))
