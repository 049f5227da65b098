"""The resident's own wakes: when one may be set, and when one may begin. Pure: no clock, no file."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs

from runner.errors import RunnerError
from runner.schedule import Schedule

__all__ = ["KEY", "Fired", "Pending", "SelfWakeRefused", "check", "may_begin", "moment_at", "moment_in", "remaining"]

PER_DAY = 3
COOLDOWN = timedelta(minutes=30)
HORIZON = timedelta(days=7)
LONGEST_REASON = 500
PUNCTUAL = timedelta(minutes=10)
"""A wake this little after its time is on time; a later one looks for a time away from the slots."""
KEY = "self:"

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SPAN = re.compile(r"(?=\d)(?:(\d{1,3})h)?(?:(\d{1,5})m)?")


class SelfWakeRefused(RunnerError):
    """The resident asked for a wake that the rules don't allow; the text says which rule."""


@attrs.frozen(kw_only=True)
class Pending:
    """The one wake that is set."""

    wake_at: datetime
    reason: str
    created_at: datetime

    @property
    def key(self) -> str:
        """Its name in the queue."""
        return f"{KEY}{self.wake_at.astimezone(UTC).isoformat()}/{self.created_at.astimezone(UTC).isoformat()}"

    @classmethod
    def of_key(cls, key: str, reason: str) -> "Pending":
        """The one that a wake in the queue was made from."""
        wake_at, _, created_at = key.removeprefix(KEY).partition("/")
        return cls(
            wake_at=datetime.fromisoformat(wake_at), reason=reason, created_at=datetime.fromisoformat(created_at)
        )


@attrs.frozen
class Fired:
    """A wake of the resident's own that began, or is queued to: the local day it counts for, and when it began."""

    day: date
    at: datetime


def moment_at(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """HH:MM on the home's clock: today, or tomorrow when that is not in the future."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise SelfWakeRefused(f"--at {text!r} is no time of day; write HH:MM in 24 hours, such as 04:45 or 16:30")
    local = now.astimezone(zone)
    wanted = local.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0, fold=0)
    if wanted.astimezone(UTC) <= now.astimezone(UTC):
        wanted += timedelta(days=1)
    return _real(wanted, zone)


def moment_in(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """A span from now, such as 2h, 45m or 1h30m."""
    found = _SPAN.fullmatch(text.strip())
    span = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta()
    if span <= timedelta():
        raise SelfWakeRefused(f"--in {text!r} is no span of time; write one such as 2h, 45m or 1h30m")
    return (now.astimezone(UTC) + span).astimezone(zone)


def check(
    wanted: Pending, schedule: Schedule, *, fired: Sequence[Fired], now: datetime, quiet: timedelta
) -> Pending | None:
    """Refuse what the rules don't allow. One that is pending is replaced, and so does not count against the day."""
    if not wanted.reason.strip():
        raise SelfWakeRefused("--reason is empty; say in a few words why you want to wake then")
    if len(wanted.reason) > LONGEST_REASON:
        raise SelfWakeRefused(f"the reason has {len(wanted.reason)} characters; at most {LONGEST_REASON} are kept")
    at, shown = wanted.wake_at, f"{wanted.wake_at.astimezone(schedule.zone):%Y-%m-%d %H:%M}"
    if at <= now:
        raise SelfWakeRefused(f"{shown} is not in the future")
    if at - now > HORIZON:
        raise SelfWakeRefused(f"{shown} is too far away; at most {HORIZON.days} days ahead can be set")
    if distance(schedule, at) < quiet:
        raise SelfWakeRefused(
            f"{shown} is {distance(schedule, at).total_seconds() / 60:.0f} minutes from a scheduled wake; "
            f"keep at least {quiet.total_seconds() / 60:.0f} away"
        )
    day = at.astimezone(schedule.zone).date()
    count = remaining(fired, day)
    if count <= 0:
        raise SelfWakeRefused(f"{day} has its {PER_DAY} wakes of your own already; choose another day")
    close = [one.at for one in fired if abs(at - one.at) < COOLDOWN]
    if close:
        raise SelfWakeRefused(
            f"{shown} is too close to your last own wake at {close[-1].astimezone(schedule.zone):%H:%M}; "
            f"leave {COOLDOWN.total_seconds() / 60:.0f} minutes between two"
        )
    return wanted


def remaining(fired: Sequence[Fired], day: date) -> int:
    """How many own wakes this local day still has."""
    return max(0, PER_DAY - sum(one.day == day for one in fired))


def may_begin(pending: Pending, schedule: Schedule, *, fired: Sequence[Fired], now: datetime, quiet: timedelta) -> bool:
    """Whether the wake that is set may be queued now. One that is late keeps away from slots and from the last one."""
    if now < pending.wake_at:
        return False
    if now - pending.wake_at > PUNCTUAL and distance(schedule, now) < quiet:
        return False
    if any(timedelta() <= now - one.at < COOLDOWN for one in fired):
        return False
    return remaining(fired, now.astimezone(schedule.zone).date()) > 0


def distance(schedule: Schedule, moment: datetime) -> timedelta:
    """How far the nearest slot is, before or after, over midnight too."""
    return timedelta(minutes=schedule.minutes_to_nearest(moment))


def _real(wall: datetime, zone: ZoneInfo) -> datetime:
    # through UTC and back: a wall time that a spring night skips becomes the one that exists
    return wall.astimezone(UTC).astimezone(zone)
