"""What a session may spend, decided before it is begun; and the pause after a failure that the next would share."""

from typing import Any

import attrs

from runner.clock import Now
from runner.ledger import Ledger, SpendEntry, Wake
from runner.ledger.budget import limits_of
from runner.settings import Settings
from runner.stream.records import read, usage_of
from runner.triggers.intake import AUTOMATIC
from runner.triggers.pause import PAUSED, Pause, shared_failure

__all__ = ["BudgetGuard", "TokenCount"]

LEAST_USD = 0.0001


@attrs.frozen(eq=False)
class BudgetGuard:
    """Reads the ledger and reserves in it."""

    settings: Settings
    ledger: Ledger
    now: Now

    async def refusal(self, wake: Wake) -> str | None:
        """Why this wake is not begun, if so; else its money and tokens are set aside."""
        if wake.source in AUTOMATIC:
            pause = Pause.load(await self.ledger.meta.get(PAUSED))
            if pause is not None:
                return pause.text
        budget, limits = self.settings.budget, limits_of(self.settings.budget)
        if not any(attrs.astuple(limits)):
            return None
        entry = SpendEntry(ref=wake.id, at=self.now(), cost_usd=budget.session_usd, output_tokens=budget.session_tokens)
        return await self.ledger.spend.reserve(entry, limits)

    async def allowance(self, wake_id: str) -> tuple[float | None, int | None]:
        """USD and tokens this session may use: what was set aside for it, or its own limit; None is no limit."""
        budget = self.settings.budget
        set_aside = await self.ledger.spend.reserved(wake_id)
        usd, tokens = set_aside if set_aside is not None else (budget.session_usd, budget.session_tokens)
        return (max(LEAST_USD, usd) if usd else None), (tokens or None)

    async def ended(self, wake_id: str, state: str, reason: str | None) -> None:
        """To be told before the terminal record: a failure that every wake would share pauses the scheduled ones."""
        if shared_failure(state, reason):
            pause = Pause.after(wake_id, reason or "", self.now().astimezone(self.settings.resident.zone))
            await self.ledger.meta.put_new(PAUSED, pause.dump())


@attrs.define(eq=False)
class TokenCount:
    """Tokens of a session while it runs, from the answers' own figures."""

    _answers: dict[str, int] = attrs.field(factory=dict)

    @property
    def total(self) -> int:
        return sum(self._answers.values())

    def feed(self, line: bytes) -> None:
        """Take one record. An answer comes in several, each with the figures so far."""
        if b'"usage"' not in line or b'"assistant"' not in line:
            return
        try:
            message: Any = read(line)["message"]
            usage = usage_of(message["usage"])
            tokens = usage.input_tokens + usage.output_tokens
            identity = str(message.get("id"))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return
        self._answers[identity] = max(tokens, self._answers.get(identity, 0))
