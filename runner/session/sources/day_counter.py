"""The number of this day in the resident's life; day zero is a setting."""

from datetime import datetime

from runner.session.sources.base import Ask, Source


def day_number(moment: datetime, ask: Ask) -> int:
    return (moment.date() - ask.settings.resident.day_zero).days + 1


async def gather(ask: Ask) -> str:
    return f"Day {day_number(ask.now, ask)} of this life."


SOURCE = Source("day_counter", gather, within=1.0)
