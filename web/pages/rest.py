"""What pages say of the session and of the time until the next one."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

import attrs

from web.services import Services


@attrs.frozen
class NextWake:
    """A wake to come, as a page counts down to it."""

    type: str
    at: datetime
    seconds: float


@attrs.frozen
class SessionNow:
    """The session under way, if there is one."""

    active: bool
    type: str = ""
    phase: str = ""
    started_at: datetime | None = None
    seconds: int = 0


def coming_wakes(services: Services, here: datetime, *, at_most: int) -> tuple[NextWake, ...]:
    """The wakes to come, soonest first, in the time of the home."""
    found = []
    for appointment in islice(services.upcoming(), at_most):
        at = appointment.at.astimezone(here.tzinfo)
        found.append(NextWake(appointment.type, at, max(0.0, (at - here).total_seconds())))
    return tuple(found)


def session_now(status: Mapping[str, Any], zone: tzinfo | None) -> SessionNow:
    if not status.get("active"):
        return SessionNow(active=False)
    started: datetime | None
    try:
        started = datetime.fromisoformat(str(status.get("started_at", "")))
    except ValueError:
        started = None
    return SessionNow(
        active=True,
        type=str(status.get("type", "")),
        phase=str(status.get("phase", "")),
        started_at=None if started is None or started.tzinfo is None else started.astimezone(zone),
        seconds=int(status.get("duration_seconds", 0)),
    )
