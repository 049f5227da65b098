"""What is shown as it happens: the hub and its frames."""

from runner.live.hub import (
    Hub,
    HubClosedError,
    HubLimits,
    HubStatistics,
    HubWriter,
    StaleWriterError,
    TooManyViewersError,
)
from runner.live.session_log import SessionView
from runner.live.subscriber import Limits, Subscriber

__all__ = (
    "Hub",
    "HubClosedError",
    "HubLimits",
    "HubStatistics",
    "HubWriter",
    "Limits",
    "SessionView",
    "StaleWriterError",
    "Subscriber",
    "TooManyViewersError",
)
