"""Wakes over HTTP are accepted whatever the session actor does, and say truly what becomes of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
import trio

from actors.protocol import Cancel, SessionState, Status, Work
from runner.kernel import ChildStatistics, Mailbox, State
from runner.ledger import Ledger, SpendEntry, WakeRequest
from runner.operator import wakes as admission
from runner.operator.wakes import Admission
from runner.settings import load_settings
from runner.triggers.intake import Intake, NotNow
from runner.triggers.pause import PAUSED, Pause
from tests.support.ledger import open_ledger

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)

CHILD = ChildStatistics(
    name="session", state=State.RUNNING, reason="", since=NOW, restarts=0, incarnation=1, queue=0,
    oldest_message_s=None, last_error="", critical=False, retry_in=0.0, stuck_s=None, action=None, errors=(),
    mailbox=None,
)  # fmt: skip


@attrs.define(eq=False)
class Desk:
    """An admission with a session actor that is only a mailbox, and answers for it."""

    admission: Admission
    ledger: Ledger
    session: Mailbox[Work | Status | Cancel]
    state: list[State]

    async def answer(self, phase: str) -> None:
        while True:
            message = await self.session.receive()
            if isinstance(message, Status):
                message.reply.send(SessionState(phase))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    settings = load_settings({"home": tmp_path, "budget.day_usd": 1.0, "budget.session_usd": 0.5}, {}).settings
    ledger = await open_ledger(tmp_path)
    session: Mailbox[Work | Status | Cancel] = Mailbox("session", capacity=8)
    state = [State.RUNNING]

    def actors() -> list[ChildStatistics]:
        return [attrs.evolve(CHILD, state=state[0])]

    made = Admission(
        intake=Intake(ledger, lambda: settings),
        ledger=ledger,
        logs=settings.paths.logs,
        session=session.ref,
        actors=actors,
        now=lambda: NOW,
    )
    yield Desk(made, ledger, session, state)
    await ledger.close()


async def test_an_idle_actor_starts_it_and_a_busy_one_queues_it(desk: Desk) -> None:
    """`started` only when nothing runs and nothing waits before it; the id and the log's name are the ledger's."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(desk.answer, "idle")
        first = await desk.admission.admit("custom", "hello")
        second = await desk.admission.admit("custom", "")
        nursery.cancel_scope.cancel()
    assert (first.session_id, first.status, first.waiting_for) == ("20260302-100000", "started", None)
    assert first.log_file.endswith("/logs/session-20260302-100000.log")
    assert (second.session_id, second.status) == ("20260302-100000-2", "queued")
    wake = await desk.ledger.wakes.get(first.session_id)
    assert wake is not None
    assert (wake.type, wake.message, wake.source, wake.priority) == ("custom", "hello", "api", 30)


@pytest.mark.parametrize("state", [State.FAILED, State.STOPPED, State.STUCK])
async def test_a_session_actor_that_is_away_is_named(desk: Desk, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wake is in the ledger all the same, and the answer says whom it waits for."""
    monkeypatch.setattr(admission, "ASK_WITHIN", 0.01)
    desk.state[0] = state
    found = await desk.admission.admit("custom", "")
    assert (found.status, found.waiting_for) == ("queued", "session")
    assert len(await desk.ledger.wakes.pending()) == 1


async def test_paused_or_out_of_budget_nothing_is_taken_in(desk: Desk) -> None:
    """Both reasons are told in words; a session's own limit that the day has no room for is one; no row is made."""
    await desk.ledger.spend.record(SpendEntry(ref="x", at=NOW, cost_usd=0.6))
    with pytest.raises(NotNow, match=r"budget of the day: 1\.1 USD of 1"):
        await desk.admission.admit("custom", "")
    await desk.ledger.meta.put(PAUSED, Pause.after("20260302-060000", "authentication failed", NOW).dump())
    with pytest.raises(NotNow, match="claude-runner resume"):
        await desk.admission.admit("custom", "")
    assert await desk.ledger.wakes.pending() == ()
    assert await desk.ledger.sessions.list() == ()
    assert (await desk.ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)).created
