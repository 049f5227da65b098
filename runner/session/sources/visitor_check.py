"""One line about visitors' letters. The letters themselves stand in the user prompt, each in its own borders."""

from runner.session.sources import visitors
from runner.session.sources.base import Ask, Source


async def gather(ask: Ask) -> str:
    if not ask.kind.shows_visitors:
        return ""
    waiting = await visitors.waiting(ask)
    if not waiting and not waiting.more:
        return ""
    count = len(waiting.shown)
    words = f"Visitors left {count} letter{'s' if count != 1 else ''} that you have not seen; they stand further on."
    return f"{words} {waiting.more} more will be shown another time." if waiting.more else words


SOURCE = Source("visitor_check", gather)
