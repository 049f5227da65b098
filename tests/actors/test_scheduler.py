"""The scheduler gives every slot one wake or one record, whatever the clock does."""

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.protocol import Upcoming, Work
from actors.scheduler import Scheduler
from runner.kernel import ActorContext, EventRing, Mailbox
from runner.ledger import Ledger, SpendEntry, WakeRequest
from runner.retention.nightly import Nightly
from runner.schedule import load_schedule
from runner.settings import Settings, load_settings
from runner.triggers.pause import PAUSED, Pause
from runner.triggers.selfwake import Pending
from runner.triggers.triggers import Triggers
from tests.support.clock import WallClock
from tests.support.ledger import inline, open_ledger

T = TypeVar("T")

# 13:00 UTC is 8 o'clock in New York in winter: the slot midmorning (9:00) is an hour away.
EIGHT_O_CLOCK = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


@attrs.define(eq=False)
class World:
    """A scheduler's surroundings, with real rows and a session actor that is only a mailbox."""

    settings: Settings
    ledger: Ledger
    clock: WallClock
    scheduler: Mailbox[Work | Upcoming] = attrs.field(factory=lambda: Mailbox("scheduler", capacity=8))
    session: Mailbox[Work] = attrs.field(factory=lambda: Mailbox("session", capacity=8))
    triggers: Triggers | None = None
    events: EventRing = attrs.field(factory=lambda: EventRing(lambda: EIGHT_O_CLOCK))
    nightly: Nightly | None = None
    current: Callable[[], Settings] | None = None

    async def start(self, nursery: trio.Nursery) -> trio.CancelScope:
        """A new incarnation; cancelling the scope ends it."""
        scope = trio.CancelScope()
        actor = Scheduler(
            self.scheduler,
            self.session.ref,
            self.ledger,
            load_schedule(self.settings.resident.zone),
            self.settings,
            self.clock,
            self.triggers,
            self.events,
            self.nightly,
            self.current,
        )

        async def live() -> None:
            with scope:
                await actor.run(ActorContext(name="scheduler", number=1))

        nursery.start_soon(live)
        await wait_all_tasks_blocked()
        return scope

    async def rows(self) -> list[tuple[str, str]]:
        """Type and state of everything queued or recorded, oldest first."""
        queued = [(wake.type, wake.state) for wake in await self.ledger.wakes.pending()]
        return [(row.type, row.state) for row in reversed(await self.ledger.sessions.list())] + queued


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    home = tmp_path / "home"
    home.mkdir()
    settings = load_settings({"home": home}, {}).settings
    ledger = await open_ledger(home)
    yield World(settings, ledger, WallClock(EIGHT_O_CLOCK))
    await ledger.close()


async def test_a_slot_wakes_the_session_at_its_minute(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The slot an hour away is queued after exactly an hour, and the session actor is nudged."""
    await world.start(nursery)
    assert await world.rows() == []
    await trio.sleep(3599)
    await wait_all_tasks_blocked()
    assert await world.rows() == []
    await trio.sleep(1)
    assert await world.session.receive() == Work()
    assert await world.rows() == [("midmorning", "queued")]


async def test_a_first_start_misses_nothing(world: World, nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """A home that never ran has no slots to make up for."""
    await world.start(nursery)
    assert await world.rows() == []


async def test_a_wake_nobody_took_is_missed_after_an_hour(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A slot that waits for an hour gets its one terminal record."""
    await world.start(nursery)
    await trio.sleep(3600 + 3600 + 1)
    await wait_all_tasks_blocked()
    assert await world.rows() == [("midmorning", "missed")]


async def test_slots_missed_while_down_are_recorded_and_a_late_one_runs(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """After ten hours down the last slot, not an hour late, is queued; each one before it is recorded as missed."""
    scope = await world.start(nursery)
    scope.cancel()
    await wait_all_tasks_blocked()
    world.clock.jump(timedelta(hours=10, minutes=30))
    await world.start(nursery)
    assert await world.rows() == [
        ("midmorning", "missed"),
        ("noon", "missed"),
        ("afternoon", "missed"),
        ("dusk", "queued"),
    ]


async def test_a_long_absence_is_told_in_one_summary(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """After ten days down the last 24 hours have a record each, everything before them one."""
    scope = await world.start(nursery)
    scope.cancel()
    await wait_all_tasks_blocked()
    world.clock.jump(timedelta(days=10, minutes=-30))
    await world.start(nursery)
    rows = await world.ledger.sessions.list()
    assert {row.state for row in rows} == {"missed"}
    assert len(rows) == 8 + 1
    assert "told as one" in (rows[-1].reason or "")


async def test_a_clock_set_back_repeats_no_slot(world: World, nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """A slot that was queued is not queued again when the wall clock passes it a second time."""
    await world.start(nursery)
    await trio.sleep(3601)
    await wait_all_tasks_blocked()
    world.clock.jump(timedelta(hours=-1))
    await trio.sleep(1900)
    await wait_all_tasks_blocked()
    await trio.sleep(1900)
    await wait_all_tasks_blocked()
    assert [kind for kind, _ in await world.rows()] == ["midmorning"]


async def test_a_clock_set_forward_loses_no_slot(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Slots that a jump passes over are found within the time between two looks."""
    await world.start(nursery)
    world.clock.jump(timedelta(hours=7, minutes=10))
    await trio.sleep(21)
    await wait_all_tasks_blocked()
    assert await world.rows() == [("midmorning", "missed"), ("noon", "missed"), ("afternoon", "queued")]


@pytest.mark.parametrize("night", [datetime(2026, 3, 7, 20, tzinfo=UTC), datetime(2026, 10, 31, 20, tzinfo=UTC)])
async def test_both_changes_of_daylight_saving_keep_eight_slots_a_day(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock, night: datetime
) -> None:
    """Over the night when clocks change, every local day still has exactly its eight slots, each once."""
    world.clock.start = night
    world.session = Mailbox("session", capacity=64)
    await world.start(nursery)
    await trio.sleep(48 * 3600)
    await wait_all_tasks_blocked()
    slots = [row.slot for row in await world.ledger.sessions.list()]
    slots += [wake.slot for wake in await world.ledger.wakes.pending()]
    assert len(slots) == len(set(slots)) == 16


async def test_other_wakes_are_admitted_and_told_on(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A row put into the queue by somebody else is nudged on when the scheduler hears of it."""
    await world.start(nursery)
    await world.ledger.wakes.enqueue(WakeRequest(type="custom", message="hello"), world.clock())
    world.scheduler.ref.tell(Work())
    with trio.fail_after(1):
        assert await world.session.receive() == Work()


async def test_upcoming_names_the_next_slots(world: World, nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """The console gets at least eight coming slots, soonest first, with their offset."""
    await world.start(nursery)
    coming = await Upcoming(8).ask(world.scheduler.ref, within=1)
    assert [wake.type for wake in coming[:3]] == ["midmorning", "noon", "afternoon"]
    assert coming[0].at == "2026-03-02T09:00:00-05:00"
    assert len(coming) == 8


async def test_an_own_wake_is_queued_in_its_minute(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A wake the resident has set is shown as coming, and is one row of the queue a minute after its time at most."""
    wake_at = EIGHT_O_CLOCK + timedelta(minutes=90)
    world.triggers = Triggers.make(world.settings, world.ledger, load_schedule(world.settings.resident.zone), inline)
    assert world.triggers.own_file is not None
    world.triggers.own_file.set(Pending(wake_at=wake_at, reason="the tide", created_at=EIGHT_O_CLOCK))
    await world.start(nursery)
    coming = await Upcoming(8).ask(world.scheduler.ref, within=1)
    assert [wake.type for wake in coming[:3]] == ["midmorning", "self", "noon"]
    await trio.sleep(90 * 60 - 1)
    await wait_all_tasks_blocked()
    assert [kind for kind, _ in await world.rows()].count("self") == 0
    await trio.sleep(2)
    await wait_all_tasks_blocked()
    assert [kind for kind, _ in await world.rows()].count("self") == 1
    await trio.sleep(3600)
    await wait_all_tasks_blocked()
    assert [kind for kind, _ in await world.rows()].count("self") == 1


async def test_a_trigger_that_fails_is_an_event_and_slots_go_on(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """What can't be read is told, asked again a minute later, and keeps no slot from its wake."""
    world.triggers = Triggers.make(world.settings, world.ledger, load_schedule(world.settings.resident.zone), inline)
    assert world.triggers.own_file is not None
    world.triggers.own_file.history.mkdir(parents=True)
    await world.start(nursery)
    await trio.sleep(3601)
    await wait_all_tasks_blocked()
    assert [event.name for event in world.events.recent(100)].count("trigger.failed") > 50
    assert await world.rows() == [("midmorning", "queued")]


async def test_paused_slots_are_missed_with_the_reason(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """While scheduled wakes are paused a slot gets its one record at its minute, and no wake is queued."""
    await world.ledger.meta.put(PAUSED, Pause.after("20260302-060000", "authentication failed", world.clock()).dump())
    await world.start(nursery)
    await trio.sleep(3601)
    await wait_all_tasks_blocked()
    assert await world.rows() == [("midmorning", "missed")]
    (row,) = await world.ledger.sessions.list()
    assert "claude-runner resume" in (row.reason or "")
    await world.ledger.meta.drop(PAUSED)
    await trio.sleep(3 * 3600)
    await wait_all_tasks_blocked()
    assert await world.rows() == [("midmorning", "missed"), ("noon", "queued")]


async def test_a_pause_and_levels_of_the_budget_are_told_once(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Within a minute each is one event, however long it lasts."""
    world.settings = load_settings({"home": world.settings.home, "budget.day_usd": 2.0}, {}).settings
    await world.start(nursery)
    await world.ledger.spend.record(SpendEntry(ref="x", at=world.clock(), cost_usd=1.7))
    await world.ledger.meta.put(PAUSED, Pause.after("20260302-060000", "authentication failed", world.clock()).dump())
    await trio.sleep(600)
    await wait_all_tasks_blocked()
    told = [(event.name, event.fields.get("percent")) for event in world.events.recent(100)]
    assert told == [("schedule.paused", None), ("budget.notice", 50), ("budget.notice", 80)]


async def test_budget_and_retention_are_in_force_as_they_are_read(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Settings read again count from the next look on: levels are told, and the night sweeps by the new age."""
    home, now = world.settings.home, world.clock()
    world.nightly = Nightly(world.settings, world.ledger, inline)
    world.current = lambda: world.settings
    await world.start(nursery)
    await world.ledger.spend.record(SpendEntry(ref="x", at=now, cost_usd=1.1))
    old = home / "visitors" / "archive" / "old.md"
    old.parent.mkdir(parents=True)
    old.write_text("x")
    written = (now - timedelta(days=10)).timestamp()
    os.utime(old, (written, written))
    await trio.sleep(600)
    assert world.events.recent(9) == ()
    changed = {"budget.day_usd": 2.0, "retention.days": 5, "retention.log_file": str(home / "sweep.log")}
    world.settings = load_settings({"home": home, **changed}, {}).settings
    await trio.sleep(600)
    await wait_all_tasks_blocked()
    assert [event.name for event in world.events.recent(9)] == ["budget.notice"]
    await trio.sleep(24 * 3600)
    await wait_all_tasks_blocked()
    assert not old.exists()
    assert "visitors archive: pruned 1" in (home / "sweep.log").read_text()


async def test_the_night_is_swept_beside_the_waiting(
    world: World, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """At half past three the sweep runs once in a task of its own: while it is held up, slots come all the same."""
    held = trio.Event()
    pieces = 0

    async def slow(work: Callable[[], T], /) -> T:
        nonlocal pieces
        pieces += 1
        await held.wait()
        return work()

    world.nightly = Nightly(world.settings, world.ledger, slow)
    world.clock.start = EIGHT_O_CLOCK - timedelta(hours=5)  # three at night
    await world.start(nursery)
    await trio.sleep(3600)
    await wait_all_tasks_blocked()
    assert pieces == 1
    await trio.sleep(2 * 3600 + 1)
    await wait_all_tasks_blocked()
    assert ("morning", "queued") in await world.rows()
    assert pieces == 1
    held.set()
    await trio.sleep(60)
    await wait_all_tasks_blocked()
    assert [event.name for event in world.events.recent(9)] == ["retention.swept"]
    assert "complete" in world.settings.paths.retention_log.read_text()
