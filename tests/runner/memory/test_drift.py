"""Drift: exact, because it is counting."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.memory import drift
from runner.memory.corpus import CorpusEntry

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 20, 10, 0, tzinfo=ZONE)


def entry(days_ago: int, text: str) -> CorpusEntry:
    day = NOW.date() - timedelta(days=days_ago)
    return CorpusEntry(day, "thoughts", f"thoughts/{day}-noon.md", text)


def signals(entries: list[CorpusEntry], moods: list[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    return drift.signals(entries, moods or [], now=NOW, day_number=65, dropped=frozenset({"claudie"}))


def test_what_grows_fades_and_turns_is_told() -> None:
    """Words of the week against the four weeks before; names and stop words never; the shape is the format's."""
    old = [entry(7 + n, "snow weather window") for n in range(10)]
    new = [entry(n, "harbor ledger window claudie because") for n in range(5)]
    found = signals(old + new)
    assert list(found) == ["status", "computed_at", "day", "window_days", "vocabulary", "topics", "emotional_arc"]
    assert (found["status"], found["day"], found["window_days"]) == ("ok", 65, 7)
    assert found["computed_at"] == "2026-03-20T14:00:00+00:00"
    assert found["vocabulary"] == {"emerging": ["harbor", "ledger"], "fading": ["snow", "weather"]}
    assert found["topics"] == {"gravitating": ["harbor", "ledger"], "receding": ["snow", "weather"]}


def test_a_word_needs_its_uses_its_days_and_its_ratio() -> None:
    """Three uses on two days at least, and three times as often as before, smoothed."""
    old = [entry(7 + n, "window " * 20 + "steps") for n in range(10)]
    new = [entry(0, "once once once window window"), entry(1, "twice window window"), entry(2, "twice lamp window")]
    new += [entry(3, "lamp lamp window window steps")]
    assert signals(old + new)["vocabulary"]["emerging"] == ["lamp"]
    assert drift.ratio(3, 20, 0, 210) == pytest.approx((3.5 / 21) / (0.5 / 211))


@pytest.mark.parametrize(
    "days", [[], [0, 1, 2, 3, 4, 5, 6, 7, 8], [7, 8, 9, 10, 11, 12, 13], [0, 7, 8, 9], [0, 35, 36, 37, 38, 39, 40]]
)
def test_too_little_writing_is_said(days: list[int]) -> None:
    """Under a week of days, under three in the baseline, or none in the window: nothing is made of it."""
    found = signals([entry(day, "harbor harbor harbor") for day in days])
    assert found["status"] == "insufficient_data"
    assert found["vocabulary"] == {"emerging": [], "fading": []}


def test_the_window_is_seven_days_and_today_is_one() -> None:
    """The baseline is the four weeks before it, and what lies before or in the future has no part."""
    assert drift.first_day(date(2026, 3, 20)) == date(2026, 2, 14)
    today = NOW.date()
    days = [(today - drift.first_day(today)).days, *range(10)]
    whole = signals([entry(day, "harbor harbor harbor") for day in days])
    more = [entry(-1, "anchor anchor anchor"), entry(days[0] + 1, "kettle kettle kettle")]
    assert whole["status"] == "ok"
    assert signals([*(entry(day, "harbor harbor harbor") for day in days), *more]) == whole


def mood(hours_ago: float, valence: float, arousal: float, key: str = "self_report") -> dict[str, Any]:
    at = NOW - timedelta(hours=hours_ago)
    return {"timestamp": at.isoformat(), key: {"valence": valence, "arousal": arousal}}


@pytest.mark.parametrize(
    ("change", "summary"),
    [
        ((0.12, -0.03), "brighter, about as stirred"),
        ((-0.1, 0.1), "darker, more stirred"),
        ((0.0, -0.5), "about as bright, calmer"),
        ((0.09, 0.09), "steady"),
    ],
)
def test_the_arc_compares_the_halves_of_the_week(change: tuple[float, float], summary: str) -> None:
    """Means of both halves, their difference to two places and in words; older and unreadable records don't count."""
    moods = [mood(6 * 24, 0.2, 0.1), mood(5, 0.2 + change[0], 0.1 + change[1], "derived")]
    moods += [mood(9 * 24, -1, -1), {"timestamp": "never"}, {"self_report": 3}]
    arc = drift.arc(moods, now=NOW)
    assert arc == {"valence_delta": change[0], "arousal_delta": change[1], "summary": summary}


def test_half_a_week_has_no_arc() -> None:
    """With nothing in one half there is nothing to compare."""
    assert drift.arc([mood(1, 1, 1)], now=NOW) == {"valence_delta": None, "arousal_delta": None, "summary": ""}
