"""Where the resident's writing has been moving lately: data/drift-signals.json."""

from typing import Any

from runner.session.sources.base import Ask, MissingError, Source, one_line

WORDS = 5
FILE = "drift-signals.json"
YOUNG = "It takes a week of writing and more before a drift can be seen."


def _listed(signals: dict[str, Any], part: str, name: str, most: int | None = None) -> str:
    inner = signals.get(part)
    values = inner.get(name) if isinstance(inner, dict) else None
    return ", ".join(one_line(value, 40) for value in values[:most]) if isinstance(values, list) else ""


async def gather(ask: Ask) -> str:
    signals = await ask.json_of(ask.settings.paths.data / FILE)
    if not isinstance(signals, dict):
        raise MissingError(f"{FILE} is no object")
    if signals.get("status") == "insufficient_data":
        return YOUNG
    arc = signals.get("emotional_arc")
    told = (
        ("Turning towards", _listed(signals, "topics", "gravitating")),
        ("Turning away from", _listed(signals, "topics", "receding")),
        ("New in your language", _listed(signals, "vocabulary", "emerging", WORDS)),
        ("In feeling", one_line(arc.get("summary") or "") if isinstance(arc, dict) else ""),
    )
    return "\n".join(f"{name}: {value}" for name, value in told if value)


SOURCE = Source("drift_context", gather)
