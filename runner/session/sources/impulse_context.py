"""Impulses that wait: how many, and the strongest of them; data/impulses.json."""

from datetime import UTC, datetime
from typing import Any

from runner.session.sources.base import Ask, MissingError, Source, instant, one_line

FILE = "impulses.json"
BODY_LIMIT = 280
_URGENCY = {"high": 3, "medium": 2, "low": 1}


def _pending(impulses: list[Any], now: datetime) -> list[tuple[int, datetime, dict[str, Any]]]:
    """Those that have not expired, as (urgency, made at, itself); what can't be read is left out."""
    found: list[tuple[int, datetime, dict[str, Any]]] = []
    for impulse in impulses:
        if not isinstance(impulse, dict):
            continue
        try:
            made, ends = instant(impulse.get("created_at")), instant(impulse.get("expires_at"))
        except MissingError:
            continue
        if ends > now:
            found.append((_URGENCY.get(str(impulse.get("urgency")), 0), made, impulse))
    return sorted(found, key=lambda one: (-one[0], one[1]))


async def gather(ask: Ask) -> str:
    impulses = await ask.json_of(ask.settings.paths.data / FILE)
    if not isinstance(impulses, list):
        raise MissingError(f"{FILE} is no list")
    pending = _pending(impulses, ask.now.astimezone(UTC))
    if not pending:
        return "0 pending."
    _, made, strongest = pending[0]
    days = (ask.now.astimezone(UTC) - made).days
    age = f"{days}d ago" if days > 0 else "today"
    urgency = one_line(strongest.get("urgency", "low"), 10)
    return (
        f"{len(pending)} pending; the strongest: {one_line(strongest.get('body', ''), BODY_LIMIT)} ({urgency}, {age})"
    )


SOURCE = Source("impulse_context", gather)
