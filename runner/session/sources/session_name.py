"""Which session this is."""

from runner.session.sources.base import Ask, Source


async def gather(ask: Ask) -> str:
    return ask.kind.name


SOURCE = Source("session_name", gather, within=1.0)
