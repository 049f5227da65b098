"""The ledger read by a command while no process runs."""

import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.ledger import Ledger, LedgerView, SpendEntry, WakeRequest
from tests.runner.ledger.test_schema import predecessors
from tests.runner.ledger.test_wakes import NOW


def test_missing(tmp_path: Path) -> None:
    """Without a ledger there is nothing to see, and none is made."""
    with LedgerView.open(tmp_path / "sessions.db") as view:
        assert (view.sessions(), view.queue(), view.unfinished(), view.last_slot()) == ((), (), (), None)
        assert (view.ran_backends(), view.meta("x"), view.session("x")) == (frozenset(), None, None)
    assert list(tmp_path.iterdir()) == []


def test_predecessors_file(tmp_path: Path) -> None:
    """An older version is read without being changed."""
    path = predecessors(tmp_path / "sessions.db")
    before = path.read_bytes()
    with LedgerView.open(path) as view:
        assert [row.session_id for row in view.sessions(2)] == ["original-3", "original-1"]
        assert view.ran_backends() == {"original"}
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["sessions.db"]


async def test_beside_the_running_process(ledger: Ledger, tmp_path: Path) -> None:
    """What the process has committed is seen at once."""
    with LedgerView.open(tmp_path / "sessions.db") as view:
        wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
        assert view.queue() == (wake,)
        await ledger.wakes.refuse(wake.id, "x", NOW)
        assert view.session(wake.id) == await ledger.sessions.get(wake.id)
        await ledger.spend.record(SpendEntry(ref="a", at=NOW, cost_usd=2.0))
        assert view.totals(NOW, ZoneInfo("America/New_York")).day_usd == 2.0


async def test_one_record_a_slot_is_enforced_below(ledger: Ledger, tmp_path: Path) -> None:
    """Even past the queue's own code the tables refuse a second record for one slot."""
    await ledger.wakes.enqueue(WakeRequest(type="noon", slot=NOW.isoformat()), NOW)
    await ledger.wakes.expire(NOW)
    await ledger.sessions.record_missed_slot(NOW.replace(hour=14), "afternoon", "x", NOW)
    connection = sqlite3.connect(tmp_path / "sessions.db")
    for statement in (
        "INSERT INTO sessions (timestamp, session_type, slot) VALUES ('x', 'noon', '2026-02-03T14:00:00+00:00')",
        "UPDATE wakes SET slot = '2026-02-03T14:00:00+00:00' WHERE state = 'queued'",
    ):
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError as error:
            assert "UNIQUE" in str(error)  # noqa: PT017 - the loop needs the connection after it
        else:
            raise AssertionError(statement)
    connection.close()
