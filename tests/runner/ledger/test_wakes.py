"""The wake queue: accepted means kept, and everything ends in exactly one record."""

from datetime import UTC, datetime, timedelta

import pytest

from runner.ledger import Ledger, SessionFacts, SessionOutcome, Wake, WakeRequest, WrongState

NOW = datetime(2026, 2, 3, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


async def ask(ledger: Ledger, kind: str = "custom", at: datetime = NOW, **more: object) -> Wake:
    return await ledger.wakes.enqueue(WakeRequest(type=kind, **more), at)  # type: ignore[arg-type] # fields by name


async def test_accepted_request(ledger: Ledger) -> None:
    """A request is answered with its row; the id is the home's wall clock at acceptance, told apart when it must be."""
    wake = await ask(ledger, "telegram", message="hi", sender="ada", image="i.jpg", max_turns=3, source="telegram")
    assert (wake.id, wake.state, wake.created, wake.attempts) == ("20260203-060000", "queued", True, 0)
    assert (wake.message, wake.sender, wake.image, wake.max_turns) == ("hi", "ada", "i.jpg", 3)
    assert [(await ask(ledger)).id for _ in range(2)] == ["20260203-060000-2", "20260203-060000-3"]
    assert await ledger.wakes.get(wake.id) == wake
    assert await ledger.wakes.get("none") is None
    assert "hi" not in repr(wake)


async def test_json(ledger: Ledger) -> None:
    """The queue's JSON has the documented names and times with an offset."""
    wake = await ask(ledger, not_before=NOW + MINUTE)
    assert wake.as_json() == {
        "id": "20260203-060000",
        "type": "custom",
        "state": "queued",
        "source": "command",
        "enqueued_at": "2026-02-03T11:00:00+00:00",
        "not_before": "2026-02-03T11:01:00+00:00",
        "attempts": 0,
    }


async def test_a_slot_is_queued_once(ledger: Ledger) -> None:
    """The second request for a slot gets the first one's row, however the instant is written, and for ever after."""
    slot = NOW.isoformat()
    first = await ask(ledger, "morning", slot=slot)
    again = await ask(ledger, "morning", slot=NOW.astimezone().isoformat())
    assert (again, again.created) == (first, False)
    await ledger.wakes.refuse(first.id, "paused", NOW)
    ended = await ask(ledger, "morning", slot=slot)
    assert (ended.id, ended.state, ended.created) == (first.id, "refused", False)
    assert await ledger.wakes.prune(NOW + MINUTE) == 1
    kept = await ask(ledger, "morning", slot=slot)
    assert (kept.id, kept.state, kept.type, kept.created) == (first.id, "refused", "morning", False)
    assert len(await ledger.sessions.list()) == 1


def test_a_slot_needs_an_offset() -> None:
    """A slot whose instant is not certain is refused."""
    with pytest.raises(ValueError, match="needs an offset"):
        WakeRequest(type="morning", slot="2026-02-03T06:00:00")


async def test_priority_then_arrival(ledger: Ledger) -> None:
    """Talk before telegram before slots before custom, self, visits, letters; among equals the first come."""
    kinds = ["correspondence", "custom", "self", "morning", "telegram", "talk", "visit", "custom"]
    made = {(await ask(ledger, kind)).id: kind for kind in kinds}
    urgent = await ask(ledger, "custom", priority=-1)
    order = ["talk", "telegram", "morning", "custom", "custom", "self", "visit", "correspondence"]
    assert [made.get(wake.id) for wake in await ledger.wakes.pending()] == [None, *order]
    claimed = [await ledger.wakes.claim(NOW) for _ in range(10)]
    ids = [wake.id for wake in claimed if wake]
    assert ids[0] == urgent.id
    assert [made[each] for each in ids[1:]] == order
    assert ids.index("20260203-060000-2") < ids.index("20260203-060000-8")
    assert claimed[-1] is None


async def test_not_before_and_next_due(ledger: Ledger) -> None:
    """A wake that waits for its time is not taken earlier, and the queue says when to look again."""
    assert await ledger.wakes.next_due(NOW) is None
    await ask(ledger, not_before=NOW + 5 * MINUTE)
    await ask(ledger, not_before=NOW + 3 * MINUTE)
    assert await ledger.wakes.claim(NOW) is None
    assert await ledger.wakes.next_due(NOW) == NOW + 3 * MINUTE
    assert await ledger.wakes.next_due(NOW + 9 * MINUTE) == NOW + 9 * MINUTE
    wake = await ledger.wakes.claim(NOW + 3 * MINUTE)
    assert wake is not None
    assert (wake.state, wake.attempts) == ("claimed", 1)


async def test_claim_of_one(ledger: Ledger) -> None:
    """A command that runs its own wake takes that one and no other."""
    await ask(ledger, "telegram")
    own = await ask(ledger)
    claimed = await ledger.wakes.claim(NOW, only=own.id)
    assert claimed is not None
    assert claimed.id == own.id
    assert await ledger.wakes.claim(NOW, only=own.id) is None


async def test_expiry(ledger: Ledger) -> None:
    """What can't begin in its time is missed, told with its minutes; what was claimed in time is not."""
    slot = await ask(ledger, "morning", slot=NOW.isoformat(), expires_at=NOW + 60 * MINUTE)
    taken = await ask(ledger, "telegram", expires_at=NOW + 60 * MINUTE)
    await ledger.wakes.claim(NOW)
    assert await ledger.wakes.next_expiry() == NOW + 60 * MINUTE
    assert await ledger.wakes.expire(NOW + 59 * MINUTE) == ()
    assert await ledger.wakes.claim(NOW + 60 * MINUTE) is None
    assert await ledger.wakes.next_due(NOW + 60 * MINUTE) is None
    (missed,) = await ledger.wakes.expire(NOW + 60 * MINUTE)
    assert (missed.id, missed.state, missed.reason) == (slot.id, "missed", "could not begin within 60 minutes")
    row = await ledger.sessions.get(slot.id)
    assert row is not None
    assert (row.state, row.slot, row.started_at, row.backend) == ("missed", "2026-02-03T11:00:00+00:00", None, None)
    assert await ledger.wakes.expire(NOW + 99 * MINUTE) == ()
    assert (await ledger.wakes.pending())[0].id == taken.id
    assert await ledger.wakes.next_expiry() is None


async def test_release(ledger: Ledger) -> None:
    """A claimed wake goes back three times to its place in the queue; the fourth time it has failed, with a record."""
    wake = await ask(ledger)
    await ask(ledger)
    for attempt in (1, 2, 3):
        claimed = await ledger.wakes.claim(NOW)
        assert claimed is not None
        assert (claimed.id, claimed.attempts) == (wake.id, attempt)
        assert (await ledger.wakes.release(wake.id, NOW)).state == "queued"
    await ledger.wakes.claim(NOW)
    failed = await ledger.wakes.release(wake.id, NOW, reason="prompt broken")
    assert (failed.state, failed.reason) == ("failed", "given up after 4 attempts: prompt broken")
    row = await ledger.sessions.get(wake.id)
    assert row is not None
    assert (row.state, row.is_error) == ("failed", True)


async def test_uncounted_release(ledger: Ledger) -> None:
    """A return that is nobody's fault counts nothing, and may name a time to try again."""
    wake = await ask(ledger)
    for number in range(6):
        assert await ledger.wakes.claim(NOW + number * MINUTE) is not None
        later = NOW + (number + 1) * MINUTE
        back = await ledger.wakes.release(wake.id, NOW, counted=False, not_before=later)
        assert (back.state, back.attempts, back.not_before) == ("queued", 0, later)


async def test_refuse(ledger: Ledger) -> None:
    """A waiting or claimed wake can be refused; one that ended stays as it ended; one that runs is not refused."""
    wake = await ask(ledger)
    assert (await ledger.wakes.refuse(wake.id, "no model configured", NOW)).state == "refused"
    assert (await ledger.wakes.refuse(wake.id, "other", NOW)).reason == "no model configured"
    running = await ask(ledger)
    await ledger.wakes.claim(NOW)
    await ledger.sessions.spawning(running.id, SessionFacts(backend="rehearsal", started_at=NOW))
    with pytest.raises(WrongState, match="is spawning; expected: queued or claimed"):
        await ledger.wakes.refuse(running.id, "x", NOW)


async def test_wrong_states(ledger: Ledger) -> None:
    """What does not fit the row's state is an error naming the wake and its state, and changes nothing."""
    wake = await ask(ledger)
    with pytest.raises(WrongState, match="20260203-060000 is queued; expected: claimed"):
        await ledger.wakes.release(wake.id, NOW)
    with pytest.raises(WrongState, match="there is no wake 'none'"):
        await ledger.wakes.refuse("none", "x", NOW)
    assert await ledger.wakes.pending() == (wake,)


async def test_missed_slots(ledger: Ledger) -> None:
    """A slot nobody saw gets one record, named by its own time; a slot that is known gets none beside it."""
    assert await ledger.sessions.record_missed_slot(NOW, "morning", "not running", NOW + 300 * MINUTE) is True
    assert await ledger.sessions.record_missed_slot(NOW, "morning", "not running", NOW + 301 * MINUTE) is False
    row = await ledger.sessions.get("20260203-060000")
    assert row is not None
    assert (row.state, row.reason, row.type) == ("missed", "not running", "morning")
    queued = await ask(ledger, "noon", slot=(NOW + 360 * MINUTE).isoformat())
    assert await ledger.sessions.record_missed_slot(NOW + 360 * MINUTE, "noon", "not running", NOW) is False
    assert (await ledger.wakes.pending()) == (queued,)


async def test_prune_keeps_what_is_open(ledger: Ledger) -> None:
    """Only ended rows are dropped, and only old ones."""
    open_one = await ask(ledger)
    ended = await ask(ledger)
    await ledger.wakes.refuse(ended.id, "x", NOW)
    assert await ledger.wakes.prune(NOW) == 0
    assert await ledger.wakes.prune(NOW + MINUTE) == 1
    assert await ledger.wakes.pending() == (open_one,)
    # its id stays taken: sessions are for ever
    assert (await ask(ledger)).id == "20260203-060000-3"


async def test_ended(ledger: Ledger) -> None:
    """A wake and its session end together, in the same state."""
    wake = await ask(ledger)
    assert wake.ended is False
    await ledger.wakes.claim(NOW)
    await ledger.sessions.finish(wake.id, SessionOutcome(state="failed", reason="no prompt", ended_at=NOW))
    ended = await ledger.wakes.get(wake.id)
    assert ended is not None
    assert (ended.ended, ended.state, ended.reason) == (True, "failed", "no prompt")
