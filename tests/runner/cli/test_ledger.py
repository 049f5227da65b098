"""`sessions queue schedule dead-letters` on a ledger with something in it, and with no process."""

from datetime import timedelta

import pytest
import trio

from runner.control.protocol import DeadLetterRow, ResendParams, ResendResult
from runner.ledger import SessionFacts, SessionOutcome, WakeRequest
from tests.runner.cli.conftest import NOW, CommandLine, FakeProcess, a_ledger


@pytest.fixture
def filled(lived: CommandLine) -> CommandLine:
    """A home whose ledger holds a completed session, a waiting wake and one set for later."""

    async def fill() -> None:
        async with a_ledger(lived.home) as ledger:
            done = await ledger.wakes.enqueue(WakeRequest(type="noon", source="schedule", slot=NOW.isoformat()), NOW)
            await ledger.wakes.claim(NOW)
            await ledger.sessions.spawning(done.id, SessionFacts(backend="rehearsal", started_at=NOW))
            await ledger.sessions.running(done.id)
            outcome = SessionOutcome(
                state="completed", ended_at=NOW + timedelta(seconds=9), exit_code=0, num_turns=3, input_tokens=10,
                output_tokens=5, cost_usd=0.25, hooks=("git",),
            )  # fmt: skip
            await ledger.sessions.finish(done.id, outcome)
            await ledger.hooks.begin(done.id, "git", NOW)
            await ledger.hooks.finish(done.id, "git", "done", None, now=NOW)
            await ledger.wakes.enqueue(WakeRequest(type="custom", message="hello"), NOW)
            later = WakeRequest(type="self", not_before=NOW + timedelta(hours=1))
            await ledger.wakes.enqueue(later, NOW)

    trio.run(fill)
    return lived


def test_sessions_are_listed_newest_first(filled: CommandLine) -> None:
    """The table reads well in a pipe, and the JSON has every field that other programs rely on."""
    ran = filled("sessions")
    assert "noon" in ran.out.splitlines()[1]
    assert "$0.2500" in ran.out
    (row,) = filled("sessions", "--json", "--limit", "1").json
    assert {
        "session_id", "type", "state", "reason", "started_at", "ended_at", "exit_code", "num_turns", "input_tokens",
        "output_tokens", "cost_usd", "model", "backend", "hooks",
    } <= set(row)  # fmt: skip
    assert row["hooks"][0]["verdict"] == "done"


def test_the_queue_is_listed(filled: CommandLine) -> None:
    """What waits is shown with its source and times."""
    ran = filled("queue")
    assert "custom" in ran.out
    rows = filled("queue", "--json").json
    assert {"id", "type", "state", "source", "enqueued_at", "not_before", "attempts"} <= set(rows[0])
    assert {row["type"] for row in rows} == {"custom", "self"}


def test_the_schedule_shows_slots_and_wakes_set_for_a_time(filled: CommandLine) -> None:
    """At least eight coming slots and the wakes for later, soonest first, in times with an offset."""
    rows = filled("schedule", "--json").json
    assert [row["type"] for row in rows[:2]] == ["self", "afternoon"]
    assert rows[1]["at"] == "2026-03-01T15:00:00-05:00"
    assert len(rows) == 9
    assert len(filled("schedule", "--limit", "20", "--json").json) == 21
    filled.environ["SCHEDULER_ENABLED"] = "false"
    ran = filled("schedule")
    assert "switched off" in ran.err
    assert "afternoon" in ran.out


def test_an_empty_ledger_says_so_and_is_not_made(lived: CommandLine) -> None:
    """Reading before the first start prints nothing but a note, and writes nothing."""
    for name, words in (("sessions", "no sessions yet"), ("queue", "nothing waits")):
        ran = lived(name)
        assert (ran.code, ran.out) == (0, "")
        assert words in ran.err
        assert lived(name, "--json").json == []
    assert not (lived.home / "sessions.db").exists()


def test_dead_letters_without_a_process_are_none(lived: CommandLine) -> None:
    """They live in the process's memory, which is said; the exit code is 0."""
    ran = lived("dead-letters", "--json")
    assert (ran.code, ran.json) == (0, [])
    assert "no process is running" in ran.err


def test_dead_letters_are_listed_and_sent_again(lived: CommandLine, process: FakeProcess) -> None:
    """The list shows class and key; `resend ID` asks for that one."""
    process.answers["dead_letters"] = [
        DeadLetterRow(4, "indexer", "Changed", 3, "Traceback\nValueError: x", "2026-03-01T12:00:00+00:00", "a.md"),
        DeadLetterRow(5, "web", "Work", 0, None, "2026-03-01T12:00:00+00:00"),
    ]
    ran = lived("dead-letters")
    assert "ValueError: x" in ran.out
    assert "Traceback" not in ran.out
    rows = lived("dead-letters", "--json").json
    assert {"id", "actor", "message", "attempts", "error", "at"} <= set(rows[0])
    process.answers["resend"] = ResendResult(4, "indexer", "queued")
    assert lived("dead-letters", "resend", "4").out == "dead letter 4 went to indexer again: queued\n"
    assert lived("dead-letters", "resend", "4", "--json").json["accepted"] == "queued"
    assert process.asked[-1] == ("resend", ResendParams(4))
