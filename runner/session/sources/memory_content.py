"""What the resident chose to keep in mind: memory/memory.md."""

from runner.session.sources.base import Ask, Source

LIMIT = 60_000


async def gather(ask: Ask) -> str:
    return await ask.text_of(ask.settings.paths.memory_md, LIMIT)


SOURCE = Source("memory_content", gather, fallback="(memory/memory.md is empty or can't be read)")
