"""What time it is in the resident's life: the hour in words, and what comes next."""

from datetime import datetime, timedelta

from runner.session.kinds import Header
from runner.session.sources.base import Ask, Source

_PARTS = (
    (6, "late night"),
    (9, "morning"),
    (12, "mid-morning"),
    (15, "early afternoon"),
    (18, "late afternoon"),
    (21, "evening"),
)


def part_of_day(hour: int) -> str:
    return next((name for until, name in _PARTS if hour < until), "night")


def hour_in_words(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}{'am' if moment.hour < 12 else 'pm'}"


async def gather(ask: Ask) -> str:
    now = ask.now
    first = f"{part_of_day(now.hour).capitalize()}, {hour_in_words(now)}, {now:%A, %B %d, %Y}."
    if ask.kind.header is Header.SCHEDULED:
        return f"{first}\nYou are the {ask.kind.name} self."
    coming = ask.schedule.next_slot(now)
    day = "" if coming.at.date() == now.date() else " tomorrow"
    if coming.at.date() > now.date() + timedelta(days=1):
        day = f" on {coming.at:%A}"
    return f"{first}\nThe next self to wake by the clock is {coming.type}, at {hour_in_words(coming.at)}{day}."


SOURCE = Source("time_context", gather, within=1.0)
