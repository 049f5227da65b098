"""A wall clock for tests that follows trio's clock, so that a mock clock moves both."""

from datetime import UTC, datetime, timedelta

import attrs
import trio

START = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)


@attrs.define(eq=False)
class WallClock:
    """Called, it gives the present instant; `jump` is what a person or a time server does to it."""

    start: datetime = START
    _began: float = attrs.field(factory=trio.current_time, init=False)

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=trio.current_time() - self._began)

    def jump(self, by: timedelta) -> None:
        """Set the clock forward or, with a negative time, back."""
        self.start += by
