"""Wakes asked for over HTTP: accepted into the ledger at once, whatever the actors are doing."""

from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from actors.protocol import Status
from runner.clock import Now
from runner.kernel import ChildStatistics, KernelError, Ref, State
from runner.ledger import Ledger, WakeRequest
from runner.triggers.intake import Intake

ASK_WITHIN = 1.0
AWAY = frozenset({State.FAILED, State.STOPPED, State.STUCK})


@attrs.frozen(kw_only=True)
class Admitted:
    """A wake that was accepted."""

    session_id: str
    log_file: str
    status: str
    """`started`, or `queued` when something stands before it."""
    waiting_for: str | None = None
    """The actor that has to come back first."""


@attrs.frozen(eq=False, kw_only=True)
class Admission:
    """See the module."""

    intake: Intake
    ledger: Ledger
    logs: Path
    session: Ref[Status]
    actors: Callable[[], Sequence[ChildStatistics]]
    now: Now

    async def admit(self, kind: str, prompt: str) -> Admitted:
        """Accept a wake and say what becomes of it; `NotNow` where the intake takes none."""
        wake = await self.intake.admit(WakeRequest(type=kind, source="api", message=prompt), self.now())
        away = any(child.name == "session" and child.state in AWAY for child in self.actors())
        begins = not away and await self._begins(wake.id)
        return Admitted(
            session_id=wake.id,
            log_file=str(self.logs / f"session-{wake.id}.log"),
            status="started" if begins else "queued",
            waiting_for="session" if away else None,
        )

    async def _begins(self, wake_id: str) -> bool:
        """Whether it has begun, or stands first before an actor that has nothing to do."""
        idle = await self._idle()
        waiting = await self.ledger.wakes.pending()
        if not any(wake.id == wake_id and wake.state == "queued" for wake in waiting):
            return True
        return idle and waiting[0].id == wake_id

    async def _idle(self) -> bool:
        try:
            return (await Status().ask(self.session, within=ASK_WITHIN)).phase == "idle"
        except KernelError:
            return False
