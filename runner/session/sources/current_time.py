"""The time of waking on the home's wall clock."""

from runner.session.sources.base import Ask, Source


async def gather(ask: Ask) -> str:
    return f"{ask.now.hour % 12 or 12}:{ask.now:%M %p}"


SOURCE = Source("current_time", gather, within=1.0)
