"""Restarting any single actor disturbs nobody who reads, watches or waits."""

from pathlib import Path

import pytest
import trio

from tests.support.fixtures import Join
from tests.support.http_client import EventStream, ServerEvent, get
from tests.support.process import Running, start

VIEWERS = 20
LIVES_ON = ("broadcaster", "watcher", "session", "scheduler", "indexer", "moderator")


async def ids_of(viewers: list[EventStream], name: str) -> list[list[ServerEvent]]:
    """What each viewer got up to its first event of this name."""
    seen: list[list[ServerEvent]] = [[] for _ in viewers]

    async def read(index: int) -> None:
        seen[index] = await viewers[index].until(name, within=30)

    async with trio.open_nursery() as nursery:
        for index in range(len(viewers)):
            nursery.start_soon(read, index)
    return seen


async def incarnation(up: Running, name: str) -> int:
    """Which life of the actor this is."""
    return int((await up.actor(name))["restarts"])


async def test_no_stream_closes_when_an_actor_is_restarted(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """Twenty open streams live through the restart of each actor and then get a whole session, all the same events."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0")
    viewers = [await join(up) for _ in range(VIEWERS)]
    for name in LIVES_ON:
        before = await incarnation(up, name)
        await up.ask("restart", {"name": name})
        assert await incarnation(up, name) == before + 1
    assert (await up.wake("morning"))["state"] == "completed"
    seen = await ids_of(viewers, "session.end")
    told = [[(event.name, str(event.data)) for event in events if event.name != "session.delta"] for events in seen]
    assert told[0][0][0] == "session.start"
    assert all(each == told[0] for each in told)
    assert await up.stop() == 0


@pytest.mark.parametrize("name", ["broadcaster", "watcher", "scheduler", "web"])
async def test_an_actor_restarted_in_mid_wake_does_not_end_the_wake(
    demo_home: Path, nursery: trio.Nursery, join: Join, name: str
) -> None:
    """A wake goes on through the restart of any actor but the session's own, and completes."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="900")
    viewer = await join(up)
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await viewer.until("session.text")
        assert (await up.command("restart", name)).returncode == 0
        if name == "web":  # the one actor whose restart ends connections
            viewer = await join(up)
        events = await viewer.until("session.end", within=30)
    assert events[-1].name == "session.end"
    assert (await up.json("sessions"))[0]["state"] == "completed"
    assert await up.stop() == 0


async def test_control_can_be_restarted_through_itself(demo_home: Path, nursery: trio.Nursery) -> None:
    """The order to restart the very door it came through is answered and carried out."""
    up = await start(nursery, demo_home)
    done = await up.command("restart", "control")
    assert done.returncode == 0, done.stderr
    assert await incarnation(up, "control") == 1
    assert await up.stop() == 0


async def test_a_session_restart_interrupts_the_wake_and_says_so(
    demo_home: Path, nursery: trio.Nursery, join: Join
) -> None:
    """`restart session` in mid-wake ends it as interrupted with the reason, and viewers are told."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="60")
    viewer = await join(up)
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await viewer.until("session.delta")
        assert (await up.command("restart", "session")).returncode == 0
        await viewer.until("session.end")
    row = (await up.json("sessions"))[0]
    assert (row["state"], row["reason"]) == ("interrupted", "operator restart")
    assert (await get(up.host, up.port, "/api/v1/session/status")).json() == {"active": False}
    assert await up.stop() == 0


async def test_a_draining_restart_waits_for_the_wakes_end(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """`restart session --drain` lets the wake under way complete first."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="1500")
    viewer = await join(up)
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await viewer.until("session.delta")
        assert (await up.command("restart", "session", "--drain")).returncode == 0
    assert (await up.json("sessions"))[0]["state"] == "completed"
    assert await incarnation(up, "session") == 1
    assert await up.stop() == 0


async def test_stop_start_and_kill_do_what_they_say(demo_home: Path, nursery: trio.Nursery) -> None:
    """A stopped actor stays stopped until it is started; a killed one comes back by itself and counts a crash."""
    up = await start(nursery, demo_home)

    async def state(name: str) -> str:
        return str((await up.actor(name))["state"])

    assert (await up.command("stop", "watcher")).returncode == 0
    assert await state("watcher") == "stopped"
    ready = await get(up.host, up.port, "/api/v1/health/ready")
    assert ready.status == 200
    assert (await up.command("start", "watcher")).returncode == 0
    assert await state("watcher") == "running"
    assert (await up.command("kill", "indexer")).returncode == 0
    assert await state("indexer") == "running"
    assert await incarnation(up, "indexer") == 1
    unknown = await up.command("restart", "nobody")
    assert unknown.returncode != 0
    assert "nobody" in unknown.stderr
    assert "broadcaster" in unknown.stderr
    assert await up.stop() == 0
