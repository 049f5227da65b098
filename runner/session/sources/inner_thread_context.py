"""The last notes the resident made to itself: inner-thread/thread.jsonl."""

from runner.session.sources.base import Ask, Source, one_line
from runner.storage import jsonl

NOTES = 3
WINDOW = 256 * 1024
BODY_LIMIT = 280
TOTAL_LIMIT = 1_000


async def gather(ask: Ask) -> str:
    records = await ask.run_sync(lambda: jsonl.tail(ask.settings.paths.inner_thread, NOTES, window=WINDOW))
    lines: list[str] = []
    for record in records.items:
        body = one_line(record.get("body") or "", BODY_LIMIT)
        if not body:
            continue
        day, session, kind = (one_line(record.get(name, "?"), 40) for name in ("day", "session", "type"))
        line = f"Day {day} ({session}, {kind}): {body}"
        if sum(map(len, lines)) + len(line) > TOTAL_LIMIT:
            break
        lines.append(line)
    return "\n".join(lines)


SOURCE = Source("inner_thread_context", gather)
