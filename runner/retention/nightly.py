"""The sweep of each night: when it is due, and its run, part by part away from the loop."""

from datetime import date, datetime, time, timedelta
from functools import partial

import attrs

from runner.ledger import Ledger
from runner.offload import RunSync
from runner.retention.sweep import Result, log, steps
from runner.settings import Settings

__all__ = ["Nightly"]

AT = time(3, 30)
SWEPT = "retention_swept"
"""The ledger's fact: the local day of the last sweep."""


@attrs.define(eq=False)
class Nightly:
    """Once a local day, from half past three on; a night that was slept through is made up for."""

    settings: Settings
    ledger: Ledger
    run_sync: RunSync
    _last: date | None = attrs.field(default=None, init=False)

    async def due(self, now: datetime) -> bool:
        """Whether this day's sweep is still to be done. A home's first sweep is the first night's."""
        local = now.astimezone(self.settings.resident.zone)
        if self._last is None:
            # a home that is begun before half past three has its first sweep in this very night
            first = local.date() - timedelta(days=1) if local.time() < AT else local.date()
            await self.ledger.meta.put_new(SWEPT, first.isoformat())
            self._last = date.fromisoformat(await self.ledger.meta.get(SWEPT) or local.date().isoformat())
        return local.time() >= AT and self._last < local.date()

    async def run(self, now: datetime) -> tuple[Result, ...]:
        """The sweep. One that fails is not tried again before the next night, or the next start."""
        local = now.astimezone(self.settings.resident.zone)
        self._last = local.date()
        await self._log(local, "retention sweep begins")
        results = []
        for step in steps(self.settings, local):
            results.append(await self.run_sync(step.run))
            await self._log(local, results[-1].line(dry_run=False))
        await self._log(local, "retention sweep is complete")
        await self.ledger.meta.put(SWEPT, local.date().isoformat())
        return tuple(results)

    async def _log(self, now: datetime, text: str) -> None:
        await self.run_sync(partial(log, self.settings, now, text))
