"""Dates, spans and names as people say them."""

from datetime import date, datetime

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def long_date(day: date) -> str:
    """Tuesday, 3 February 2026"""
    return f"{DAYS[day.weekday()]}, {day.day} {MONTHS[day.month - 1]} {day.year}"


def short_date(day: date) -> str:
    """3 February"""
    return f"{day.day} {MONTHS[day.month - 1]}"


def clock_time(moment: datetime) -> str:
    """18:05"""
    return f"{moment.hour}:{moment.minute:02d}"


def span(seconds: float) -> str:
    """1 h 20 min; under a minute in seconds"""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{left} s"


def session_name(kind: str) -> str:
    """late_night is a late night to people."""
    return kind.replace("_", " ")


def greeting(moment: datetime) -> str:
    """By the hour at home."""
    for until, words in ((5, "It is deep in the night"), (12, "Good morning"), (18, "Good afternoon")):
        if moment.hour < until:
            return words
    return "Good evening" if moment.hour < 23 else "It is late"
