"""What a session learns about the time: one small source each."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.session.kinds import KINDS, SCHEDULED
from runner.session.sources import (
    current_time,
    current_time_tz,
    day_counter,
    session_name,
    time_context,
    today_date,
)
from tests.runner.session.asking import NOON, ZONE, ask_for


@pytest.mark.parametrize(
    ("hour", "label"),
    [
        (0, "late night"),
        (5, "late night"),
        (6, "morning"),
        (9, "mid-morning"),
        (12, "early afternoon"),
        (15, "late afternoon"),
        (18, "evening"),
        (21, "night"),
        (23, "night"),
    ],
)
def test_the_hours_have_names(hour: int, label: str) -> None:
    """Each part of the day begins at its hour."""
    assert time_context.part_of_day(hour) == label


async def test_the_time_is_told_in_words(tmp_path: Path) -> None:
    """Date, hour, zone, name and day number are those of the waking; midnight and noon are twelve."""
    ask = ask_for(tmp_path)
    assert await today_date.gather(ask) == "2026-03-02"
    assert await current_time.gather(ask) == "12:05 PM"
    assert await current_time_tz.gather(ask) == "12:05 PM EST"
    assert await session_name.gather(ask) == "noon"
    assert await day_counter.gather(ask) == "Day 47 of this life."
    assert await time_context.gather(ask) == "Early afternoon, 12pm, Monday, March 02, 2026.\nYou are the noon self."
    assert await current_time.gather(ask_for(tmp_path, now=NOON.replace(hour=0))) == "12:05 AM"
    summer = NOON.replace(month=7)
    assert await current_time_tz.gather(ask_for(tmp_path, now=summer)) == "12:05 PM EDT"
    first = datetime(2026, 1, 15, 0, 0, tzinfo=ZONE)
    assert await day_counter.gather(ask_for(tmp_path, now=first)) == "Day 1 of this life."


async def test_what_comes_next_is_taken_from_the_table_of_slots(tmp_path: Path) -> None:
    """At every hour the next of all eight slots is named, late_night too, and tomorrow is said to be tomorrow."""
    named = []
    for hour in range(24):
        told = await time_context.gather(ask_for(tmp_path, "custom", NOON.replace(hour=hour)))
        named.append(told.splitlines()[1].split(" is ")[1].split(",")[0])
    assert set(named) == set(SCHEDULED)
    assert named[:4] == ["late_night", "late_night", "late_night", "morning"]
    late = await time_context.gather(ask_for(tmp_path, "custom", NOON.replace(hour=22)))
    assert late.endswith("is midnight, at 12am tomorrow.")


async def test_only_scheduled_selves_are_told_which_they_are(tmp_path: Path) -> None:
    """Every other type, the opening of a talk among them, learns of the next slot instead."""
    for name in KINDS:
        told = await time_context.gather(ask_for(tmp_path, name))
        assert ("You are the" in told) == (name in SCHEDULED)
        assert ("next self to wake" in told) == (name not in SCHEDULED)


async def test_the_night_the_clock_is_changed_has_its_next_slot(tmp_path: Path) -> None:
    """In the hour that comes twice, and after the one that is skipped, the next slot is still late_night at three."""
    twice = datetime(2026, 11, 1, 1, 30, tzinfo=ZONE, fold=1)
    skipped = datetime(2026, 3, 8, 1, 59, tzinfo=ZONE) + timedelta(seconds=30)
    for moment in (twice, skipped):
        assert "late_night, at 3am." in await time_context.gather(ask_for(tmp_path, "self", moment))
