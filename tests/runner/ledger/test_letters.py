"""Offers of letters: noted with their wake, settled by how it ended; and requests that have a key."""

from datetime import timedelta

from runner.ledger import Ledger, WakeRequest
from tests.support.clock import START

LETTERS = WakeRequest(type="correspondence", source="correspondence", message="mira")


async def test_a_key_makes_one_wake(ledger: Ledger) -> None:
    """Asking twice under one key gives the first wake, also when it has ended; `keyed` finds it by its beginning."""
    request = WakeRequest(type="self", key="self:1")
    first = await ledger.wakes.enqueue(request, START)
    await ledger.wakes.refuse(first.id, "for the test", START)
    again = await ledger.wakes.enqueue(request, START + timedelta(hours=1))
    assert (first.created, again.created, again.id, again.state) == (True, False, first.id, "refused")
    assert [wake.id for wake in await ledger.wakes.keyed("self:", START)] == [first.id]
    assert await ledger.wakes.keyed("visit:", START) == ()
    assert await ledger.wakes.keyed("self:", START + timedelta(seconds=1)) == ()


async def test_a_completed_offer_counts_and_a_newer_letter_begins_anew(ledger: Ledger) -> None:
    """Attempts are counted per newest letter, only by completed sessions, and the offer is open until settled."""
    wake = await ledger.letters.offer(LETTERS, {"mira": "u1"}, START)
    assert (await ledger.letters.all())["mira"].offered_in == wake.id
    await ledger.letters.settle("mira", completed=True, rests_from=START)
    for newest, completed, attempts, seen in (("u1", False, 1, "u1"), ("u1", True, 2, "u1"), ("u2", True, 1, "u2")):
        await ledger.letters.offer(LETTERS, {"mira": newest}, START)
        await ledger.letters.settle("mira", completed=completed, rests_from=START)
        state = (await ledger.letters.all())["mira"]
        assert (state.attempts, state.last_seen_id, state.offered_in) == (attempts, seen, None)


async def test_an_offer_that_never_ran_leaves_no_trace(ledger: Ledger) -> None:
    """A refused or missed wake counts as nothing: no attempt, no time of a session."""
    await ledger.letters.offer(LETTERS, {"mira": "u1", "tom": "u7"}, START)
    await ledger.letters.settle("mira", completed=False, rests_from=None)
    state = await ledger.letters.all()
    assert (state["mira"].attempts, state["mira"].last_session_at, state["mira"].last_seen_id) == (0, None, None)
    assert state["tom"].offered_id == "u7"


async def test_a_fact_can_be_dropped(ledger: Ledger) -> None:
    """A new fact is written once; dropping it says whether there was one."""
    assert await ledger.meta.put_new("paused", "a")
    assert not await ledger.meta.put_new("paused", "b")
    assert await ledger.meta.get("paused") == "a"
    assert await ledger.meta.drop("paused")
    assert not await ledger.meta.drop("paused")
