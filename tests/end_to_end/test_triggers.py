"""What wakes the resident in the whole process: the operator's site, a visitor, and nothing while it is paused."""

import json
import os
import time
from pathlib import Path
from typing import Any

import trio

from runner.ledger import Ledger
from runner.triggers.pause import PAUSED
from tests.support.http_client import Answer, get
from tests.support.ledger import inline
from tests.support.process import Running, start

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
    """`ps` and the doctor say it, HTTP refuses with 409, and `resume` ends it without a restart."""
    ledger = await Ledger.open(demo_home / "sessions.db", run_sync=inline)
    await ledger.meta.put(PAUSED, json.dumps({"since": "x", "session_id": "y", "reason": "authentication failed"}))
    await ledger.close()
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0")
    scheduler = await up.actor("scheduler")
    assert scheduler["paused"] is True
    assert "claude-runner resume" in scheduler["reason"]
    refused = await post(up, {})
    assert (refused.status, "claude-runner resume" in refused.json()["detail"]) == (409, True)
    assert "paused by: authentication failed" in (await up.command("resume")).stdout
    assert (await up.actor("scheduler"))["paused"] is None
    assert (await post(up, {})).status == 202
    assert await up.stop() == 0


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
