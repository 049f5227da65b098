"""What the life looks like in numbers."""

from runner.analytics.logs import LogShelf
from runner.analytics.sums import COUNTED, Analytics, SessionFigures, sum_up

__all__ = ["COUNTED", "Analytics", "LogShelf", "SessionFigures", "sum_up"]
