"""The owner's notes about the home, in its CLAUDE.md: told here, so that every backend knows them alike."""

from runner.session.sources.base import Ask, Source

LIMIT = 20_000


async def gather(ask: Ask) -> str:
    return await ask.text_of(ask.settings.paths.claude_md, LIMIT)


SOURCE = Source("house_notes", gather)
