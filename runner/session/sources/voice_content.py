"""How the resident wants to sound: its own voice.md."""

from runner.session.sources.base import Ask, Source

LIMIT = 20_000


async def gather(ask: Ask) -> str:
    return await ask.text_of(ask.settings.paths.voice_md, LIMIT)


SOURCE = Source("voice_content", gather)
