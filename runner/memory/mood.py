"""Mood from words: what the resident says of itself, else what its words carry, blended with what was before."""

import json
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from runner.content import frontmatter
from runner.content.values import Value
from runner.schedule import SLOT_TYPES
from runner.storage import files

Lexicon: TypeAlias = Mapping[str, tuple[float, float]]
"""Word to valence and arousal, each in [-1, 1]."""

WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(SLOT_TYPES, 1.0),
    "self": 0.9,
    "custom": 0.7,
    "telegram": 0.4,
    "correspondence": 0.4,
    "visit": 0.3,
}
OTHER_WEIGHT = 0.5
LONG, SHORT = 3000, 200
HALFWAY = 0.7
"""What is left of a mood after three hours."""
_EDGES = string.punctuation + "\u2018\u2019\u201c\u201d\u2026\u2014\u2013\u00ab\u00bb"


@attrs.frozen
class Feeling:
    """A point between sad and happy, still and stirred."""

    valence: float
    arousal: float

    def as_json(self) -> dict[str, float]:
        return {"valence": self.valence, "arousal": self.arousal}


@attrs.frozen
class MoodSource:
    """The text of one session: its thought or its answer."""

    body: str
    words: tuple[str, ...] = ()
    """How the resident names its mood itself."""


def read_lexicon(path: Path) -> Lexicon:
    """The table of words. Blocking."""
    return {word: (float(pair[0]), float(pair[1])) for word, pair in files.read_json(path).items()}


def source_of(content: bytes) -> MoodSource:
    """A thought: its text, and the words of its `mood`, which may be a text with commas or a list."""
    page = frontmatter.parse(content, frontmatter.USUAL | {"mood"})
    return MoodSource(page.body, tuple(_mood_words(page.keys.get("mood"))))


def record(
    source: MoodSource,
    *,
    lexicon: Lexicon,
    kind: str,
    began: datetime,
    ended: datetime,
    previous: Mapping[str, Any] | None,
    max_weight: float = 1.0,
) -> dict[str, Any]:
    """The mood record of a session; `began` gives the home's date, `ended` the instant."""
    own = [lexicon[word] for word in source.words if word in lexicon]
    tokens = source.body.lower().split()
    felt = [lexicon[word] for token in tokens if (word := token.strip(_EDGES)) in lexicon]
    self_report = _mean(own) if own else None
    derived = _mean(felt) if felt else Feeling(0.0, 0.0)
    primary = self_report or derived
    weight = weight_of(kind, len(tokens), max_weight)
    residual = residual_of(previous, ended)
    blended = primary
    if residual is not None:
        blended = Feeling(
            _two(residual.valence * (1 - weight) + primary.valence * weight),
            _two(residual.arousal * (1 - weight) + primary.arousal * weight),
        )
    left = None
    if residual is not None and previous is not None:
        left = {
            "valence": _two(residual.valence),
            "arousal": _two(residual.arousal),
            "from": str(previous.get("session_type", "")),
        }
    return {
        "session": f"{began.date().isoformat()}-{kind}",
        "session_type": kind,
        "timestamp": ended.astimezone(UTC).isoformat(timespec="seconds"),
        "mood_words": list(source.words),
        "self_report": self_report.as_json() if self_report else None,
        "derived": derived.as_json(),
        "blended": blended.as_json(),
        "weight": weight,
        "journal_length": len(tokens),
        "previous_residual": left,
    }


def line_of(made: Mapping[str, Any]) -> bytes:
    """A record as it stands in both files."""
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def weight_of(kind: str, words: int, most: float) -> float:
    """How much a session counts against what was before."""
    weight = WEIGHTS.get(kind, OTHER_WEIGHT)
    if words > LONG:
        weight = min(1.0, weight + 0.2)
    elif words < SHORT:
        weight = max(0.1, weight - 0.2)
    return _two(min(weight, most))


def residual_of(previous: Mapping[str, Any] | None, now: datetime) -> Feeling | None:
    """What is left of an earlier record now; None when there is none that can be read."""
    if previous is None:
        return None
    feeling = _feeling(previous.get("blended")) or _feeling(previous.get("self_report"))
    try:
        then = datetime.fromisoformat(str(previous.get("timestamp")))
    except ValueError:
        return None
    if feeling is None:
        return None
    then = then if then.tzinfo is not None else then.replace(tzinfo=UTC)
    hours = max(0.0, (now - then).total_seconds() / 3600)  # the clock may have been set back
    left = HALFWAY ** (hours / 3)
    return Feeling(feeling.valence * left, feeling.arousal * left)


def _feeling(value: object) -> Feeling | None:
    if not isinstance(value, dict):
        return None
    pair = (value.get("valence"), value.get("arousal"))
    if not all(isinstance(number, int | float) and abs(number) <= 1 for number in pair):
        return None
    return Feeling(float(pair[0] or 0), float(pair[1] or 0))


def _mean(pairs: list[tuple[float, float]]) -> Feeling:
    return Feeling(
        _two(sum(valence for valence, _ in pairs) / len(pairs)), _two(sum(arousal for _, arousal in pairs) / len(pairs))
    )


def _two(number: float) -> float:
    return round(number, 2) + 0.0  # no negative zero


def _mood_words(said: Value) -> list[str]:
    parts = said.split(",") if isinstance(said, str) else said or ()
    return [word for part in parts if (word := " ".join(part.lower().split()))][:50]
