"""What the previous self left for this one: prompt/prompt.md, for the types that get it."""

from runner.session.sources.base import Ask, Source

LIMIT = 20_000


async def gather(ask: Ask) -> str:
    if not ask.kind.prompt_file:
        return ""
    return (await ask.text_of(ask.settings.paths.prompt_md, LIMIT)).strip()


SOURCE = Source("prompt_file_content", gather)
