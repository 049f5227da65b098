"""The wall clock, handed in wherever a date is needed; durations come from trio's clock instead."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Now: TypeAlias = Callable[[], datetime]
"""Gives the present instant as an aware datetime in UTC."""


def system_now() -> datetime:
    """The machine's own clock: what the composition root hands in outside tests."""
    return datetime.now(UTC)
