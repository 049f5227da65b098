"""The numbers themselves: pure sums over entries and sessions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import attrs

from runner.content import Entry

COUNTED = ("thoughts", "dreams")
"""The kinds of content that are counted."""
TOP_MOODS = 30
NEWEST_DAYS = 60


@attrs.frozen(kw_only=True)
class SessionFigures:
    """What one session that ran used."""

    date: str
    duration_ms: float = 0.0
    turns: int = 0
    cost_usd: float = 0.0
    tokens: int = 0


@attrs.frozen
class DayFigures:
    """What a day brought forth; days without anything are not told."""

    date: str
    thoughts: int
    dreams: int
    sessions: int


@attrs.frozen
class WordCount:
    """How often a mood was named."""

    word: str
    count: int


@attrs.frozen
class Moods:
    """The moods of a day, each once, the newest thought's first."""

    date: str
    moods: tuple[str, ...]


@attrs.frozen
class Trend:
    """A day's sessions."""

    date: str
    avg_duration_ms: float
    avg_turns: float
    total_tokens: int
    session_count: int


@attrs.frozen
class Week:
    """What a week brought forth; it starts on Monday."""

    week_start: str
    thoughts: int
    dreams: int


@attrs.frozen
class TypeCount:
    """How many dreams are of a type."""

    type: str
    count: int


@attrs.frozen(kw_only=True)
class Analytics:
    """The life in numbers."""

    total_thoughts: int
    total_dreams: int
    total_sessions: int
    days_active: int
    avg_duration_ms: float
    avg_turns: float
    avg_cost_usd: float
    total_cost_usd: float
    total_tokens: int
    daily_activity: tuple[DayFigures, ...]
    mood_frequencies: tuple[WordCount, ...]
    mood_timeline: tuple[Moods, ...]
    session_trends: tuple[Trend, ...]
    weekly_output: tuple[Week, ...]
    dream_type_counts: tuple[TypeCount, ...]


def sum_up(thoughts: Sequence[Entry], dreams: Sequence[Entry], sessions: Sequence[SessionFigures]) -> Analytics:
    """Everything at once. Entries come newest first, as their shelves have them."""
    per_day = [Counter(entry.date for entry in thoughts), Counter(entry.date for entry in dreams)]
    per_day.append(Counter(session.date for session in sessions))
    days = sorted(set().union(*per_day))
    cost = sum((session.cost_usd for session in sessions), 0.0)
    types = Counter(str(entry.meta["type"]) for entry in dreams)
    frequencies, timeline = _moods(thoughts)
    return Analytics(
        total_thoughts=len(thoughts),
        total_dreams=len(dreams),
        total_sessions=len(sessions),
        days_active=len(days),
        avg_duration_ms=_average([session.duration_ms for session in sessions]),
        avg_turns=_average([session.turns for session in sessions]),
        avg_cost_usd=cost / len(sessions) if sessions else 0.0,
        total_cost_usd=cost,
        total_tokens=sum(session.tokens for session in sessions),
        daily_activity=tuple(DayFigures(day, *(count[day] for count in per_day)) for day in days),
        mood_frequencies=frequencies,
        mood_timeline=timeline,
        session_trends=_trends(sessions),
        weekly_output=_weeks(thoughts, dreams),
        dream_type_counts=tuple(TypeCount(name, count) for name, count in types.most_common()),
    )


def _moods(thoughts: Sequence[Entry]) -> tuple[tuple[WordCount, ...], tuple[Moods, ...]]:
    counts: Counter[str] = Counter()
    by_day: dict[str, dict[str, None]] = {}
    for entry in thoughts:
        words = [word for part in str(entry.meta.get("mood") or "").split(",") if (word := part.strip().lower())]
        counts.update(words)
        if words:
            by_day.setdefault(entry.date, {}).update(dict.fromkeys(words))
    newest = sorted(by_day, reverse=True)[:NEWEST_DAYS]
    return (
        tuple(WordCount(word, count) for word, count in counts.most_common(TOP_MOODS)),
        tuple(Moods(day, tuple(by_day[day])) for day in newest),
    )


def _trends(sessions: Iterable[SessionFigures]) -> tuple[Trend, ...]:
    by_day: defaultdict[str, list[SessionFigures]] = defaultdict(list)
    for session in sessions:
        by_day[session.date].append(session)
    return tuple(
        Trend(
            day,
            _average([session.duration_ms for session in of_day]),
            _average([session.turns for session in of_day]),
            sum(session.tokens for session in of_day),
            len(of_day),
        )
        for day, of_day in sorted(by_day.items())
    )


def _weeks(thoughts: Iterable[Entry], dreams: Iterable[Entry]) -> tuple[Week, ...]:
    counts = [Counter(_monday(entry.date) for entry in entries) for entries in (thoughts, dreams)]
    return tuple(Week(monday, *(count[monday] for count in counts)) for monday in sorted(set().union(*counts)))


def _monday(day: str) -> str:
    found = date.fromisoformat(day)
    return (found - timedelta(days=found.weekday())).isoformat()


def _average(values: Sequence[float]) -> float:
    return float(sum(values)) / len(values) if values else 0.0
