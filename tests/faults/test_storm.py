"""Errors in every actor's handler, in random order, in mid-wake, with viewers watching."""

import json
from pathlib import Path
from typing import Any

import trio

from tests.support.fixtures import STREAM
from tests.support.http_client import EventStream, ServerEvent
from tests.support.process import Running, command, scrubbed, start

FAULTS_EACH = 10
"""In the suite; the soak raises it to 100."""

VIEWERS = 50
REPORT_WITHIN = 400.0


async def storm(
    home: Path, nursery: trio.Nursery, *, faults_each: int, seed: int
) -> tuple[dict[str, Any], list[list[ServerEvent]], list[list[ServerEvent]], list[ServerEvent]]:
    """Run one storm: its report, what viewers of thoughts and of sessions saw, and what a late viewer saw first."""
    done = await command(scrubbed(home), "init", "--demo", "--home", str(home))
    assert done.returncode == 0, done.stderr
    up = await start(
        nursery,
        home,
        program=("-m", "tests.faults.storm"),
        STORM_FAULTS=str(faults_each),
        STORM_VIEWERS=str(2 * VIEWERS),
        STORM_SEED=str(seed),
        REHEARSAL_SPEED="400",
        SESSION_BACKEND="rehearsal",
        TELEGRAM_BOT_TOKEN="123456:loopback-only",
        TELEGRAM_CHAT_ID="1",
        TELEGRAM_API_BASE="http://127.0.0.1:9",
    )
    thoughts: list[list[ServerEvent]] = [[] for _ in range(VIEWERS)]
    sessions: list[list[ServerEvent]] = [[] for _ in range(VIEWERS)]
    ended: list[bool] = []

    async def follow(path: str, into: list[ServerEvent]) -> None:
        stream = await EventStream.open(up.host, up.port, path)
        try:
            while (event := await stream.next()) is not None:
                into.append(event)
        finally:
            ended.append(stream.closed)
            await stream.aclose()

    async with trio.open_nursery() as watching:
        for index in range(VIEWERS):
            watching.start_soon(follow, "/api/v1/events/stream?topic=thoughts", thoughts[index])
            watching.start_soon(follow, STREAM, sessions[index])
        report = await _report(up, home)
        late: list[ServerEvent] = []
        stream = await EventStream.open(up.host, up.port, STREAM)
        try:
            if (first := await _soon(stream)) is not None:
                late.append(first)
        finally:
            await stream.aclose()
        assert await up.stop() == 0  # which ends every stream
        watching.cancel_scope.deadline = trio.current_time() + 10
    assert ended == [True] * (2 * VIEWERS)
    return report, thoughts, sessions, late


async def _report(up: Running, home: Path) -> dict[str, Any]:
    with trio.fail_after(REPORT_WITHIN):
        while not (home / "storm.json").exists():
            assert up.process.returncode is None, "\n".join(up.stderr[-20:])
            await trio.sleep(0.05)
    report: dict[str, Any] = json.loads((home / "storm.json").read_text())
    return report


async def _soon(stream: EventStream) -> ServerEvent | None:
    with trio.move_on_after(5):
        return await stream.next()
    return None


def check(
    report: dict[str, Any],
    thoughts: list[list[ServerEvent]],
    sessions: list[list[ServerEvent]],
    late: list[ServerEvent],
    *,
    faults_each: int,
) -> None:
    """What must hold after any storm."""
    assert set(report["raised"].values()) == {faults_each}
    assert len(report["raised"]) == 7
    assert report["each_fault_one_life"]
    for actor, faults in report["raised"].items():
        assert report["restarts"][actor] == faults
    for box in report["books"]:
        listed = [letter for letter in report["dead_letters"] if letter["actor"] == box["name"]]
        assert box["accepted"] == box["done"] + box["expired"] + box["dead"] + box["queued"] + box["in_hand"], box
        assert len(listed) == box["dead"] + box["refused"], box
    wanted = list(range(report["published"]))
    for seen in thoughts:
        assert [event.data["n"] for event in seen if "n" in event.data] == wanted
        assert not [event for event in seen if event.name == "gap"]
    told = [[(event.name, str(event.data)) for event in seen if event.name != "session.delta"] for seen in sessions]
    shortest = min(len(each) for each in told)
    assert shortest > 10
    assert all(each == told[0] for each in told)
    assert not [name for name, _ in told[0] if name == "gap"]
    assert [event.name for event in late] in ([], ["session.start"])


async def test_a_storm_of_errors_loses_nothing_and_repeats_nothing(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Every message is handled or listed, every viewer has each event exactly once, every fault makes one new life."""
    report, thoughts, sessions, late = await storm(tmp_path / "home", nursery, faults_each=FAULTS_EACH, seed=20260302)
    check(report, thoughts, sessions, late, faults_each=FAULTS_EACH)
