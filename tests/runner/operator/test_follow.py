"""Whoever asked for a wake is told what it waits for, and is not kept for ever by a ledger that takes nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.session import ENDED, LEDGER, PHASE
from runner.control.protocol import Call, Caller, WakeProgress
from runner.kernel import EventRing
from runner.ledger import Ledger
from runner.operator.follow import RECORD_WITHIN, WakeFollower
from tests.support.ledger import open_ledger

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
WHY = "the ledger can't take it: database is locked"


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    made = await open_ledger(tmp_path)
    yield made
    await made.close()


async def nobody_first() -> bool:
    return False


@pytest.mark.parametrize("over", [True, False], ids=["it takes it again", "it never does"])
async def test_an_asker_is_told_of_a_ledger_that_takes_nothing(
    ledger: Ledger, autojump_clock: trio.testing.MockClock, over: bool
) -> None:
    """Told at once; told the end when the ledger takes it in time, else let go after half a minute, saying why."""
    events, told = EventRing(lambda: NOW), list[object]()

    async def progress(step: object) -> None:
        told.append(step)

    follower = WakeFollower("one", Call(Caller(0, 0, "test"), progress), ledger)
    begun = trio.current_time()
    with events.subscribe() as heard:
        events.emit(PHASE, session_id="one", phase="gathering")
        events.emit(LEDGER, session_id="another", cause="not ours")
        events.emit(LEDGER, session_id="one", cause=WHY)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follower.steps, heard, 0.0, nobody_first)
            if over:
                await trio.sleep(20)
                events.emit(LEDGER, session_id="one", cause="")
                await trio.sleep(60)
                events.emit(ENDED, session_id="one", state="completed")
    assert told[:2] == [WakeProgress("started", "one", detail="gathering"), WakeProgress("waiting", "one", detail=WHY)]
    assert follower.waits == ("" if over else WHY)
    waited = trio.current_time() - begun
    assert waited == 80 if over else RECORD_WITHIN <= waited <= RECORD_WITHIN + 10
