"""The rules of the resident's own wakes, by the clock of New York."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.schedule import load_schedule
from runner.triggers.selfwake import (
    Fired,
    Pending,
    SelfWakeRefused,
    check,
    distance,
    may_begin,
    moment_at,
    moment_in,
    remaining,
)

ZONE = ZoneInfo("America/New_York")
SCHEDULE = load_schedule(ZONE)
QUIET = timedelta(minutes=30)
TEN = datetime(2026, 3, 2, 10, 0, tzinfo=ZONE)


def wish(at: datetime, reason: str = "to look at the sky") -> Pending:
    return Pending(wake_at=at, reason=reason, created_at=TEN)


def local(hour: int, minute: int, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (local(11, 31), "29 minutes from a scheduled wake"),
        (local(12, 29), "29 minutes from a scheduled wake"),
        (local(23, 45), "15 minutes from a scheduled wake"),
        (local(0, 15, 3), "15 minutes from a scheduled wake"),
        (local(9, 30), "not in the future"),
        (TEN + timedelta(days=7, minutes=1), "at most 7 days"),
    ],
)
def test_what_is_refused_is_told_with_its_rule(at: datetime, words: str) -> None:
    """Too near a slot on either side and over midnight, the past, and what is beyond a week."""
    with pytest.raises(SelfWakeRefused, match=words):
        check(wish(at), SCHEDULE, fired=(), now=TEN, quiet=QUIET)


@pytest.mark.parametrize("at", [local(11, 30), local(12, 30), local(23, 30), local(0, 30, 3), TEN + timedelta(days=7)])
def test_half_an_hour_from_a_slot_is_far_enough(at: datetime) -> None:
    """Only strictly less than 30 minutes is refused, and the horizon itself is allowed."""
    assert check(wish(at), SCHEDULE, fired=(), now=TEN, quiet=QUIET) == wish(at)


def test_a_reason_is_needed_and_short() -> None:
    """No reason, and one over 500 characters, are refused; 500 are kept."""
    for reason, words in (("", "--reason is empty"), ("  \n", "--reason is empty"), ("x" * 501, "at most 500")):
        with pytest.raises(SelfWakeRefused, match=words):
            check(wish(local(16, 30), reason), SCHEDULE, fired=(), now=TEN, quiet=QUIET)
    assert check(wish(local(16, 30), "x" * 500), SCHEDULE, fired=(), now=TEN, quiet=QUIET)


def test_three_a_day_count_what_fired_on_the_target_day() -> None:
    """Two that fired leave room for one, which may be replaced as often as wanted; after three the day is full."""
    fired = [Fired(date(2026, 3, 2), local(hour, 30)) for hour in (1, 4)]
    assert check(wish(local(16, 30)), SCHEDULE, fired=fired, now=TEN, quiet=QUIET)
    fired.append(Fired(date(2026, 3, 2), local(7, 30)))
    with pytest.raises(SelfWakeRefused, match="2026-03-02 has its 3 wakes"):
        check(wish(local(16, 30)), SCHEDULE, fired=fired, now=TEN, quiet=QUIET)
    assert check(wish(local(1, 30, 3)), SCHEDULE, fired=fired, now=TEN, quiet=QUIET)
    assert remaining(fired, date(2026, 3, 2)) == 0


def test_half_an_hour_lies_between_two() -> None:
    """An own wake is not set closer than 30 minutes to the last one."""
    fired = [Fired(date(2026, 3, 2), local(9, 55))]
    with pytest.raises(SelfWakeRefused, match="too close to your last own wake at 09:55"):
        check(wish(local(10, 24)), SCHEDULE, fired=fired, now=TEN, quiet=timedelta(0))
    assert check(wish(local(10, 35)), SCHEDULE, fired=fired, now=TEN, quiet=timedelta(0))


def test_times_are_read_on_the_homes_clock() -> None:
    """HH:MM is today when it is still to come, else tomorrow; a night that skips the hour takes the one after it."""
    assert moment_at("16:30", TEN, ZONE) == local(16, 30)
    assert moment_at("4:45", TEN, ZONE) == local(4, 45, 3)
    assert moment_at("10:00", TEN, ZONE) == local(10, 0, 3)
    spring = datetime(2026, 3, 7, 20, 0, tzinfo=ZONE)
    assert moment_at("02:30", spring, ZONE).astimezone(UTC) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    for text in ("24:00", "16:60", "4pm", "", "16:30:00", "-1:30"):
        with pytest.raises(SelfWakeRefused, match="write HH:MM"):
            moment_at(text, TEN, ZONE)


def test_spans_are_read_in_hours_and_minutes() -> None:
    """A span counts real time, over a change of the clocks too; what is none is refused with an example."""
    for text, minutes in (("2h", 120), ("45m", 45), ("1h30m", 90), ("100h", 6000)):
        assert moment_in(text, TEN, ZONE) - TEN == timedelta(minutes=minutes)
    spring = datetime(2026, 3, 8, 0, 30, tzinfo=ZONE)
    assert moment_in("3h", spring, ZONE).astimezone(UTC) - spring.astimezone(UTC) == timedelta(hours=3)
    for text in ("", "0m", "2", "2d", "h", "-1h", "1h-30m", "30m1h"):
        with pytest.raises(SelfWakeRefused, match="no span of time"):
            moment_in(text, TEN, ZONE)


@given(st.integers(min_value=0, max_value=7 * 24 * 60))
def test_the_distance_to_a_slot_never_exceeds_half_the_gap(minutes: int) -> None:
    """Slots lie three hours apart: no moment of an ordinary week is further than 90 minutes from one."""
    moment = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    by_hand = min((moment.astimezone(ZONE).hour % 3) * 60 + moment.minute % 60, 180)
    assert distance(SCHEDULE, moment) == timedelta(minutes=min(by_hand, 180 - by_hand))


def test_a_late_wake_keeps_away_from_slots_and_waits_for_room() -> None:
    """On time it begins whatever is near; ten minutes late it waits for quiet; cooldown and a full day hold it too."""
    pending = wish(local(11, 30))
    assert not may_begin(pending, SCHEDULE, fired=(), now=local(11, 29), quiet=QUIET)
    assert may_begin(pending, SCHEDULE, fired=(), now=local(11, 31), quiet=QUIET)
    assert not may_begin(pending, SCHEDULE, fired=(), now=local(11, 41), quiet=QUIET)
    assert may_begin(pending, SCHEDULE, fired=(), now=local(12, 31), quiet=QUIET)
    recent = [Fired(date(2026, 3, 2), local(11, 10))]
    assert not may_begin(pending, SCHEDULE, fired=recent, now=local(11, 31), quiet=QUIET)
    full = [Fired(date(2026, 3, 2), local(hour, 30)) for hour in (1, 4, 7)]
    assert not may_begin(pending, SCHEDULE, fired=full, now=local(11, 31), quiet=QUIET)
    assert may_begin(pending, SCHEDULE, fired=full, now=local(1, 0, 3), quiet=QUIET)


def test_the_name_in_the_queue_gives_the_wake_back() -> None:
    """From the key and the reason the pending wake can be made again."""
    assert Pending.of_key(wish(local(16, 30)).key, "to look at the sky") == wish(local(16, 30))
