"""The newest thought, whole: what the resident wrote last."""

from runner.session.sources.base import Ask, Source, entries

LIMIT = 20_000


async def gather(ask: Ask) -> str:
    folder = ask.settings.paths.thoughts
    found = await ask.run_sync(lambda: entries(folder, suffix=".md"))
    if not found:
        return "(no thought has been written yet)"
    return f"{found[0].name}\n\n{await ask.text_of(folder / found[0].name, LIMIT)}"


SOURCE = Source("recent_thought", gather, fallback="(the newest thought can't be read)")
