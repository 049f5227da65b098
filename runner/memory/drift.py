"""Drift: how the words of the last seven days differ from those of the four weeks before. No vectors and no model."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import attrs

from runner.memory.corpus import CorpusEntry
from runner.memory.words import telling, words_of

WINDOW = 7
BASELINE = 28
LEAST_DAYS = 7
"""Days with writing that it takes to say anything, of which so many lie in the baseline:"""
LEAST_BASELINE = 3
USES, USE_DAYS, RATIO = 3, 2, 3.0
MOST_WORDS, MOST_TOPICS, TOPICS = 10, 3, 40
SHARE = 0.10
STEP = 0.10


@attrs.frozen
class _Window:
    """The words of some days."""

    entries: Sequence[tuple[date, Counter[str]]]
    uses: Counter[str]
    days: Mapping[str, set[date]]
    """The days on which each word was used."""
    holding: Counter[str]
    """How many entries use each word."""

    @classmethod
    def of(cls, entries: Sequence[tuple[date, Counter[str]]]) -> "_Window":
        uses: Counter[str] = Counter()
        holding: Counter[str] = Counter()
        days: dict[str, set[date]] = {}
        for day, words in entries:
            uses.update(words)
            holding.update(words.keys())
            for word in words:
                days.setdefault(word, set()).add(day)
        return cls(entries, uses, days, holding)

    def share(self, token: str) -> float:
        return self.holding[token] / len(self.entries) if self.entries else 0.0


def first_day(today: date) -> date:
    """From when on entries have a part in it: the window ends today, the baseline lies before it."""
    return today - timedelta(days=WINDOW + BASELINE - 1)


def signals(
    entries: Iterable[CorpusEntry],
    moods: Iterable[Mapping[str, Any]],
    *,
    now: datetime,
    day_number: int,
    dropped: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """What data/drift-signals.json holds; `now` in the home's zone."""
    today = now.date()
    start = today - timedelta(days=WINDOW - 1)
    read = [
        (entry.day, Counter(telling(words_of(entry.text), dropped)))
        for entry in entries
        if first_day(today) <= entry.day <= today
    ]
    recent = _Window.of([one for one in read if one[0] >= start])
    before = _Window.of([one for one in read if one[0] < start])
    days, earlier = {day for day, _ in read}, {day for day, _ in before.entries}
    enough = len(days) >= LEAST_DAYS and len(earlier) >= LEAST_BASELINE and bool(recent.entries)
    gravitating, receding = _topics(recent, before) if enough else ([], [])
    return {
        "status": "ok" if enough else "insufficient_data",
        "computed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "day": day_number,
        "window_days": WINDOW,
        "vocabulary": {
            "emerging": _growing(recent, before) if enough else [],
            "fading": _growing(before, recent) if enough else [],
        },
        "topics": {"gravitating": gravitating, "receding": receding},
        "emotional_arc": arc(moods, now=now),
    }


def ratio(w: int, whole: int, b: int, whole_before: int) -> float:
    """How many times more often a word is used than before, smoothed."""
    return ((w + 0.5) / (whole + 1)) / ((b + 0.5) / (whole_before + 1))


def _growing(here: _Window, there: _Window) -> list[str]:
    ranked = []
    total, other = here.uses.total(), there.uses.total()
    for token, uses in here.uses.items():
        if uses < USES or len(here.days[token]) < USE_DAYS:
            continue
        grown = ratio(uses, total, there.uses[token], other)
        if grown >= RATIO:
            ranked.append((-grown * math.sqrt(uses), token))
    return [token for _, token in sorted(ranked)[:MOST_WORDS]]


def _topics(recent: _Window, before: _Window) -> tuple[list[str], list[str]]:
    every = len(recent.entries) + len(before.entries)
    weight = {
        token: (recent.uses[token] + before.uses[token]) * math.log(every / count)
        for token, count in (recent.holding + before.holding).items()
    }
    top = sorted(weight, key=lambda token: (-weight[token], token))[:TOPICS]
    change = {token: round(recent.share(token) - before.share(token), 9) for token in top}
    toward = sorted((token for token in top if change[token] >= SHARE), key=lambda token: (-change[token], token))
    away = sorted((token for token in top if change[token] <= -SHARE), key=lambda token: (change[token], token))
    return toward[:MOST_TOPICS], away[:MOST_TOPICS]


def arc(moods: Iterable[Mapping[str, Any]], *, now: datetime) -> dict[str, Any]:
    """How mood has moved from the window's first half to its second."""
    start = datetime.combine(now.date() - timedelta(days=WINDOW - 1), time(), now.tzinfo)
    middle = start + timedelta(days=WINDOW / 2)
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    for record in moods:
        found = felt(record)
        if found is not None and start <= found[0] <= now:
            (first if found[0] < middle else second).append(found[1:])
    if not first or not second:
        return {"valence_delta": None, "arousal_delta": None, "summary": ""}
    valence, arousal = (
        round(sum(pair[i] for pair in second) / len(second) - sum(pair[i] for pair in first) / len(first), 2) + 0.0
        for i in (0, 1)
    )
    return {"valence_delta": valence, "arousal_delta": arousal, "summary": _summary(valence, arousal)}


def felt(
    record: Mapping[str, Any], names: Sequence[str] = ("self_report", "derived")
) -> tuple[datetime, float, float] | None:
    """When a mood record was made, and the first of the named feelings that it has."""
    feeling = next((value for name in names if isinstance(value := record.get(name), dict)), None)
    try:
        at = datetime.fromisoformat(str(record.get("timestamp")))
        if feeling is None:
            return None
        found = (at if at.tzinfo else at.replace(tzinfo=UTC), float(feeling["valence"]), float(feeling["arousal"]))
    except (ValueError, KeyError, TypeError):
        return None
    return found


def _summary(valence: float, arousal: float) -> str:
    if abs(valence) < STEP and abs(arousal) < STEP:
        return "steady"
    bright = "brighter" if valence >= STEP else "darker" if valence <= -STEP else "about as bright"
    stirred = "more stirred" if arousal >= STEP else "calmer" if arousal <= -STEP else "about as stirred"
    return f"{bright}, {stirred}"
