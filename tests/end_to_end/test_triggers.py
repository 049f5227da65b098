"""What wakes the resident in the whole process: the operator's site, a visitor, and nothing while it is paused."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from runner.control.protocol import CommandError
from runner.ledger import Ledger
from runner.triggers.pause import PAUSED
from tests.support.http_client import Answer, get
from tests.support.ledger import inline
from tests.support.process import Running, command, scrubbed, start

WAKE = "/api/v1/admin/wake"


async def post(up: Running, body: object) -> Answer:
    return await get(
        up.host, up.port, WAKE, method="POST", body=json.dumps(body).encode(), Content_Type="application/json"
    )


async def ended(up: Running, session_id: str) -> dict[str, Any]:
    """The row of a session, once it has its hooks' verdicts."""
    with trio.fail_after(30):
        while True:
            for row in await up.json("sessions"):
                hooks = row["hooks"]
                if row["session_id"] == session_id and row["state"] != "running" and all(h["verdict"] for h in hooks):
                    return dict(row)
            await trio.sleep(0.2)  # another process is looked at


async def test_a_wake_over_http_runs_under_its_id(demo_home: Path, nursery: trio.Nursery) -> None:
    """The id of the answer is the session's; with the session actor stopped the wake waits for it, and runs then."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0")
    first = await post(up, {"session_type": "custom", "prompt": "--dry-run is only text here"})
    assert (first.status, first.json()["status"]) == (202, "started")
    row = await ended(up, first.json()["session_id"])
    assert (row["type"], row["state"]) == ("custom", "completed")
    assert Path(first.json()["log_file"]).is_file()
    await up.command("stop", "session")
    second = await post(up, {})
    assert (second.status, second.json()["waiting_for"]) == (202, "session")
    await up.command("start", "session")
    assert (await ended(up, second.json()["session_id"]))["state"] == "completed"
    assert await up.stop() == 0


async def test_paused_is_seen_everywhere_until_it_is_resumed(demo_home: Path, nursery: trio.Nursery) -> None:
    """`ps` says it, and HTTP, the socket, and the command with and without a process refuse a wake with the same words
    and make no row; `resume` ends it without a restart.
    """
    reason = "wakes are paused since x (y: authentication failed); resume with: claude-runner resume"
    environ = scrubbed(demo_home, REHEARSAL_SPEED="0")
    ledger = await Ledger.open(demo_home / "sessions.db", run_sync=inline)
    await ledger.meta.put(PAUSED, json.dumps({"since": "x", "session_id": "y", "reason": "authentication failed"}))
    await ledger.close()
    alone = await command(environ, "wake", "noon")
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0", SCHEDULER_ENABLED="false")
    scheduler = await up.actor("scheduler")
    assert scheduler["paused"] is True
    assert "claude-runner resume" in scheduler["reason"]
    refused = await post(up, {"session_type": "noon"})
    assert (refused.status, refused.json()) == (409, {"detail": reason})
    with pytest.raises(CommandError) as told:
        await up.wake("noon")
    assert (told.value.kind, told.value.message, told.value.exit_code) == ("WakesPaused", reason, 1)
    with pytest.raises(CommandError) as wrong:
        await up.wake("talk")
    assert (wrong.value.kind, wrong.value.exit_code) == ("WrongWake", 2)
    for ran in (alone, await up.command("wake", "noon")):
        assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"claude-runner: {reason}\n")
    assert await up.json("sessions") == await up.json("queue") == []
    assert "paused by: authentication failed" in (await up.command("resume")).stdout
    assert (await up.actor("scheduler"))["paused"] is None
    assert (await post(up, {})).status == 202
    assert await up.stop() == 0


async def test_a_process_that_starts_lets_a_commands_wake_end(demo_home: Path, nursery: trio.Nursery) -> None:
    """A wake begun without a process is run once, by its command; what is asked of the new process comes after it."""
    environ = scrubbed(demo_home, REHEARSAL_SPEED="400", SCHEDULER_ENABLED="false")
    alone = await trio.lowlevel.open_process(
        [sys.executable, "-u", "-m", "runner", "wake", "custom", "hi", "--verbose"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert alone.stdout is not None
    await alone.stdout.receive_some(1)  # it has begun to write
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0", SCHEDULER_ENABLED="false")
    nursery.start_soon(drain, alone.stdout)
    after = await up.wake("noon")
    assert await alone.wait() == 0
    assert after["state"] == "completed"
    rows = await up.json("sessions")
    assert [(row["type"], row["state"]) for row in rows] == [("noon", "completed"), ("custom", "completed")]
    assert rows[0]["started_at"] >= rows[1]["ended_at"]
    assert await up.stop() == 0


async def drain(stream: trio.abc.ReceiveStream) -> None:
    """Read what is written, so that the writer never waits for us."""
    async for _ in stream:
        pass


async def test_a_visitors_message_wakes_the_resident(demo_home: Path, nursery: trio.Nursery) -> None:
    """A message that has rested makes one `visit`, with its row and its source, without anybody asking."""
    path = demo_home / "visitors" / "2026-01-20-1200-mira.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text('---\ndate: "2026-01-20"\nfrom: "Mira"\n---\n\nHello there.\n')
    rested = time.time() - 3600
    os.utime(path, (rested, rested))
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0", SCHEDULER_QUIET_MINUTES="0")
    with trio.fail_after(30):
        while not (rows := [row for row in await up.json("sessions") if row["type"] == "visit"]):
            await trio.sleep(0.2)  # another process is looked at
    assert (await ended(up, rows[0]["session_id"]))["state"] == "completed"
    assert len([row for row in await up.json("sessions") if row["type"] == "visit"]) == 1
    assert await up.stop() == 0
