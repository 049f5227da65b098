from math import inf

import trio
from trio.testing import MockClock

from web.deadlines import SILENT_SECONDS, Patience, Shield


async def silence_of(patience: Patience) -> float:
    """How long a connection may be silent from now on, as its reading finds it."""
    began = trio.current_time()
    with patience.reading:
        await trio.sleep_forever()
    return trio.current_time() - began


async def test_a_silent_connection_has_its_time(autojump_clock: MockClock) -> None:
    """Its reading ends after so many seconds without a request."""
    patience = Patience(30, trio.CancelScope())
    await patience.restart(None, None)
    assert await silence_of(patience) == 30


async def test_a_request_has_time_without_end(autojump_clock: MockClock) -> None:
    """While one is answered no silence counts, whatever the server is about to do."""
    patience = Patience(30, trio.CancelScope())
    await patience.restart(None, None)
    await patience.stop()
    patience.hurry()
    assert patience.reading.deadline == inf


async def test_a_stopping_server_waits_for_no_silence(autojump_clock: MockClock) -> None:
    """Neither of a connection that is silent already, nor of one whose answer ends a moment later."""
    silent, late = Patience(30, trio.CancelScope()), Patience(30, trio.CancelScope())
    await silent.restart(None, None)
    silent.hurry()
    late.hurry()
    await late.restart(None, None)
    assert await silence_of(silent) == SILENT_SECONDS
    await late.restart(None, None)
    assert await silence_of(late) == SILENT_SECONDS


async def test_a_shield_holds_until_its_deadline_or_until_it_is_taken_away(autojump_clock: MockClock) -> None:
    """Outer cancellation does not reach what is inside; the server's list has it only while it holds."""
    shields: set[trio.CancelScope] = set()
    began = trio.current_time()
    with trio.move_on_after(1), Shield(shields, 5) as scope:
        assert shields == {scope}
        await trio.sleep_forever()
    assert (trio.current_time() - began, shields) == (5, set())
