"""Every ten days: data/mirror-snapshot.json, and data/mirror-summary.md that says the same in sentences."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from runner.memory import corpus, mirror
from runner.memory.words import dropped_names
from runner.session.hooks.base import HookContext, NotDueError, Verdict
from runner.storage import files, jsonl

FILE, SUMMARY = "mirror-snapshot.json", "mirror-summary.md"
LIMIT = 4 * 1024 * 1024
MOODS = 20_000


async def run(context: HookContext) -> Verdict:
    zone = context.settings.resident.zone
    now = context.ended.astimezone(zone)
    previous = await context.run_sync(lambda: _previous(context))
    if not mirror.due(previous, now.date(), zone):
        raise NotDueError(f"the last mirror is less than {mirror.EVERY} days old")
    entries = await context.run_sync(lambda: corpus.read(context.paths.home, zone=zone, until=now.date()))
    span = mirror.period(previous, entries, now.date())
    sessions = await context.ledger.sessions.ran_by_type(_midnight(span[0], now), _midnight(span[1], now, after=1))
    life = mirror.LifeFigures(
        entries=entries,
        moods=await context.run_sync(lambda: jsonl.tail(context.paths.mood_history, MOODS).items),
        sessions=sessions,
        day_number=(now.date() - context.settings.resident.day_zero).days + 1,
        dropped=dropped_names((context.settings.resident.name, context.settings.resident.owner)),
    )
    return await context.run_sync(
        lambda: _write(context.paths.data, mirror.snapshot(life, span=span, previous=previous, now=now))
    )


def _write(data: Path, made: Mapping[str, Any]) -> Verdict:
    files.make_folder(data, mode=0o750)
    files.write_atomic(data / SUMMARY, mirror.summary(made), mode=0o640)
    # last, because it says that the mirror was made
    files.write_json(data / FILE, made, mode=0o640)
    return Verdict.DONE


def _previous(context: HookContext) -> dict[str, Any] | None:
    try:
        value = files.read_json(context.paths.data / FILE, limit=LIMIT)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _midnight(day: date, now: datetime, *, after: int = 0) -> datetime:
    return datetime.combine(day + timedelta(days=after), time(), now.tzinfo)
