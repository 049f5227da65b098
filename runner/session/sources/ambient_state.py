"""The mood the last session left, as far as it has not faded: data/mood-state.json."""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from runner.session.kinds import SCHEDULED
from runner.session.sources.base import Ask, MissingError, Source, instant, one_line

FADES = 0.7
PER_HOURS = 3.0
"""What is felt is multiplied by FADES every so many hours: half of it is left after 5.83."""
_WHO = {
    "telegram": "the self that answered on Telegram",
    "self": "the self that had asked to be woken",
    "visit": "the self that met a visitor",
    "correspondence": "the self that answered letters",
    "custom": "the self that was asked for",
}


def residual(value: float, hours: float) -> float:
    """What is left of a value after so many hours."""
    left: float = FADES ** (max(0.0, hours) / PER_HOURS)
    return round(value * left, 2)


def shown(value: float) -> str:
    return f"{value + 0.0:+.2f}"


def _number(state: Mapping[str, Any], name: str) -> float:
    blended = state.get("blended") or state.get("self_report")
    value = blended.get(name) if isinstance(blended, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise MissingError(f"mood-state.json has no blended {name}")
    return float(value)


async def gather(ask: Ask) -> str:
    state = await ask.json_of(ask.settings.paths.mood_state)
    if not isinstance(state, dict):
        raise MissingError("mood-state.json is no object")
    written = instant(state.get("timestamp"))
    valence, arousal = _number(state, "valence"), _number(state, "arousal")
    hours = max(0.0, (ask.now.astimezone(UTC) - written).total_seconds() / 3600)
    kind = str(state.get("session_type", ""))
    who = f"the {kind} self" if kind in SCHEDULED else _WHO.get(kind, "an earlier self")
    local = written.astimezone(ask.settings.resident.zone)
    words = state.get("mood_words")
    named = ", ".join(one_line(word, 40) for word in words[:12]) if isinstance(words, list) and words else "(no words)"
    lines = [
        f"Left by {who}, {round(hours, 1):g} hours ago, at {local.hour % 12 or 12}:{local:%M %p}.",
        f"Then: {named}; valence {shown(valence)}, arousal {shown(arousal)}.",
        f"Still there: valence {shown(residual(valence, hours))}, arousal {shown(residual(arousal, hours))}.",
    ]
    length = state.get("journal_length")
    if isinstance(length, int):
        lines.append(f"That journal had {length:,} words.")
    return "\n".join([*lines, "This is where you come from, not how you have to be."])


SOURCE = Source("ambient_state", gather)
