"""Slots by the wall clock, right over both changes of a year and over clocks that jump."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import SettingsError
from runner.schedule import Schedule, Slot, latest_start, load_schedule

STEADY = settings(deadline=None, derandomize=True)

NY = ZoneInfo("America/New_York")
SCHEDULE = load_schedule(NY)
HOUR = timedelta(hours=1)
LATE = timedelta(minutes=60)
NAMES = ["midnight", "late_night", "morning", "midmorning", "noon", "afternoon", "dusk", "evening"]
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def ny(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=NY, fold=fold)  # type: ignore[arg-type, misc] # parts are year to minute


def test_the_eight() -> None:
    """An ordinary day has the eight slots at their hours, with the zone's offset."""
    slots = SCHEDULE.of_day(date(2026, 2, 3))
    assert [slot.type for slot in slots] == NAMES
    assert [slot.at.hour for slot in slots] == [0, 3, 6, 9, 12, 15, 18, 21]
    assert slots[2].at.isoformat() == "2026-02-03T06:00:00-05:00"
    assert slots[2].key == "2026-02-03T11:00:00+00:00"


def test_next_and_upcoming() -> None:
    """The next slot is strictly after now, and the coming ones follow over midnight."""
    at_six = ny(2026, 2, 3, 6)
    assert SCHEDULE.next_slot(at_six).type == "midmorning"
    assert SCHEDULE.next_slot(at_six - timedelta(microseconds=1)).type == "morning"
    coming = SCHEDULE.upcoming(at_six, 8)
    assert [slot.type for slot in coming] == [*NAMES[3:], *NAMES[:3]]
    assert SCHEDULE.upcoming(at_six, 0) == ()


def test_between() -> None:
    """The left end is open and the right end closed, so that neighbouring spans share no slot."""
    slots = SCHEDULE.slots_between(ny(2026, 2, 3, 6), ny(2026, 2, 3, 9))
    assert [slot.type for slot in slots] == ["midmorning"]
    assert SCHEDULE.slots_between(ny(2026, 2, 3, 9), ny(2026, 2, 3, 6)) == ()


@pytest.mark.parametrize(
    ("day", "hours", "last_gap"),
    [(date(2026, 3, 8), 23, 2), (date(2026, 11, 1), 25, 4), (date(2026, 7, 1), 24, 3)],
)
def test_daylight_saving(day: date, hours: int, last_gap: int) -> None:
    """The short day and the long day have eight slots each, at the right wall hours; only the first gap differs."""
    slots = SCHEDULE.of_day(day)
    assert [slot.at.hour for slot in slots] == [0, 3, 6, 9, 12, 15, 18, 21]
    assert slots[1].at - slots[0].at == last_gap * HOUR
    assert all(b.at - a.at == 3 * HOUR for a, b in pairwise(slots[1:]))
    begin = datetime.combine(day, time(), NY).astimezone(UTC) - HOUR / 60
    assert SCHEDULE.slots_between(begin, begin + hours * HOUR) == slots


def test_within_the_repeated_hour() -> None:
    """In the hour that an autumn night shows twice, the next slot and its distance are right both times."""
    for fold, minutes in ((0, 150), (1, 90)):
        now = ny(2026, 11, 1, 1, 30, fold=fold)
        slot = SCHEDULE.next_slot(now)
        assert slot.type == "late_night"
        assert slot.at - now == timedelta(minutes=minutes)
        assert SCHEDULE.minutes_to_nearest(now) == 90
    schedule = Schedule(NY, ((time(1, 45), "custom"),))
    assert schedule.next_slot(ny(2026, 11, 1, 1, 50, fold=0)).at.date() == date(2026, 11, 2)


def test_an_hour_that_does_not_exist() -> None:
    """A slot in the hour that spring skips comes an hour later, once."""
    schedule = Schedule(NY, ((time(2, 30), "custom"),))
    slots = schedule.slots_between(ny(2026, 3, 7, 12), ny(2026, 3, 9, 12))
    assert [slot.at.isoformat() for slot in slots] == ["2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"]


@STEADY
@given(MOMENTS, st.integers(0, 40 * 24), st.integers(0, 40 * 24))
def test_spans_add_up(start: datetime, first: int, second: int) -> None:
    """However time is cut into spans, each slot is in exactly one of them, in order."""
    middle, end = start + first * HOUR, start + (first + second) * HOUR
    parts = SCHEDULE.slots_between(start, middle) + SCHEDULE.slots_between(middle, end)
    assert parts == SCHEDULE.slots_between(start, end)
    assert list(parts) == sorted(set(parts))


@STEADY
@given(MOMENTS)
def test_every_day_has_eight(moment: datetime) -> None:
    """Any local day, whatever its length, has each of the eight once."""
    day = moment.astimezone(NY).date()
    begin = datetime.combine(day, time(), NY).astimezone(UTC) - timedelta(seconds=1)
    end = datetime.combine(day + timedelta(days=1), time(), NY).astimezone(UTC) - timedelta(seconds=1)
    assert [slot.type for slot in SCHEDULE.slots_between(begin, end)] == NAMES


@STEADY
@given(MOMENTS)
def test_next_is_the_first_of_the_coming(moment: datetime) -> None:
    """The next slot is after now, at most four hours away, and nothing lies between."""
    slot = SCHEDULE.next_slot(moment)
    assert timedelta(0) < slot.at - moment <= 4 * HOUR
    assert SCHEDULE.slots_between(moment, slot.at) == (slot,)


def test_first_start_misses_nothing() -> None:
    """Without a slot on record, and with a clock that was set back, nothing was missed."""
    now = ny(2026, 2, 3, 7)
    missed = SCHEDULE.missed_slots(None, now, max_late=LATE)
    assert (missed.late, missed.recent, missed.older) == (None, (), None)
    assert SCHEDULE.missed_slots(now + HOUR, now, max_late=LATE) == missed


@pytest.mark.parametrize(("minute", "late", "recent"), [(0, "noon", 1), (59, "noon", 1), (60, None, 2)])
def test_a_late_slot_is_run_within_its_time(minute: int, late: str | None, recent: int) -> None:
    """The newest slot is run when less than 60 minutes have passed, and else missed like those before it."""
    now = ny(2026, 2, 3, 12) + timedelta(minutes=minute)
    missed = SCHEDULE.missed_slots(ny(2026, 2, 3, 6), now, max_late=LATE)
    assert (missed.late.type if missed.late else None) == late
    assert len(missed.recent) == recent
    assert missed.older is None


def test_long_downtime() -> None:
    """Of three days the last 24 hours are told one by one and the rest as one."""
    now = ny(2026, 2, 10, 13, 30)
    last = ny(2026, 2, 7, 6)
    missed = SCHEDULE.missed_slots(last, now, max_late=LATE)
    assert missed.late is None
    assert len(missed.recent) == 8
    assert missed.recent[0].at == ny(2026, 2, 9, 15)
    assert missed.recent[-1].at == ny(2026, 2, 10, 12)
    assert missed.older is not None
    assert (missed.older.first.at, missed.older.last.at) == (ny(2026, 2, 7, 9), ny(2026, 2, 9, 12))
    assert missed.older.count == 18


@STEADY
@given(MOMENTS, st.integers(0, 30 * 24 * 60), st.integers(1, 179))
def test_downtime_accounts_for_every_slot(last: datetime, minutes: int, late: int) -> None:
    """Each slot of a downtime is late, missed, or in the summary: none twice, none forgotten."""
    now = last + timedelta(minutes=minutes)
    missed = SCHEDULE.missed_slots(last, now, max_late=timedelta(minutes=late))
    count = len(missed.recent) + (missed.older.count if missed.older else 0) + (1 if missed.late else 0)
    assert count == len(SCHEDULE.slots_between(last, now))
    assert all(now - slot.at <= timedelta(hours=24) for slot in missed.recent)
    if missed.late:
        assert now < latest_start(missed.late, timedelta(minutes=late))


def test_files(tmp_path: Path) -> None:
    """Another table of hours is read the same way; one with an hour twice or without any is refused."""
    file = tmp_path / "s.toml"
    file.write_text('[[slots]]\nhour = 8\nminute = 30\ntype = "b"\n[[slots]]\nhour = 7\ntype = "a"\n')
    assert load_schedule(NY, file).hours == ((time(7), "a"), (time(8, 30), "b"))
    for hours in ((), ((time(7), "a"), (time(7), "b")), ((time(8), "a"), (time(7), "b"))):
        with pytest.raises(SettingsError, match="once and in order"):
            Schedule(NY, hours)


def test_slots_sort_by_time() -> None:
    """Slots compare as instants, whatever offset each is written with."""
    summer, winter = Slot(ny(2026, 11, 1, 0), "x"), Slot(ny(2026, 11, 1, 3), "a")
    assert summer < winter
