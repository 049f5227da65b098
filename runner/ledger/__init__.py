"""sessions.db: the wake queue, sessions, hook runs and spend. The only package with SQL on that file."""

from runner.ledger.ledger import Ledger, LedgerClosed, LedgerView, RunSync
from runner.ledger.rows import (
    ACTIVE,
    HOOK_VERDICTS,
    OPEN,
    TERMINAL,
    HookRow,
    Limits,
    SessionFacts,
    SessionOutcome,
    SessionRow,
    SpendEntry,
    Totals,
    Wake,
    WakeRequest,
    WrongState,
    priority_of,
    slot_key,
)

__all__ = [
    "ACTIVE",
    "HOOK_VERDICTS",
    "OPEN",
    "TERMINAL",
    "HookRow",
    "Ledger",
    "LedgerClosed",
    "LedgerView",
    "Limits",
    "RunSync",
    "SessionFacts",
    "SessionOutcome",
    "SessionRow",
    "SpendEntry",
    "Totals",
    "Wake",
    "WakeRequest",
    "WrongState",
    "priority_of",
    "slot_key",
]
