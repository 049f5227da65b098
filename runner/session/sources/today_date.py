"""The date of waking, as file names and frontmatter have it."""

from runner.session.sources.base import Ask, Source


async def gather(ask: Ask) -> str:
    return f"{ask.now:%Y-%m-%d}"


SOURCE = Source("today_date", gather, within=1.0)
