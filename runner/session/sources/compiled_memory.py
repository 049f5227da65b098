"""The digest of the resident's memory files, as the last session's hook wrote it: data/compiled-memory.md."""

from runner.session.sources.base import Ask, Source

LIMIT = 40_000


async def gather(ask: Ask) -> str:
    return (await ask.text_of(ask.settings.paths.compiled_memory, LIMIT)).strip()


SOURCE = Source("compiled_memory", gather)
