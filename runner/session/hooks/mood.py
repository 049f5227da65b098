"""Mood of the session: from the thought it wrote, else from what it answered; nothing without either."""

from pathlib import Path
from typing import Any

from runner.memory import mood
from runner.resources import config_dir
from runner.session.hooks.base import HookContext, NotDueError, Verdict
from runner.storage import files, jsonl

LIMIT = 1024 * 1024


async def run(context: HookContext) -> Verdict:
    return await context.run_sync(lambda: _write(context))


def _write(context: HookContext) -> Verdict:
    paths, zone = context.paths, context.settings.resident.zone
    source = _source(context)
    if source is None:
        raise NotDueError("this session wrote no thought and answered nobody")
    previous = _previous(paths.mood_state)
    made = mood.record(
        source,
        lexicon=mood.read_lexicon(config_dir() / "mood-lexicon.json"),
        kind=context.kind.name,
        began=context.began.astimezone(zone),
        ended=context.ended,
        previous=previous,
        max_weight=context.settings.memory.mood_max_weight,
    )
    if previous is not None and _same(previous, made):
        return Verdict.DONE  # an earlier run of this hook came to its end
    line = mood.line_of(made)
    files.make_folder(paths.data, mode=0o750)
    if not any(_same(record, made) for record in jsonl.tail(paths.mood_history, 5).items):
        jsonl.append_line(paths.mood_history, line, sync=True, mode=0o640)
    files.write_atomic(paths.mood_state, line + b"\n", mode=0o640)
    return Verdict.DONE


def _source(context: HookContext) -> mood.MoodSource | None:
    thought = _newest_thought(context)
    if thought is not None:
        return mood.source_of(files.read_bytes(thought, limit=LIMIT))
    if context.kind.saves and context.message and context.reply:
        return mood.MoodSource(context.reply)
    return None


def _newest_thought(context: HookContext) -> Path | None:
    """The newest thought of these days that came or changed during the session; older ones have had their mood."""
    before = context.before.content()
    days = {moment.date().isoformat() for moment in (context.began, context.ended)}
    found: list[tuple[int, Path]] = []
    for path in context.paths.thoughts.glob("*.md"):
        if path.name[:10] not in days or path.name[10:11] != "-" or path.is_symlink():
            continue
        written = path.stat().st_mtime_ns
        if before is None:
            mine = written >= context.began.timestamp() * 1e9
        else:
            mine = before.get(f"thoughts/{path.name}") != written
        if mine:
            found.append((written, path))
    return max(found)[1] if found else None


def _previous(path: Path) -> dict[str, Any] | None:
    try:
        value = files.read_json(path, limit=LIMIT)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(key) == other[key] for key in ("session", "timestamp"))
