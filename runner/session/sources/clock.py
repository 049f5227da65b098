"""What time it is in the resident's life: the hour in words, the day's number, and what comes next."""

from datetime import datetime, timedelta

from runner.session.kinds import Header
from runner.session.sources.base import Ask, Source

_PARTS = ((6, "late night"), (9, "morning"), (12, "mid-morning"), (15, "early afternoon"), (18, "late afternoon"))


def part_of_day(hour: int) -> str:
    for until, name in (*_PARTS, (21, "evening")):
        if hour < until:
            return name
    return "night"


def hour_in_words(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}{'am' if moment.hour < 12 else 'pm'}"


def day_number(moment: datetime, ask: Ask) -> int:
    return (moment.date() - ask.settings.resident.day_zero).days + 1


async def gather(ask: Ask) -> str:
    now = ask.now
    lines = [
        f"{part_of_day(now.hour).capitalize()}, {hour_in_words(now)}, {now:%A, %B %d, %Y}.",
        f"Day {day_number(now, ask)} of this life.",
    ]
    if ask.kind.header is Header.SCHEDULED:
        lines.append(f"You are the {ask.kind.name} self.")
    else:
        coming = ask.schedule.next_slot(now)
        day = "" if coming.at.date() == now.date() else " tomorrow"
        if coming.at.date() > now.date() + timedelta(days=1):
            day = f" on {coming.at:%A}"
        lines.append(f"The next self to wake by the clock is {coming.type}, at {hour_in_words(coming.at)}{day}.")
    return "\n".join(lines)


SOURCE = Source("time_context", gather, within=1.0)
