"""Writes data/drift-signals.json: how the resident's words have been moving."""

from runner.memory import corpus, drift
from runner.memory.words import dropped_names
from runner.session.hooks.base import HookContext, Verdict
from runner.storage import files, jsonl

FILE = "drift-signals.json"
MOODS = 600
"""Mood records that are looked at, from the end; a week has a hundred at the most."""


async def run(context: HookContext) -> Verdict:
    return await context.run_sync(lambda: _write(context))


def _write(context: HookContext) -> Verdict:
    paths, resident = context.paths, context.settings.resident
    now = context.ended.astimezone(resident.zone)
    today = now.date()
    made = drift.signals(
        corpus.read(paths.home, zone=resident.zone, since=drift.first_day(today), until=today),
        jsonl.tail(paths.mood_history, MOODS).items,
        now=now,
        day_number=(today - resident.day_zero).days + 1,
        dropped=dropped_names((resident.name, resident.owner)),
    )
    files.make_folder(paths.data, mode=0o750)
    files.write_json(paths.data / FILE, made, mode=0o640)
    return Verdict.DONE
