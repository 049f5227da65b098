"""Frozen statistics of every kernel object, made on reading from plain counters."""

import datetime as dt

import attrs

from runner.kernel.ref import State


@attrs.frozen(kw_only=True)
class MailboxStatistics:
    """Counters of a mailbox. `accepted == done + expired + dead + queued + in_hand` at any time.

    `done` holds `dropped` (nudges); `dead` holds `lost` (at shutdown) and, nudges excepted, `displaced`. Refused ones
    were never accepted.
    """

    name: str
    capacity: int
    overflow: str
    concurrency: int
    queued: int
    in_hand: int
    waiting: int
    """Tasks waiting in receive()."""
    oldest_message_s: float | None
    """Age of the oldest message queued or in hand."""
    accepted: int
    done: int
    dropped: int
    expired: int
    dead: int
    refused: int
    displaced: int
    returned: int
    lost: int
    resent: int


@attrs.frozen(kw_only=True)
class ErrorRecord:
    """One of the last errors of a child, as text."""

    at: dt.datetime
    incarnation: int
    cause: str
    """crashed, hung, killed, returned, clean-up, gave up"""
    summary: str
    text: str


@attrs.frozen(kw_only=True)
class ChildStatistics:
    """One child as `ps` shows it."""

    name: str
    state: State
    reason: str
    since: dt.datetime
    restarts: int
    incarnation: int
    queue: int
    oldest_message_s: float | None
    last_error: str
    critical: bool
    retry_in: float
    """Rest of the back-off or of the wait for a revival, else 0."""
    stuck_s: float | None
    action: str | None
    """What an operator's order is doing to it right now."""
    errors: tuple[ErrorRecord, ...]
    mailbox: MailboxStatistics | None


@attrs.frozen(kw_only=True)
class SupervisorStatistics:
    """A supervisor and its children."""

    name: str
    strategy: str
    ready: bool
    stopping: bool
    restarts_in_window: int
    restarts_allowed: int
    window: float
    children: tuple[ChildStatistics, ...]


@attrs.frozen(kw_only=True)
class Lost:
    """A message that shutdown left unhandled."""

    actor: str
    message: str
    label: str


@attrs.frozen(kw_only=True)
class Phase:
    """The end of one child during shutdown."""

    actor: str
    seconds: float
    overran: bool
    """It had not ended when its grace and its cancel grace were over."""
    cancelled: bool
    """Its grace ended before it did."""
    lost: int


@attrs.frozen(kw_only=True)
class ShutdownReport:
    """How the tree went down, phase by phase in the order of time."""

    reason: str
    seconds: float
    phases: tuple[Phase, ...]
    lost: tuple[Lost, ...]
    overrun: bool
    hurried: bool


@attrs.frozen(kw_only=True)
class ActionReport:
    """What came of an operator's order. `text` is for people; `state` is the child's afterwards."""

    actor: str
    action: str
    done: bool
    text: str
    state: State
    incarnation: int
