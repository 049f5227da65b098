"""Hook runs: one verdict each, at most two beginnings."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.ledger import Ledger, LedgerView, SessionFacts, SessionOutcome, WakeRequest
from runner.storage import sqlite

NOW = datetime(2026, 2, 3, 11, tzinfo=UTC)


async def session_with(ledger: Ledger, *hooks: str) -> str:
    wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    await ledger.wakes.claim(NOW)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=NOW))
    await ledger.sessions.finish(wake.id, SessionOutcome(state="completed", ended_at=NOW, hooks=hooks))
    return wake.id


async def test_order_and_verdicts(ledger: Ledger, tmp_path: Path) -> None:
    """Hooks come back in their planned order, with times and verdict; the column old readers know follows."""
    session = await session_with(ledger, "transcript", "mood")
    await ledger.hooks.plan(session, ["mood", "git"])
    assert await ledger.hooks.begin(session, "transcript", NOW) is True
    assert await ledger.hooks.finish(session, "transcript", "done", None, NOW) is True
    assert await ledger.hooks.finish(session, "mood", "timed_out", "10 s", NOW) is True
    rows = await ledger.hooks.of(session)
    assert [(row.name, row.verdict, row.begins, row.error) for row in rows] == [
        ("transcript", "done", 1, None),
        ("mood", "timed_out", 0, "10 s"),
        ("git", None, 0, None),
    ]
    reader = sqlite.open_reader(tmp_path / "sessions.db")
    (text,) = reader.execute("SELECT hooks_json FROM sessions").fetchone()
    reader.close()
    assert [hook["verdict"] for hook in json.loads(text)] == ["done", "timed_out", None]
    with LedgerView.open(tmp_path / "sessions.db") as view:
        assert view.sessions()[0].hooks == rows


async def test_a_verdict_is_written_once(ledger: Ledger) -> None:
    """A second verdict is not taken, and a hook with one does not run again."""
    session = await session_with(ledger, "mood")
    await ledger.hooks.begin(session, "mood", NOW)
    await ledger.hooks.finish(session, "mood", "done", None, NOW)
    assert await ledger.hooks.finish(session, "mood", "failed", "x", NOW) is False
    assert await ledger.hooks.begin(session, "mood", NOW) is False
    assert (await ledger.hooks.of(session))[0].verdict == "done"


async def test_at_most_two_beginnings(ledger: Ledger) -> None:
    """A hook that ended its process twice is not begun a third time: it has failed, and is not asked for again."""
    session = await session_with(ledger, "git")
    assert await ledger.hooks.begin(session, "git", NOW) is True
    assert await ledger.hooks.begin(session, "git", NOW) is True
    assert await ledger.hooks.unfinished_sessions() == (session,)
    assert await ledger.hooks.begin(session, "git", NOW) is False
    (row,) = await ledger.hooks.of(session)
    assert (row.verdict, row.error) == ("failed", "begun 2 times and never finished")
    assert await ledger.hooks.unfinished_sessions() == ()


async def test_unfinished_sessions(ledger: Ledger) -> None:
    """Sessions that ended with hooks left come oldest first; a running one is not among them."""
    older = await session_with(ledger, "mood")
    newer = await session_with(ledger, "mood", "git")
    await session_with(ledger)
    wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    await ledger.wakes.claim(NOW)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=NOW))
    await ledger.hooks.plan(wake.id, ["mood"])
    assert await ledger.hooks.unfinished_sessions() == (older, newer)


async def test_unknown_names(ledger: Ledger) -> None:
    """A hook nobody planned does not run; a verdict that is none is refused."""
    session = await session_with(ledger, "mood")
    assert await ledger.hooks.begin(session, "dance", NOW) is False
    with pytest.raises(ValueError, match="verdict of hook mood is 'fine'; allowed: done, not_due"):
        await ledger.hooks.finish(session, "mood", "fine", None, NOW)


async def test_a_notice_stands_once_beside_how_it_ended(ledger: Ledger) -> None:
    """Several are kept in order, one said twice is there once; sessions are counted by type and time."""
    session = await session_with(ledger)
    for words in ("memory.md lost\n half", "another", "memory.md lost half"):
        await ledger.sessions.notice(session, words)
    row = await ledger.sessions.get(session)
    assert row is not None
    assert row.notices == ("memory.md lost half", "another")
    await ledger.sessions.notice("nobody", "nothing happens")
    started = datetime.fromisoformat(str(row.started_at))
    assert await ledger.sessions.ran_by_type(started, started + timedelta(seconds=1)) == {row.type: 1}
    assert await ledger.sessions.ran_by_type(started + timedelta(seconds=1), started + timedelta(days=1)) == {}
