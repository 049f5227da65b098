"""The numbers of the contract's section on analytics, over entries and sessions made here."""

import json

import attrs
import pytest

from runner.analytics import SessionFigures, sum_up
from runner.content import Entry, Stamp, parse_kinds
from runner.content.entry import dump, make_entry
from runner.resources import config_dir

EXAMPLE = """
{"total_thoughts":2,"total_dreams":1,"total_sessions":1,"days_active":3,"avg_duration_ms":1000.0,"avg_turns":4.0,
 "avg_cost_usd":0.25,"total_cost_usd":0.25,"total_tokens":20,
 "daily_activity":[{"date":"2026-01-15","thoughts":2,"dreams":0,"sessions":0},
                   {"date":"2026-01-16","thoughts":0,"dreams":0,"sessions":1},
                   {"date":"2026-01-17","thoughts":0,"dreams":1,"sessions":0}],
 "mood_frequencies":[{"word":"held","count":2},{"word":"soft","count":1}],
 "mood_timeline":[{"date":"2026-01-15","moods":["held","soft"]}],
 "session_trends":[{"date":"2026-01-16","avg_duration_ms":1000.0,"avg_turns":4.0,"total_tokens":20,"session_count":1}],
 "weekly_output":[{"week_start":"2026-01-12","thoughts":2,"dreams":1}],"dream_type_counts":[{"type":"ascii","count":1}]}
"""


def entry(kind: str, **keys: str) -> Entry:
    lines = "\n".join(f"{name}: {value}" for name, value in {"title": "T", **keys}.items())
    found = parse_kinds((config_dir() / "content.toml").read_text()).get(kind)
    assert found is not None
    return make_entry(found, "a", Stamp(0, 0, 0, 0), f"---\n{lines}\n---\n".encode())


def thought(day: str, mood: str = "") -> Entry:
    return entry("thoughts", date=day, mood=f"'{mood}'")


def dream(day: str, kind: str = "prose") -> Entry:
    return entry("dreams", date=day, type=kind)


def test_the_contracts_example() -> None:
    """Every field of the example, from the entries and the session that make it."""
    found = sum_up(
        [thought("2026-01-15", " Held ,"), thought("2026-01-15", "soft, held")],
        [dream("2026-01-17", "ascii")],
        [SessionFigures(date="2026-01-16", duration_ms=1000, turns=4, cost_usd=0.25, tokens=20)],
    )
    assert json.loads(dump(attrs.asdict(found))) == json.loads(EXAMPLE)


def test_nothing_is_zeros() -> None:
    """An empty home divides by nothing."""
    found = sum_up([], [], [])
    assert (found.avg_cost_usd, found.avg_turns, found.days_active, found.daily_activity) == (0.0, 0.0, 0, ())
    assert all(isinstance(number, float) for number in (found.avg_turns, found.total_cost_usd, found.avg_cost_usd))


def test_orders_and_limits() -> None:
    """Days and weeks ascend, moods descend from the newest 60 days, the 30 commonest words from the commonest."""
    days = [f"2026-{month:02}-{day:02}" for month in (3, 2, 1) for day in range(28, 0, -1)]
    thoughts = [thought(day, f"w{number % 40}, same") for number, day in enumerate(days)]
    found = sum_up(thoughts, [dream("2026-01-01", "poetry"), dream("2026-01-01"), dream("2026-01-01")], [])
    assert [one.date for one in found.daily_activity] == sorted(days)
    assert [one.date for one in found.mood_timeline] == days[:60]
    counts = [one.count for one in found.mood_frequencies]
    assert (found.mood_frequencies[0].word, len(counts), counts) == ("same", 30, sorted(counts, reverse=True))
    weeks = [one.week_start for one in found.weekly_output]
    assert (weeks, weeks[0]) == (sorted(weeks), "2025-12-29")
    assert [(one.type, one.count) for one in found.dream_type_counts] == [("prose", 2), ("poetry", 1)]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar(day: str) -> None:
    """Any day a calendar has is counted."""
    assert sum_up([thought(day)], [], []).weekly_output[0].thoughts == 1


def test_averages_are_per_session() -> None:
    """Means are over all sessions, trends over a day's."""
    sessions = [
        SessionFigures(date="2026-01-02", duration_ms=3000, turns=3, tokens=1),
        SessionFigures(date="2026-01-01", duration_ms=1000, turns=2, tokens=2),
        SessionFigures(date="2026-01-02", duration_ms=2000, turns=2, tokens=4),
    ]
    found = sum_up([], [], sessions)
    assert (found.avg_duration_ms, found.total_tokens) == (2000.0, 7)
    assert [(one.date, one.avg_duration_ms, one.avg_turns, one.session_count) for one in found.session_trends] == [
        ("2026-01-01", 1000.0, 2.0, 1),
        ("2026-01-02", 2500.0, 2.5, 2),
    ]
