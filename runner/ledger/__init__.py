"""sessions.db: the wake queue, sessions, hook runs and spend. The only package with SQL on that file."""

from runner.ledger.doors import LedgerClosed, Waits
from runner.ledger.failing import LOOKED_AT, FailingHook, failing_hooks
from runner.ledger.figures import Figure, Figures
from runner.ledger.ledger import Ledger, LedgerView
from runner.ledger.rows import (
    ACTIVE,
    HOOK_VERDICTS,
    OPEN,
    TERMINAL,
    HookRow,
    LettersOf,
    SessionFacts,
    SessionOutcome,
    SessionRow,
    SpendEntry,
    SpendLimits,
    Totals,
    Wake,
    WakeRequest,
    WrongState,
    priority_of,
    slot_key,
)
from runner.ledger.titles import Title

__all__ = [
    "ACTIVE",
    "HOOK_VERDICTS",
    "LOOKED_AT",
    "OPEN",
    "TERMINAL",
    "FailingHook",
    "Figure",
    "Figures",
    "HookRow",
    "Ledger",
    "LedgerClosed",
    "LedgerView",
    "LettersOf",
    "SessionFacts",
    "SessionOutcome",
    "SessionRow",
    "SpendEntry",
    "SpendLimits",
    "Title",
    "Totals",
    "Waits",
    "Wake",
    "WakeRequest",
    "WrongState",
    "failing_hooks",
    "priority_of",
    "slot_key",
]
