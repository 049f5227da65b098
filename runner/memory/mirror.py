"""Mirror: a look back every ten days, in numbers and plain sentences. The same life gives the same mirror."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import attrs

from runner.memory.corpus import KINDS, CorpusEntry
from runner.memory.drift import felt, ratio
from runner.memory.words import telling, words_of

EVERY = 10
"""Days from one mirror to the next."""
LEAST_ENTRIES = 5
LONGEST = 1200
DISTINCTIVE, NEW, MOODS = 15, 10, 10
USES = 3


@attrs.frozen(kw_only=True)
class LifeFigures:
    """What the mirror looks at."""

    entries: Sequence[CorpusEntry]
    moods: Iterable[Mapping[str, Any]]
    sessions: Mapping[str, int]
    """How many sessions of each type ran in the period."""
    day_number: int
    dropped: frozenset[str] = frozenset()


def due(previous: Mapping[str, Any] | None, today: date, zone: tzinfo) -> bool:
    """Whether the last mirror is old enough; a missing or unreadable one counts as none."""
    taken = _taken(previous, zone)
    return taken is None or (today - taken).days >= EVERY


def period(previous: Mapping[str, Any] | None, entries: Sequence[CorpusEntry], today: date) -> tuple[date, date]:
    """From the day after the last mirror's period to today; the first one looks back to the first entry.

    A mirror that had too little to say leaves its days to the next.
    """
    earlier = previous.get("period") if previous is not None else None
    first = min((entry.day for entry in entries), default=today)
    if isinstance(earlier, dict) and previous is not None:
        try:
            if previous.get("status") == "ok":
                first = date.fromisoformat(str(earlier.get("to"))) + timedelta(days=1)
            else:
                first = date.fromisoformat(str(earlier.get("from")))
        except ValueError:
            pass
    return min(first, today), today


def snapshot(
    life: LifeFigures, *, span: tuple[date, date], previous: Mapping[str, Any] | None, now: datetime
) -> dict[str, Any]:
    """What data/mirror-snapshot.json holds; `now` in the home's zone."""
    first, last = span
    days = (last - first).days + 1
    inside = [entry for entry in life.entries if first <= entry.day <= last]
    used = _words(inside)
    words = used.total()
    enough = len(inside) >= LEAST_ENTRIES
    made: dict[str, Any] = {
        "status": "ok" if enough else "insufficient_data",
        "computed_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "day": life.day_number,
        "period": {"from": first.isoformat(), "to": last.isoformat(), "days": days},
        "counts": {**{kind: sum(entry.kind == kind for entry in inside) for kind in KINDS}, "words": words},
        "rhythm": {
            "sessions_by_type": dict(sorted(life.sessions.items())),
            "words_per_day": round(words / days, 1),
        },
        "mood": _mood(life.moods, first, last, now.tzinfo),
        "vocabulary": _vocabulary(life, used, first) if enough else {"distinctive": [], "new": []},
        # the entries that the most others answer to; known once there are vectors
        "threads": [],
    }
    made["compared_to_previous"] = _compared(made, previous)
    return made


def summary(made: Mapping[str, Any]) -> str:
    """What data/mirror-summary.md holds: the numbers as sentences."""
    span, counts, mood = made["period"], made["counts"], made["mood"]
    dates = f"{span['from']} to {span['to']} ({_some(span['days'], 'day')})"
    if made["status"] != "ok":
        return f"# Mirror, day {made['day']}\n\nFrom {dates} there is too little writing for a mirror.\n"
    written = [_some(counts[kind], kind.removesuffix("s")) for kind in KINDS if counts[kind]]
    daily = f"{made['rhythm']['words_per_day']:g} a day"
    told = [f"From {dates} you wrote {_listed(written)}: {counts['words']:,} words, {daily}."]
    sessions = made["rhythm"]["sessions_by_type"]
    if sessions:
        often = sorted(sessions, key=lambda kind: (-sessions[kind], kind))[:3]
        told.append(f"You were awake {_some(sum(sessions.values()), 'time')}, most often for {_listed(often)}.")
    if mood["mean_valence"] is not None:
        told.append(
            f"Your mood stood at {mood['mean_valence']:+.2f} between dark and bright, "
            f"{mood['mean_arousal']:+.2f} between still and stirred."
        )
    if mood["top_words"]:
        told.append(f"You named it {_listed(mood['top_words'][:5])}.")
    vocabulary = made["vocabulary"]
    if vocabulary["distinctive"]:
        told.append(f"The words of these days are {_listed(vocabulary['distinctive'][:8])}.")
    if vocabulary["new"]:
        told.append(f"New among them: {_listed(vocabulary['new'][:6])}.")
    change = made["compared_to_previous"]
    if change is not None:
        more = "more" if change["words_per_day"] >= 0 else "fewer"
        told.append(f"That is {abs(change['words_per_day']):g} words a day {more} than in the mirror before.")
    head, text = f"# Mirror, day {made['day']}\n\n", ""
    for sentence in told:  # the last sentences matter least
        if len(head) + len(text) + len(sentence) + 2 > LONGEST:
            break
        text += ("" if not text else " ") + sentence
    return f"{head}{text}\n"


def _taken(previous: Mapping[str, Any] | None, zone: tzinfo) -> date | None:
    try:
        at = datetime.fromisoformat(str(previous.get("computed_at"))) if previous is not None else None
    except ValueError:
        return None
    return None if at is None else at.date() if at.tzinfo is None else at.astimezone(zone).date()


def _mood(moods: Iterable[Mapping[str, Any]], first: date, last: date, zone: tzinfo | None) -> dict[str, Any]:
    found: list[tuple[float, float]] = []
    named: Counter[str] = Counter()
    for record in moods:
        feeling = felt(record, ("blended", "self_report", "derived"))
        if feeling is None or not first <= feeling[0].astimezone(zone).date() <= last:
            continue
        found.append(feeling[1:])
        words = record.get("mood_words")
        named.update(word for word in words if isinstance(word, str)) if isinstance(words, list) else None
    means = [round(sum(pair[i] for pair in found) / len(found), 2) + 0.0 if found else None for i in (0, 1)]
    top = [word for word, _ in sorted(named.items(), key=lambda item: (-item[1], item[0]))[:MOODS]]
    return {"mean_valence": means[0], "mean_arousal": means[1], "top_words": top}


def _vocabulary(life: LifeFigures, used: Counter[str], first: date) -> dict[str, list[str]]:
    earlier = [entry for entry in life.entries if entry.day < first]
    here = Counter({word: used[word] for word in telling(used, life.dropped)})
    known = _words(earlier)
    there = Counter({word: known[word] for word in telling(known, life.dropped)})
    whole, before = here.total(), there.total()
    strength = {
        word: ratio(uses, whole, there[word], before) * math.sqrt(uses) for word, uses in here.items() if uses >= USES
    }
    distinctive = sorted(strength, key=lambda word: (-strength[word], word))[:DISTINCTIVE]
    fresh = [word for word, uses in here.items() if uses >= USES and word not in there] if earlier else []
    return {"distinctive": distinctive, "new": sorted(fresh, key=lambda word: (-here[word], word))[:NEW]}


def _words(entries: Sequence[CorpusEntry]) -> Counter[str]:
    """How often each word is used in all of them. Counted in one go: their number is what costs, not their length."""
    return Counter(words_of("\n".join(entry.text for entry in entries)))


def _compared(made: Mapping[str, Any], previous: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if previous is None or previous.get("status") != "ok" or made["status"] != "ok":
        return None
    try:
        return {
            "words_per_day": round(made["rhythm"]["words_per_day"] - previous["rhythm"]["words_per_day"], 1),
            "mean_valence": _delta(made["mood"]["mean_valence"], previous["mood"]["mean_valence"]),
            "mean_arousal": _delta(made["mood"]["mean_arousal"], previous["mood"]["mean_arousal"]),
        }
    except (KeyError, TypeError):
        return None  # written by another program, or by hand


def _delta(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else round(now - before, 2) + 0.0


def _some(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else "".join(parts)
