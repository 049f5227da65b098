"""Visitors' messages that nobody has read: when they wake the resident."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs

from runner.ledger import Ledger, WakeRequest
from runner.offload import RunSync
from runner.schedule import Schedule
from runner.triggers.intake import Intake, NotNow
from runner.triggers.selfwake import distance

__all__ = ["Arrival", "VisitWakes", "arrivals", "due"]

KEY = "visit:"
SOURCE = "visitor"
LOOKED_BACK = timedelta(days=40)
"""Longer than a message lies in the inbox before it is archived and swept."""
MOST = 2_000


@attrs.frozen
class Arrival:
    """A message in the inbox: its file, and when it was written."""

    name: str
    at: datetime
    stamp: int
    """The same to the nanosecond, for its name in the queue."""

    @property
    def key(self) -> str:
        return f"{KEY}{self.name}:{self.stamp}"


def arrivals(folder: Path) -> tuple[Arrival, ...]:
    """The messages in the inbox, oldest first. Blocking."""
    found: list[Arrival] = []
    try:
        with os.scandir(folder) as listing:
            for entry in listing:
                if entry.name.startswith(".") or not entry.name.endswith(".md") or len(found) >= MOST:
                    continue
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(facts.st_mode):
                    at = datetime.fromtimestamp(facts.st_mtime, UTC)
                    found.append(Arrival(entry.name, at, facts.st_mtime_ns))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return tuple(sorted(found, key=lambda arrival: (arrival.stamp, arrival.name)))


def due(inbox: Sequence[Arrival], offered: Sequence[str], now: datetime, debounce: timedelta) -> Arrival | None:
    """The newest message, when it has rested and no wake was made for it. Each message makes one wake at most."""
    if not inbox or inbox[-1].key in offered:
        return None
    newest = inbox[-1]
    # one from the future was written under another clock: it has rested
    return None if timedelta() <= now - newest.at < debounce else newest


@attrs.define(eq=False, kw_only=True)
class VisitWakes:
    """One wake for all who came, a few a day at most, never near a slot: the scheduled wake shows them too."""

    inbox: Path
    ledger: Ledger
    schedule: Schedule
    quiet: timedelta
    debounce: timedelta
    per_day: int
    run_sync: RunSync
    intake: Intake

    async def look(self, now: datetime) -> datetime | None:
        """Queue a visit when messages have rested and no wake before them is still to come."""
        inbox = await self.run_sync(partial(arrivals, self.inbox))
        if not inbox or distance(self.schedule, now) < self.quiet:
            return None
        wakes = await self.ledger.wakes.keyed(KEY, now - LOOKED_BACK)
        if any(not wake.ended for wake in wakes):
            return None
        newest = due(inbox, [wake.key or "" for wake in wakes], now, self.debounce)
        today = now.astimezone(self.schedule.zone).date()
        made = sum(wake.enqueued_at.astimezone(self.schedule.zone).date() == today for wake in wakes)
        if newest is None or made >= self.per_day:
            return None
        with suppress(NotNow):  # the message lies in the inbox, and is looked at again
            await self.intake.admit(WakeRequest(type="visit", source=SOURCE, key=newest.key), now)
        return None
