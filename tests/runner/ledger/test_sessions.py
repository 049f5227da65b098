"""Sessions: recorded before the model is made, ended once, newest first."""

from datetime import UTC, datetime, timedelta

import pytest

from runner.ledger import Ledger, SessionFacts, SessionOutcome, SpendEntry, SpendLimits, WakeRequest, WrongState

NOW = datetime(2026, 2, 3, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FACTS = SessionFacts(backend="rehearsal", started_at=NOW, model="m", claude_session_id="u")
DONE = SessionOutcome(
    state="completed",
    ended_at=NOW + 2 * MINUTE,
    exit_code=0,
    num_turns=3,
    input_tokens=10,
    output_tokens=20,
    cache_read_tokens=1,
    cache_creation_tokens=2,
    cost_usd=0.5,
    model="m2",
    tools={"Write": 2},
    files_written=("thoughts/a.md",),
    files_read=("memory/memory.md",),
    summary="wrote",
    hooks=("transcript", "git"),
)


async def begin(ledger: Ledger, kind: str = "custom", at: datetime = NOW, slot: str | None = None) -> str:
    wake = await ledger.wakes.enqueue(WakeRequest(type=kind, slot=slot), at)
    assert await ledger.wakes.claim(at, only=wake.id)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=at, model="m"))
    return wake.id


async def test_a_whole_life(ledger: Ledger) -> None:
    """From claim to end each step is on record before the next, and the end carries everything that is known."""
    wake = await ledger.wakes.enqueue(WakeRequest(type="morning", source="scheduler", slot=NOW.isoformat()), NOW)
    await ledger.wakes.claim(NOW)
    row = await ledger.sessions.spawning(wake.id, FACTS)
    assert (row.state, row.type, row.source, row.slot, row.pid) == ("spawning", "morning", "scheduler", wake.slot, None)
    row = await ledger.sessions.running(wake.id, 42, 4711)
    assert (row.state, row.pid, row.pid_started) == ("running", 42, 4711)
    assert await ledger.sessions.unfinished() == (row,)
    assert row.as_json()["state"] == "running"
    row = await ledger.sessions.finish(wake.id, DONE)
    assert row == await ledger.sessions.get(wake.id)
    assert (row.model, row.claude_session_id, row.duration_seconds, row.files_created) == ("m2", "u", 120.0, 1)
    assert (dict(row.tools), row.files_written, row.files_read) == ({"Write": 2}, DONE.files_written, DONE.files_read)
    assert (row.cache_read_tokens, row.cache_creation_tokens, row.summary) == (1, 2, "wrote")
    assert await ledger.sessions.unfinished() == ()
    assert row.as_json() == {
        "session_id": "20260203-060000",
        "type": "morning",
        "state": "completed",
        "reason": None,
        "started_at": "2026-02-03T11:00:00+00:00",
        "ended_at": "2026-02-03T11:02:00+00:00",
        "exit_code": 0,
        "num_turns": 3,
        "input_tokens": 10,
        "output_tokens": 20,
        "cost_usd": 0.5,
        "model": "m2",
        "backend": "rehearsal",
        "hooks": [
            {"name": name, "verdict": None, "started_at": None, "ended_at": None, "error": None}
            for name in ("transcript", "git")
        ],
        "notices": [],
    }


async def test_one_terminal_record(ledger: Ledger) -> None:
    """The first end stands: a second finish changes neither the row, nor the spend, nor the hooks."""
    wake_id = await begin(ledger)
    first = await ledger.sessions.finish(wake_id, DONE)
    other = SessionOutcome(state="failed", reason="late", ended_at=NOW, cost_usd=9.0, hooks=("mood",))
    assert await ledger.sessions.finish(wake_id, other) == first
    assert (await ledger.spend.totals(NOW)).day_usd == 0.5
    wake = await ledger.wakes.get(wake_id)
    assert wake is not None
    assert (wake.state, wake.reason) == ("completed", None)


async def test_spawning_needs_a_claim(ledger: Ledger) -> None:
    """No model is made for a wake that was not claimed, was refused meanwhile, or does not exist."""
    wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    with pytest.raises(WrongState, match="is queued; expected: claimed"):
        await ledger.sessions.spawning(wake.id, FACTS)
    await ledger.wakes.claim(NOW)
    await ledger.wakes.refuse(wake.id, "paused", NOW)
    with pytest.raises(WrongState, match="is refused"):
        await ledger.sessions.spawning(wake.id, FACTS)
    with pytest.raises(WrongState, match="is not there"):
        await ledger.sessions.spawning("none", FACTS)


async def test_running_needs_spawning(ledger: Ledger) -> None:
    """A session that ended, or never was, does not begin to run."""
    wake_id = await begin(ledger)
    await ledger.sessions.finish(wake_id, DONE)
    with pytest.raises(WrongState, match="is completed; expected: spawning"):
        await ledger.sessions.running(wake_id, 1, 2)
    with pytest.raises(WrongState, match="is not there"):
        await ledger.sessions.running("none")


async def test_finish_without_a_model(ledger: Ledger) -> None:
    """A claimed wake whose session never began gets its record all the same; an unknown id is an error."""
    wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    await ledger.wakes.claim(NOW)
    outcome = SessionOutcome(state="failed", reason="no such program: claude", exit_code=127, ended_at=NOW)
    row = await ledger.sessions.finish(wake.id, outcome)
    assert (row.state, row.started_at, row.exit_code, row.duration_seconds) == ("failed", None, 127, None)
    with pytest.raises(WrongState, match="there is no session 'none' to finish"):
        await ledger.sessions.finish("none", outcome)


async def test_a_clock_set_back(ledger: Ledger) -> None:
    """A duration is never negative."""
    wake_id = await begin(ledger)
    row = await ledger.sessions.finish(wake_id, SessionOutcome(state="completed", ended_at=NOW - MINUTE))
    assert row.duration_seconds == 0.0


def test_unknown_end() -> None:
    """An end that is none of the five is refused where it is made."""
    with pytest.raises(ValueError, match="state"):
        SessionOutcome(state="running", ended_at=NOW)


async def test_list_newest_first(ledger: Ledger) -> None:
    """Sessions are listed from the newest, ran or not; a limit is kept."""
    await ledger.sessions.record_missed_slot(NOW - 180 * MINUTE, "late_night", "not running", NOW + 9 * MINUTE)
    first = await begin(ledger)
    second = await begin(ledger, at=NOW + 5 * MINUTE)
    assert [row.session_id for row in await ledger.sessions.list()] == [second, first, "20260203-030000"]
    assert [row.session_id for row in await ledger.sessions.list(1)] == [second]
    assert await ledger.sessions.list(0) == ()


async def test_backends_that_ran(ledger: Ledger) -> None:
    """Only what ran counts, not what was refused."""
    wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    await ledger.wakes.refuse(wake.id, "no model configured", NOW)
    assert await ledger.sessions.ran_backends() == frozenset()
    await begin(ledger)
    assert await ledger.sessions.ran_backends() == {"rehearsal"}


async def test_last_slot(ledger: Ledger) -> None:
    """Slots are accounted for up to the newest one known, or since the first watch; the first watch stays."""
    assert await ledger.sessions.last_slot() is None
    await ledger.sessions.mark_slots_from(NOW)
    await ledger.sessions.mark_slots_from(NOW + MINUTE)
    assert await ledger.sessions.last_slot() == NOW
    await ledger.wakes.enqueue(WakeRequest(type="morning", slot=(NOW - 180 * MINUTE).isoformat()), NOW)
    assert await ledger.sessions.last_slot() == NOW
    await ledger.wakes.enqueue(WakeRequest(type="morning", slot=(NOW + 180 * MINUTE).isoformat()), NOW)
    assert await ledger.sessions.last_slot() == NOW + 180 * MINUTE


async def test_spend(ledger: Ledger) -> None:
    """Reserved money counts until it is booked, and totals go by the home's calendar."""
    limits = SpendLimits(day_usd=1.0, month_tokens=100)
    wake_id = await begin(ledger)
    entry = SpendEntry(ref=wake_id, at=NOW, cost_usd=0.9)
    assert await ledger.spend.reserve(entry, limits) is None
    assert await ledger.spend.reserve(entry, limits) is None  # a second reservation replaces the first
    other = SpendEntry(ref="other", at=NOW, cost_usd=0.2)
    assert await ledger.spend.reserve(other, limits) == "budget of the day: 1.1 USD of 1"
    await ledger.sessions.finish(wake_id, DONE)
    totals = await ledger.spend.totals(NOW)
    assert (totals.day_usd, totals.day_tokens) == (0.5, 30)
    tokens = SpendEntry(ref="t", at=NOW, input_tokens=71)
    assert await ledger.spend.reserve(tokens, limits) == "budget of the month: 101 tokens of 100"
    # 03:30 UTC is still the day before in New York, and still January
    await ledger.spend.record(
        SpendEntry(ref="j", purpose="digest", at=datetime(2026, 2, 1, 3, 30, tzinfo=UTC), cost_usd=7.0)
    )
    assert (await ledger.spend.totals(NOW)).month_usd == 0.5
    assert (await ledger.spend.totals(datetime(2026, 1, 31, 20, tzinfo=UTC))).day_usd == 7.0


async def test_what_was_set_aside_is_booked_on_its_day(ledger: Ledger) -> None:
    """A clock that goes back over midnight moves no cost to a day that had no room for it."""
    limits = SpendLimits(day_usd=1.0)
    yesterday = NOW - timedelta(days=1)
    await ledger.spend.record(SpendEntry(ref="full", at=yesterday, cost_usd=1.0))
    assert await ledger.spend.reserve(SpendEntry(ref="late", at=NOW, cost_usd=0.9), limits) is None
    await ledger.spend.record(SpendEntry(ref="late", at=yesterday, cost_usd=0.8))
    assert (await ledger.spend.totals(yesterday)).day_usd == 1.0
    assert (await ledger.spend.totals(NOW)).day_usd == 0.8


async def test_reservations_end(ledger: Ledger) -> None:
    """An end without cost gives the reservation back; an interruption keeps it, for what was used is unknown."""
    for state, kept in (("failed", 0.0), ("interrupted", 0.9)):
        wake_id = await begin(ledger)
        await ledger.spend.reserve(SpendEntry(ref=wake_id, at=NOW, cost_usd=0.9), SpendLimits())
        await ledger.sessions.finish(wake_id, SessionOutcome(state=state, reason="x", ended_at=NOW))
        assert (await ledger.spend.totals(NOW)).day_usd == kept
    await ledger.spend.forget(wake_id)
    assert (await ledger.spend.totals(NOW)).day_usd == 0.0


async def test_meta(ledger: Ledger) -> None:
    """A fact is kept under its name until it is written again."""
    assert await ledger.meta.get("k") is None
    await ledger.meta.put("k", "1")
    await ledger.meta.put("k", "2")
    assert await ledger.meta.get("k") == "2"
