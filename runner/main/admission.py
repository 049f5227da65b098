"""Wakes asked for over HTTP: accepted into the ledger at once, whatever the actors are doing."""

from collections.abc import Callable, Sequence

import attrs

from actors.protocol import Status, Work
from runner.clock import Now
from runner.kernel import ChildStatistics, KernelError, Ref, State
from runner.ledger import Ledger, WakeRequest
from runner.ledger.budget import limits_of
from runner.settings import Settings
from runner.triggers.pause import PAUSED, Pause
from web.services import Admitted, NotNow

ASK_WITHIN = 1.0
AWAY = frozenset({State.FAILED, State.STOPPED, State.STUCK})


@attrs.frozen(eq=False, kw_only=True)
class Admission:
    """See the module."""

    settings: Callable[[], Settings]
    ledger: Ledger
    session: Ref[Work | Status]
    scheduler: Ref[Work]
    actors: Callable[[], Sequence[ChildStatistics]]
    now: Now

    async def admit(self, kind: str, prompt: str) -> Admitted:
        """Accept a wake and say what becomes of it; NotNow while wakes are paused or the budget is used up."""
        settings, now = self.settings(), self.now()
        pause = Pause.load(await self.ledger.meta.get(PAUSED))
        if pause is not None:
            raise NotNow(pause.text)
        budget, limits = settings.budget, limits_of(settings.budget)
        totals = await self.ledger.spend.totals(now)
        broken = totals.over(limits) or totals.over(limits, usd=budget.session_usd, tokens=budget.session_tokens)
        if broken is not None:
            raise NotNow(broken)
        wake = await self.ledger.wakes.enqueue(WakeRequest(type=kind, source="api", message=prompt), now)
        idle = await self._idle()
        self.scheduler.tell(Work())
        self.session.tell(Work())
        away = any(child.name == "session" and child.state in AWAY for child in self.actors())
        first = next(iter(await self.ledger.wakes.pending()), None)
        begins = idle and not away and first is not None and first.id == wake.id
        return Admitted(
            session_id=wake.id,
            log_file=str(settings.paths.logs / f"session-{wake.id}.log"),
            status="started" if begins else "queued",
            waiting_for="session" if away else None,
        )

    async def _idle(self) -> bool:
        try:
            return (await Status().ask(self.session, within=ASK_WITHIN)).phase == "idle"
        except KernelError:
            return False
