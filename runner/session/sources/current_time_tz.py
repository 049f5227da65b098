"""The time of waking with the zone's own abbreviation, which changes with daylight saving."""

from runner.session.sources.base import Ask, Source


async def gather(ask: Ask) -> str:
    return f"{ask.now.hour % 12 or 12}:{ask.now:%M %p %Z}"


SOURCE = Source("current_time_tz", gather, within=1.0)
