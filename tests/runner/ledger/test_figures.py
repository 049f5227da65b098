from pathlib import Path

from runner.ledger import Figure, Ledger, SessionFacts, SessionOutcome, WakeRequest
from tests.runner.ledger.conftest import inline
from tests.runner.ledger.test_schema import predecessors
from tests.runner.ledger.test_wakes import NOW


async def test_all_that_ran_and_ended(ledger: Ledger) -> None:
    """A session counts once it has ended; one that runs, one that waits and one that was missed do not."""
    ids = [(await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)).id for _ in range(3)]
    for _ in range(2):
        claimed = await ledger.wakes.claim(NOW)
        assert claimed is not None
        await ledger.sessions.spawning(claimed.id, SessionFacts(started_at=NOW, backend="rehearsal"))
        await ledger.sessions.running(claimed.id)
    await ledger.wakes.refuse(ids[2], "paused", NOW)
    outcome = SessionOutcome(
        state="failed",
        reason="no answer",
        ended_at=NOW,
        duration_seconds=1.5,
        num_turns=4,
        cost_usd=0.25,
        input_tokens=1,
        output_tokens=2,
        cache_read_tokens=3,
        cache_creation_tokens=14,
    )
    await ledger.sessions.finish(ids[0], outcome)
    found = await ledger.sessions.figures()
    assert [(one.session_id, one.duration_seconds, one.turns, one.cost_usd, one.tokens) for one in found.ran] == [
        (ids[0], 1.5, 4, 0.25, 20)
    ]
    assert found.known == frozenset(ids)


async def test_the_predecessors_rows_are_left_to_its_logs(tmp_path: Path) -> None:
    """They hold neither cost nor turns, and have no id that a log could be known by."""
    ledger = await Ledger.open(predecessors(tmp_path / "sessions.db"), run_sync=inline)
    found = await ledger.sessions.figures()
    await ledger.close()
    assert found.ran == ()
    assert len(found.known) == 3


def test_a_figure_is_a_value() -> None:
    """Equal figures are equal: that is how a change is seen."""
    assert Figure("a", "x", 1.0, 1, 0.0, 1) == Figure("a", "x", 1.0, 1, 0.0, 1)
