"""Scheduler: turns slots into wakes and sees that every wake asked for is admitted or ended with a reason.

Owns     the wake queue (rows of the ledger).
Told by  whoever put a row into the queue (Work), the console (Upcoming).
Tells    session (Work).
Crash    permanent; slots since the last recorded one are found again in the ledger.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import trio

from actors.protocol import ComingWake, Upcoming, Work
from runner.clock import Now
from runner.errors import RunnerError
from runner.kernel import ActorContext, EventRing, Mailbox, Ref
from runner.ledger import Ledger, WakeRequest
from runner.ledger.budget import limits_of
from runner.retention.nightly import Nightly
from runner.schedule import Missed, Schedule, latest_start
from runner.settings import Settings
from runner.triggers.intake import Intake, NotNow
from runner.triggers.pause import PAUSED, Pause
from runner.triggers.triggers import Triggers

ASK_AROUND = timedelta(seconds=60)
"""Between two looks at what else may wake the resident (its own wishes, letters, visitors): all may wait so long."""

PAUSE_BEGAN = "schedule.paused"
"""Event: wakes are paused (`reason`) until the operator resumes."""

BUDGET = "budget.notice"
"""Event: so much of a budget is used up (`percent`, `period`, `unit`, `used`, `limit`), once in its day or month."""

SWEPT = "retention.swept"
"""Event: the night's sweep is over (`count` files and lines, `failed`)."""

TROUBLE = "trigger.failed"
"""Event: a trigger could not be asked (`trigger`, `cause`); it is asked again."""

LOOK_AGAIN = timedelta(seconds=20)
"""Between two looks at the wall clock at the most: it may jump, and trio's clock does not see that."""


@attrs.define(eq=False)
class Scheduler:
    """Waits for the next slot; everything it knows is in the ledger and on the wall clock."""

    mailbox: Mailbox[Work | Upcoming]
    session: Ref[Work]
    ledger: Ledger
    schedule: Schedule
    settings: Settings
    now: Now
    triggers: Triggers | None = None
    events: EventRing | None = None
    nightly: Nightly | None = None
    current: Callable[[], Settings] | None = None
    """The settings in force; looked at each time, so that a reload needs no restart for those that are live."""
    _sweeping: bool = attrs.field(default=False, init=False)
    _pause_told: Pause | None = attrs.field(default=None, init=False)
    _asked: datetime | None = attrs.field(default=None, init=False)
    _ask_at: datetime | None = attrs.field(default=None, init=False)
    _seen: datetime | None = attrs.field(default=None, init=False)

    async def run(self, context: ActorContext) -> None:
        """Catch up with the slots that passed while nothing ran, then wait for the next one, for ever."""
        self._seen = await self.ledger.sessions.last_slot()
        await self.ledger.sessions.mark_slots_from(self.now())
        await self._look()
        context.started()
        async with trio.open_nursery() as nursery:
            while True:
                message = None
                with trio.move_on_after(await self._pause()):
                    message = await self.mailbox.receive()
                self._heed_settings()
                match message:  # outside the timeout: the wait for the next slot never cuts a handler short
                    case None | Work():
                        await self._look()
                    case Upcoming(count=count, reply=reply):
                        reply.send(await self._upcoming(count))
                if self.nightly is not None and not self._sweeping and await self.nightly.due(self.now()):
                    self._sweeping = True
                    nursery.start_soon(self._sweep, self.nightly)

    def _heed_settings(self) -> None:
        if self.current is not None:
            self.settings = self.current()
            if self.nightly is not None:
                self.nightly.settings = self.settings

    async def _sweep(self, nightly: Nightly) -> None:
        """The night's sweep, beside the waiting: it may take longer than a slot may wait."""
        try:
            results = await nightly.run(self.now())
            self._tell(SWEPT, count=sum(one.count for one in results), failed=sum(one.failed for one in results))
        except (OSError, ValueError, RunnerError) as error:
            self._tell(TROUBLE, trigger="retention", cause=f"{type(error).__name__}: {error}"[:300])
        finally:
            self._sweeping = False

    async def _look(self) -> None:
        """Queue the slots that have come, end the wakes whose time is over, and nudge the session actor."""
        now = self.now()
        if self.settings.schedule.enabled:
            # Clocks jump back too: a slot already queued or recorded is known by its key and never queued again.
            await self._take_in(self.schedule.missed_slots(self._seen, now, max_late=self._max_late), now)
        self._seen = now
        await self._ask_around(now)
        expiry = await self.ledger.wakes.next_expiry()
        if expiry is not None and expiry <= now:
            await self.ledger.wakes.expire(now)
        due = await self.ledger.wakes.next_due(now)
        if due is not None and due <= now:
            self.session.tell(Work())

    async def _ask_around(self, now: datetime) -> None:
        """Let the other triggers put their wakes into the queue, and tell what keeps wakes from it."""
        if self._asked is not None and self._ask_at is not None and self._asked <= now < self._ask_at:
            return
        again = None
        pause = await self._paused()
        if pause is not None and pause != self._pause_told:
            self._tell(PAUSE_BEGAN, reason=pause.text)
        self._pause_told = pause
        if self.triggers is not None:
            found = await self.triggers.look(now)
            again = found.again
            for trigger, cause in found.troubles:
                self._tell(TROUBLE, trigger=trigger, cause=cause)
        limits = limits_of(self.settings.budget)
        if any(attrs.astuple(limits)):
            for percent, level in await self.ledger.spend.notices(now, limits):
                self._tell(BUDGET, percent=percent, **attrs.asdict(level))
        self._asked, self._ask_at = now, min(again or now + ASK_AROUND, now + ASK_AROUND)

    def _tell(self, name: str, **fields: object) -> None:
        if self.events is not None:
            self.events.emit(name, **fields)

    async def _paused(self) -> Pause | None:
        return Pause.load(await self.ledger.meta.get(PAUSED))

    async def _take_in(self, passed: Missed, now: datetime) -> None:
        """Every slot that has passed since the last look gets its wake, when it is early enough, or its record."""
        if passed.late is None and not passed.recent and passed.older is None:
            return
        record = self.ledger.sessions.record_missed_slot
        if passed.older is not None:
            older = passed.older
            reason = f"nothing ran: {older.count} slots from {older.first.at.isoformat()} on, told as one"
            await record(older.last.at, older.last.type, reason, now)
        for slot in passed.recent:
            await record(slot.at, slot.type, "nothing ran when it was due", now)
        if passed.late is None:
            return
        late = passed.late
        request = WakeRequest(
            type=late.type, source="scheduler", slot=late.key, expires_at=latest_start(late, self._max_late)
        )
        try:
            await Intake(self.ledger, lambda: self.settings).admit(request, now)
        except NotNow as reason:
            await record(late.at, late.type, str(reason), now)

    async def _pause(self) -> float:
        """Seconds until something may be due; never long, because the wall clock may jump meanwhile."""
        now = self.now()
        moments = [
            await self.ledger.wakes.next_expiry(),
            self.schedule.next_slot(now).at if self.settings.schedule.enabled else None,
            self._ask_at,
            # A wake that is due already was told of; looking again soon is for a session actor that could not hear.
            max(due, now + LOOK_AGAIN) if (due := await self.ledger.wakes.next_due(now)) else None,
        ]
        soonest = min((moment for moment in moments if moment is not None), default=now + LOOK_AGAIN)
        return max(0.0, min(soonest - now, LOOK_AGAIN).total_seconds())

    async def _upcoming(self, count: int) -> tuple[ComingWake, ...]:
        """The next slots and whatever else waits for its hour."""
        now = self.now()
        slots = self.schedule.upcoming(now, count) if self.settings.schedule.enabled else ()
        waiting = await self.ledger.wakes.pending()
        own = await self.triggers.own_wake() if self.triggers is not None else None
        coming = [(slot.at, ComingWake(slot.type, slot.at.isoformat(), "schedule")) for slot in slots]
        coming += [
            (wake.not_before, ComingWake(wake.type, wake.not_before.isoformat(), wake.source))
            for wake in waiting
            if wake.not_before is not None and wake.not_before > now
        ]
        if own is not None:
            at = own.wake_at.astimezone(self.schedule.zone)
            coming.append((at, ComingWake("self", at.isoformat(), "self")))
        return tuple(wake for _, wake in sorted(coming, key=lambda pair: pair[0])[:count])

    @property
    def _max_late(self) -> timedelta:
        return timedelta(minutes=self.settings.schedule.max_late_minutes)
