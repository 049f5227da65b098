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
from runner.live.subscriber import Subscriber, ViewerLimits

__all__ = (
    "Hub",
    "HubClosedError",
    "HubLimits",
    "HubStatistics",
    "HubWriter",
    "SessionView",
    "StaleWriterError",
    "Subscriber",
    "TooManyViewersError",
    "ViewerLimits",
)
