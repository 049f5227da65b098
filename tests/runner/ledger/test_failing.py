"""Which hooks have failed so often that somebody has to look."""

from datetime import UTC, datetime

import pytest

from runner.ledger import FailingHook, Ledger, SessionFacts, SessionOutcome, WakeRequest, failing_hooks

NOW = datetime(2026, 2, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("verdicts", "sessions"),
    [
        (["failed"] * 3, 3),
        (["timed_out", "failed", "failed", "failed"], 4),
        (["done", "failed", "failed", "failed"], 3),
        (["failed", "failed"], 0),
        (["failed", "failed", "failed", "done"], 0),
        (["failed", "failed", "failed", "not_due"], 0),
        (["failed", "not_due", "failed", "failed"], 0),
        (["failed", "failed", "failed", "upstream_failed"], 3),
        (["failed", "failed", "absent", "failed", "absent"], 3),
        (["failed", "failed", "failed", None], 3),
        (["upstream_failed"] * 5, 0),
        ([], 0),
    ],
)
async def test_failures_in_a_row(ledger: Ledger, verdicts: list[str | None], sessions: int) -> None:
    """Three bad ends in a row are told; an end that was well ends the row, one that tells nothing does not."""
    for number, verdict in enumerate(verdicts):
        wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
        await ledger.wakes.claim(NOW)
        await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=NOW))
        hooks = ("mood",) if verdict == "absent" else ("mood", "git")
        await ledger.sessions.finish(wake.id, SessionOutcome(state="completed", ended_at=NOW, hooks=hooks))
        await ledger.hooks.finish(wake.id, "mood", "done", None, NOW)
        if verdict not in {"absent", None}:
            await ledger.hooks.finish(wake.id, "git", str(verdict), f"reason {number}", NOW)
    newest = max((number for number, verdict in enumerate(verdicts) if verdict in {"failed", "timed_out"}), default=0)
    expected = (FailingHook(name="git", sessions=sessions, reason=f"reason {newest}"),) if sessions else ()
    assert failing_hooks(await ledger.sessions.list()) == expected
