"""What the life looks like in numbers."""

from runner.analytics.logs import LogShelf
from runner.analytics.sums import COUNTED, Analytics, Session, sum_up

__all__ = ["COUNTED", "Analytics", "LogShelf", "Session", "sum_up"]
