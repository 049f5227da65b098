"""Mirror: due when it should be, and the same life always the same picture."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner.memory import mirror
from runner.memory.corpus import CorpusEntry

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 20, 10, 0, tzinfo=ZONE)
TODAY = NOW.date()


def entry(days_ago: int, kind: str, text: str) -> CorpusEntry:
    return CorpusEntry(TODAY - timedelta(days=days_ago), kind, f"{kind}/{days_ago}.md", text)


def taken(entries: list[CorpusEntry], previous: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    life = mirror.LifeFigures(entries=entries, **{"moods": [], "sessions": {}, "day_number": 65, **changes})
    span = mirror.period(previous, entries, TODAY)
    return mirror.snapshot(life, span=span, previous=previous, now=NOW)


@pytest.mark.parametrize(
    ("previous", "due"),
    [
        (None, True),
        ({}, True),
        ({"computed_at": "soon"}, True),
        ({"computed_at": "2026-03-10T12:00:00+00:00"}, True),
        ({"computed_at": "2026-03-11T03:00:00+00:00"}, True),
        ({"computed_at": "2026-03-11T05:00:00+00:00"}, False),
        ({"computed_at": "2026-03-20T05:00:00+00:00"}, False),
    ],
)
def test_due_every_ten_days_of_the_home(previous: dict[str, Any] | None, due: bool) -> None:
    """By the calendar of the home, not by hours; what can't be read was never taken."""
    assert mirror.due(previous, TODAY, ZONE) is due


def test_each_mirror_goes_on_where_the_last_one_ended() -> None:
    """The first looks back to the beginning; one that had too little leaves its days to the next."""
    entries = [entry(40, "thoughts", "x"), entry(3, "thoughts", "x")]
    old = {"status": "ok", "period": {"from": "2026-03-01", "to": "2026-03-10"}}
    assert mirror.period(None, entries, TODAY) == (TODAY - timedelta(days=40), TODAY)
    assert mirror.period(old, entries, TODAY) == (date(2026, 3, 11), TODAY)
    assert mirror.period({**old, "status": "insufficient_data"}, entries, TODAY)[0] == date(2026, 3, 1)
    assert mirror.period({"period": {"to": "x"}, "status": "ok"}, [], TODAY) == (TODAY, TODAY)


def test_the_numbers_and_the_words_of_a_period() -> None:
    """Counts by type, words a day, moods, and the words that set these days apart; in the format's order."""
    old = [entry(30, "essays", "window lamp") for _ in range(4)]
    new = [entry(n, "thoughts" if n else "dreams", "harbor harbor window") for n in range(5)]
    previous = {
        "status": "ok",
        "computed_at": "2026-03-05T12:00:00+00:00",
        "period": {"from": "2026-02-20", "to": "2026-03-10"},
        "rhythm": {"words_per_day": 2.0},
        "mood": {"mean_valence": 0.1, "mean_arousal": None},
    }
    moods = [
        {
            "timestamp": "2026-03-15T12:00:00+00:00",
            "blended": {"valence": 0.5, "arousal": -0.25},
            "mood_words": ["calm"],
        },
        {"timestamp": "2026-03-01T12:00:00+00:00", "blended": {"valence": -1, "arousal": -1}, "mood_words": ["old"]},
    ]
    made = taken(old + new, previous, moods=moods, sessions={"noon": 3, "dusk": 1})
    assert made == {
        "status": "ok",
        "computed_at": "2026-03-20T14:00:00+00:00",
        "day": 65,
        "period": {"from": "2026-03-11", "to": "2026-03-20", "days": 10},
        "counts": {"thoughts": 4, "dreams": 1, "essays": 0, "letters": 0, "scores": 0, "words": 15},
        "rhythm": {"sessions_by_type": {"dusk": 1, "noon": 3}, "words_per_day": 1.5},
        "mood": {"mean_valence": 0.5, "mean_arousal": -0.25, "top_words": ["calm"]},
        "vocabulary": {"distinctive": ["harbor", "window"], "new": ["harbor"]},
        "threads": [],
        "compared_to_previous": {"words_per_day": -0.5, "mean_valence": 0.4, "mean_arousal": None},
    }
    text = mirror.summary(made)
    assert text.startswith(
        "# Mirror, day 65\n\nFrom 2026-03-11 to 2026-03-20 (10 days) you wrote 4 thoughts and 1 dream:"
    )
    assert "You were awake 4 times, most often for noon and dusk." in text
    assert "0.5 words a day fewer" in text


def test_under_five_entries_say_so() -> None:
    """Too little writing is named, and no words are drawn from it."""
    made = taken([entry(n, "thoughts", "harbor harbor harbor") for n in range(4)])
    assert made["status"] == "insufficient_data"
    assert made["vocabulary"] == {"distinctive": [], "new": []}
    assert "too little" in mirror.summary(made)


def test_the_summary_is_short_whatever_the_words() -> None:
    """Twelve hundred characters at the most, ending with a whole sentence."""
    words = [("w" + "abcdefgh"[n] * 150 + " ") * 3 for n in range(8)]
    made = taken([entry(n, "thoughts", " ".join(words)) for n in range(6)])
    text = mirror.summary(made)
    assert len(text) <= mirror.LONGEST
    assert text.endswith(".\n")
