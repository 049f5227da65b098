"""The resident's own wakes, from the file into the queue and from the queue into the history."""

from datetime import datetime, timedelta
from functools import partial

import attrs

from runner.ledger import Ledger, WakeRequest
from runner.offload import RunSync
from runner.schedule import Schedule
from runner.triggers.intake import Intake, NotNow, as_message
from runner.triggers.selfwake import HORIZON, KEY, Fired, Pending, may_begin
from runner.triggers.selfwake_file import SelfWakeFile

__all__ = ["OwnWakes"]

LOOKED_BACK = HORIZON + timedelta(days=2)


@attrs.define(eq=False, kw_only=True)
class OwnWakes:
    """One wake at a time is set; it becomes a row of the queue exactly once.

    The row comes first and bears the wake's own name, the file is cleared after it: a crash between the two finds the
    row again and clears the file. The history is written when the session has begun.
    """

    file: SelfWakeFile
    ledger: Ledger
    schedule: Schedule
    quiet: timedelta
    run_sync: RunSync
    intake: Intake

    async def look(self, now: datetime) -> datetime | None:
        """Queue the wake that is set when it may begin; gives when to look again at the latest, if that is known."""
        queued = await self.ledger.wakes.keyed(KEY, now - LOOKED_BACK)
        fired = list(await self.run_sync(self.file.fired))
        known = {one.at for one in fired}
        for wake in queued:
            session = await self.ledger.sessions.get(wake.id)
            began = (
                None if session is None or session.started_at is None else datetime.fromisoformat(session.started_at)
            )
            if began is not None and began.replace(microsecond=0) not in known:
                await self.run_sync(partial(self.file.note, Pending.of_key(wake.key or "", wake.message), began))
                fired.append(Fired(began.astimezone(self.schedule.zone).date(), began))
            elif began is None and not wake.ended:
                fired.append(Fired(wake.enqueued_at.astimezone(self.schedule.zone).date(), wake.enqueued_at))
        pending = await self.run_sync(self.file.pending)
        if pending is None:
            return None
        if any(wake.key == pending.key for wake in queued):
            await self.run_sync(partial(self.file.clear, pending))
            return None
        if not may_begin(pending, self.schedule, fired=fired, now=now, quiet=self.quiet):
            return pending.wake_at if pending.wake_at > now else None
        request = WakeRequest(type="self", source="self", message=as_message(pending.reason), key=pending.key)
        try:
            await self.intake.admit(request, now)
        except NotNow:
            return None  # it stays set: the file keeps it until wakes are taken in again
        await self.run_sync(partial(self.file.clear, pending))
        return None
