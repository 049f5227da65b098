"""The slots of a day, and what to make of those that passed."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import islice, takewhile
from operator import attrgetter
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from runner import resources
from runner.errors import SettingsError

__all__ = ["SLOT_TYPES", "Missed", "OlderSlots", "Schedule", "Slot", "latest_start", "load_schedule"]

SLOT_TYPES = ("midnight", "late_night", "morning", "midmorning", "noon", "afternoon", "dusk", "evening")
"""The names of a day's slots, and of the sessions that they begin."""

DAY = timedelta(days=1)
RECORDED = timedelta(hours=24)
"""How far back each missed slot gets a record of its own."""


@attrs.frozen(order=True)
class Slot:
    """One wake by the clock. Its offset is a fixed one, so that arithmetic on `at` is exact."""

    at: datetime
    type: str

    @property
    def key(self) -> str:
        """The slot's name in the ledger: its instant in UTC, the same whatever zone it was written in."""
        return self.at.astimezone(UTC).isoformat(timespec="seconds")


@attrs.frozen
class OlderSlots:
    """Missed slots from before the last day, told as one."""

    first: Slot
    last: Slot
    count: int


@attrs.frozen
class Missed:
    """What became of the slots that passed while nothing ran."""

    late: Slot | None = None
    """The newest slot, when it is still early enough to be run now."""
    recent: tuple[Slot, ...] = ()
    """Missed slots of the last 24 hours; each gets a record."""
    older: OlderSlots | None = None
    """Everything before them; gets one summary."""


@attrs.frozen
class Schedule:
    """The hours of a day with their session types, and the zone whose wall clock they are read from."""

    zone: ZoneInfo
    hours: tuple[tuple[time, str], ...] = attrs.field()

    @hours.validator
    def _check(self, _attribute: object, hours: tuple[tuple[time, str], ...]) -> None:
        if not hours or list(hours) != sorted(hours) or len({at for at, _ in hours}) != len(hours):
            raise SettingsError("the schedule has to name at least one hour, and every hour once and in order")

    def of_day(self, day: date) -> tuple[Slot, ...]:
        """The slots of one local day, in order. An hour that daylight saving skips is taken as the hour after it."""
        # no two are at one instant unless daylight saving skips an hour: comparing whole slots would only cost
        return tuple(sorted((self._slot(day, at, kind) for at, kind in self.hours), key=attrgetter("at")))

    def slots_between(self, after: datetime, until: datetime) -> tuple[Slot, ...]:
        """The slots with after < at <= until; none when the clock went backwards."""
        after, until = after.astimezone(UTC), until.astimezone(UTC)
        if until <= after:
            return ()
        return tuple(takewhile(lambda slot: slot.at <= until, self._from(after)))

    def next_slot(self, now: datetime) -> Slot:
        """The first slot after *now*; a slot at this very instant is not after it."""
        return next(self._from(now))

    def upcoming(self, now: datetime, count: int) -> tuple[Slot, ...]:
        """The next *count* slots after *now*."""
        return tuple(islice(self._from(now), count))

    def minutes_to_nearest(self, now: datetime) -> float:
        """Distance to the slot nearest in time, before or after, in minutes."""
        now = now.astimezone(UTC)
        around = (*self.slots_between(now - 2 * DAY, now)[-1:], self.next_slot(now))
        return min(abs((slot.at - now).total_seconds()) for slot in around) / 60

    def missed_slots(self, last: datetime | None, now: datetime, *, max_late: timedelta) -> Missed:
        """What to record at a start. *last* is the last slot the ledger knows; a first start has none."""
        now = now.astimezone(UTC)
        if last is None or now <= last:
            return Missed()
        border = now - RECORDED
        recent = list(self.slots_between(max(last, border), now))
        late = recent.pop() if recent and now < latest_start(recent[-1], max_late) else None
        return Missed(late=late, recent=tuple(recent), older=self._older(last, border))

    def _older(self, last: datetime, until: datetime) -> OlderSlots | None:
        first: Slot | None = None
        newest: Slot | None = None
        count = 0
        # counted one by one without keeping them: a home may have slept for years
        for slot in takewhile(lambda slot: slot.at <= until, self._from(last)):
            first = first or slot
            newest = slot
            count += 1
        return OlderSlots(first, newest, count) if first and newest else None

    def _slot(self, day: date, at: time, kind: str) -> Slot:
        # through UTC and back: a wall time that does not exist becomes the one that does
        instant = datetime.combine(day, at, self.zone).astimezone(UTC)
        offset = instant.astimezone(self.zone).utcoffset()
        assert offset is not None
        return Slot(instant.astimezone(timezone(offset)), kind)

    def _from(self, after: datetime) -> Iterator[Slot]:
        # two datetimes of one zone are compared by their wall clocks, which an autumn night shows twice: compare in UTC
        instant = after.astimezone(UTC)
        # begin a day early: no shift of a zone's offset is as long as a day
        day = after.astimezone(self.zone).date() - DAY
        while True:
            for slot in self.of_day(day):
                if slot.at > instant:
                    yield slot
            day += DAY


def latest_start(slot: Slot, max_late: timedelta) -> datetime:
    """From this instant on a slot that still waits is missed."""
    return slot.at + max_late


def load_schedule(zone: ZoneInfo, file: Path | None = None) -> Schedule:
    """The schedule of config/schedule.toml, read on the wall clock of *zone*."""
    file = file or resources.config_dir() / "schedule.toml"
    with file.open("rb") as opened:
        table = tomllib.load(opened)
    hours = [(time(entry["hour"], entry.get("minute", 0)), str(entry["type"])) for entry in table["slots"]]
    return Schedule(zone, tuple(sorted(hours)))
