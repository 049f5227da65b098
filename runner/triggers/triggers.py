"""Where all triggers but the clock's are asked, one after the other; what one of them meets never stops the others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import attrs

from runner.correspondence import Threads
from runner.errors import RunnerError
from runner.ledger import Ledger
from runner.offload import RunSync
from runner.schedule import Schedule
from runner.settings import Settings
from runner.triggers.intake import Intake
from runner.triggers.letters import LetterWakes
from runner.triggers.own import OwnWakes
from runner.triggers.selfwake import Pending
from runner.triggers.selfwake_file import SelfWakeFile
from runner.triggers.visits import VisitWakes

__all__ = ["Look", "Trigger", "Triggers"]


class Trigger(Protocol):
    """One reason to wake."""

    async def look(self, now: datetime) -> datetime | None:
        """Queue what is due, and settle what has ended. Gives when to be asked again at the latest, if it knows."""


@attrs.frozen
class Look:
    """What one round gave."""

    again: datetime | None = None
    troubles: tuple[tuple[str, str], ...] = ()
    """Triggers that could not do their work now, and why; they are asked again."""


@attrs.define(eq=False)
class Triggers:
    """See the module."""

    triggers: tuple[Trigger, ...]
    own_file: SelfWakeFile | None = None
    run_sync: RunSync | None = None

    @classmethod
    def make(
        cls,
        settings: Settings,
        ledger: Ledger,
        schedule: Schedule,
        run_sync: RunSync,
        current: Callable[[], Settings] | None = None,
    ) -> "Triggers":
        """All triggers of a home, as its settings have them; `current` gives those that are in force at a look."""
        intake = Intake(ledger, current or (lambda: settings))
        quiet = timedelta(minutes=settings.schedule.quiet_minutes)
        file = own_file(settings.paths.data, schedule)
        own = OwnWakes(file=file, ledger=ledger, schedule=schedule, quiet=quiet, run_sync=run_sync, intake=intake)
        letters = LetterWakes(
            threads=Threads(settings.paths.mailbox),
            ledger=ledger,
            schedule=schedule,
            quiet=quiet,
            run_sync=run_sync,
            intake=intake,
        )
        triggers: list[Trigger] = [own, letters]
        if settings.schedule.visit_autowake:
            visits = VisitWakes(
                inbox=settings.paths.visitors,
                ledger=ledger,
                schedule=schedule,
                quiet=quiet,
                debounce=timedelta(minutes=settings.schedule.visit_debounce_minutes),
                per_day=settings.schedule.visits_per_day,
                run_sync=run_sync,
                intake=intake,
            )
            triggers.append(visits)
        return cls(tuple(triggers), file, run_sync)

    async def look(self, now: datetime) -> Look:
        """Ask every trigger once."""
        moments: list[datetime] = []
        troubles: list[tuple[str, str]] = []
        for trigger in self.triggers:
            try:
                moment = await trigger.look(now)
            except (OSError, ValueError, RunnerError) as error:
                troubles.append((type(trigger).__name__, f"{type(error).__name__}: {error}"[:300]))
                continue
            if moment is not None:
                moments.append(moment)
        return Look(min(moments, default=None), tuple(troubles))

    async def own_wake(self) -> Pending | None:
        """The wake that the resident has set for itself."""
        if self.own_file is None or self.run_sync is None:
            return None
        return await self.run_sync(self.own_file.pending)


def own_file(data: Path, schedule: Schedule) -> SelfWakeFile:
    """The files of the resident's own wakes in this folder."""
    return SelfWakeFile(data, schedule.zone)
