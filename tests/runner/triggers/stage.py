"""A home with a ledger and a desk for tests of triggers: real files, real rows, work done inline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from runner.ledger import Ledger, SessionFacts, SessionOutcome, Wake
from runner.schedule import Schedule, load_schedule
from runner.settings import Settings, load_settings
from runner.triggers.triggers import Triggers
from tests.support.ledger import inline, open_ledger

TEN = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""A quarter past ten in New York: 75 minutes after a slot, 105 before the next."""


@attrs.define(eq=False)
class Stage:
    home: Path
    settings: Settings
    ledger: Ledger
    schedule: Schedule
    desk: Triggers

    async def waiting(self, kind: str) -> list[Wake]:
        return [wake for wake in await self.ledger.wakes.pending() if wake.type == kind]

    async def look(self, now: datetime) -> None:
        """One round, in which nothing may go wrong."""
        found = await self.desk.look(now)
        assert found.troubles == ()

    async def run_one(self, now: datetime, state: str = "completed") -> Wake:
        """Let the next wake of the queue begin at *now* and end a minute later."""
        wake = await self.ledger.wakes.claim(now)
        assert wake is not None
        await self.ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=now))
        outcome = SessionOutcome(
            state=state, ended_at=now + timedelta(minutes=1), reason=None if state == "completed" else "for the test"
        )
        await self.ledger.sessions.finish(wake.id, outcome)
        return wake


@asynccontextmanager
async def stage(folder: Path, **overrides: object) -> AsyncIterator[Stage]:
    home = folder / "home"
    (home / "data").mkdir(parents=True)
    given = {"home": str(home), **{name.replace("__", "."): value for name, value in overrides.items()}}
    settings = load_settings(given, {}).settings
    ledger = await open_ledger(home)
    schedule = load_schedule(settings.resident.zone)
    try:
        yield Stage(home, settings, ledger, schedule, Triggers.make(settings, ledger, schedule, inline))
    finally:
        await ledger.close()
