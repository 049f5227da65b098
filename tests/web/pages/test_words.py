from datetime import date, datetime

import pytest

from web.pages import words


def test_dates() -> None:
    """People read a weekday and a month, never an ISO stamp."""
    assert words.long_date(date(2026, 2, 3)) == "Tuesday, 3 February 2026"
    assert words.short_date(date(2026, 12, 31)) == "31 December"
    assert words.clock_time(datetime(2026, 2, 3, 6, 5)) == "6:05"  # noqa: DTZ001 - any clock


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (9000, "2 h 30 min")],
)
def test_spans(seconds: float, text: str) -> None:
    """A span is told as coarsely as people say it."""
    assert words.span(seconds) == text


@pytest.mark.parametrize(
    ("hour", "text"),
    [
        (2, "It is deep in the night"),
        (6, "Good morning"),
        (12, "Good afternoon"),
        (18, "Good evening"),
        (23, "It is late"),
    ],
)
def test_greetings(hour: int, text: str) -> None:
    """The greeting follows the hour at home."""
    assert words.greeting(datetime(2026, 2, 3, hour)) == text  # noqa: DTZ001 - any clock


def test_session_names() -> None:
    """A session's type is shown without its underscore."""
    assert words.session_name("late_night") == "late night"
