"""A ledger that another process holds: at once an error, or patiently waited for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
import trio
import trio.testing

from runner.ledger import Ledger, LedgerClosed, WakeRequest
from runner.storage import sqlite
from tests.support.ledger import open_ledger

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
REQUEST = WakeRequest(type="custom", message="hello")


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Somebody else writes, for as long as the body runs."""
    with closing(sqlite3.connect(home / "sessions.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own wait for a lock is real time, which the mock clock doesn't see."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.0)


async def test_a_patient_write_comes_through_when_the_lock_is_gone(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """It is tried again with longer and longer pauses, says why and when that is over, and happens once."""
    told: list[tuple[float, str]] = []
    ledger = await open_ledger(tmp_path)
    patient = ledger.patiently(lambda why: told.append((trio.current_time(), why)))
    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        with held(tmp_path):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await ledger.wakes.enqueue(REQUEST, NOW)
            nursery.start_soon(patient.wakes.enqueue, REQUEST, NOW)
            await trio.sleep(60)
    assert len(await ledger.wakes.pending()) == 1
    moments = [moment - begun for moment, _ in told]
    assert moments[:6] == [0.0, 0.25, 0.75, 1.75, 3.75, 7.75]
    assert max(after - before for before, after in pairwise(moments)) == 5.0
    assert {why for _, why in told[:-1]} == {"the ledger can't take it: database is locked"}
    assert told[-1][1] == ""
    await ledger.close()


async def test_a_cancellation_ends_the_waiting_and_nothing_is_written(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Whoever is to end goes, and says that he waits no more."""
    told: list[str] = []
    ledger = await open_ledger(tmp_path)
    with held(tmp_path), trio.move_on_after(30) as scope:
        await ledger.patiently(told.append).wakes.enqueue(REQUEST, NOW)
    assert scope.cancelled_caught
    assert told[-1] == ""
    assert await ledger.wakes.pending() == ()
    await ledger.close()


async def test_patience_is_for_what_passes_only(tmp_path: Path) -> None:
    """A closed ledger, a wrong statement and a wrong state are told at once, patient or not."""
    told: list[str] = []
    ledger = await open_ledger(tmp_path)
    patient = ledger.patiently(told.append).patiently(told.append)

    def wrong(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM nowhere")

    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await patient.wakes._doors.write(wrong)
    await ledger.close()
    with pytest.raises(LedgerClosed):
        await patient.wakes.enqueue(REQUEST, NOW)
    assert told == []
    assert isinstance(patient, Ledger)
