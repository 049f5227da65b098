"""Who the resident is: the anchor that the owner keeps, in memory/identity.md."""

from runner.session.sources.base import Ask, Source

LIMIT = 20_000


async def gather(ask: Ask) -> str:
    return await ask.text_of(ask.settings.paths.identity_md, LIMIT)


SOURCE = Source("identity_content", gather)
