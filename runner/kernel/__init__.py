"""Actors in general: mailboxes, supervision, dead letters, events. Knows trio and attrs and nothing of the product."""

from runner.kernel.backoff import Backoff, Intensity
from runner.kernel.context import Actor, ActorContext, StopReason
from runner.kernel.dead_letters import DeadLetter, DeadLetters, DeadLetterStatistics
from runner.kernel.errors import (
    ActorDown,
    CannotResend,
    Crashed,
    GaveUp,
    KernelError,
    MailboxFull,
    NoSuchActor,
    NotStarted,
    SpecError,
    StartError,
    TooSlowError,
)
from runner.kernel.events import Event, EventRing, EventRingStatistics, Subscription
from runner.kernel.mailbox import Mailbox
from runner.kernel.messages import Delivery, Nudge, Order, Question, Reply
from runner.kernel.queue import Overflow
from runner.kernel.ref import Accepted, Ref, State
from runner.kernel.spec import AutoShutdown, ChildSpec, Restart, Strategy
from runner.kernel.status import (
    ActionReport,
    ChildStatistics,
    ErrorRecord,
    Lost,
    MailboxStatistics,
    Phase,
    ShutdownReport,
    SupervisorStatistics,
)
from runner.kernel.supervisor import Supervisor
from runner.kernel.tree import Ended, Outcome

__all__ = [
    "Accepted",
    "ActionReport",
    "Actor",
    "ActorContext",
    "ActorDown",
    "AutoShutdown",
    "Backoff",
    "CannotResend",
    "ChildSpec",
    "ChildStatistics",
    "Crashed",
    "DeadLetter",
    "DeadLetterStatistics",
    "DeadLetters",
    "Delivery",
    "Ended",
    "ErrorRecord",
    "Event",
    "EventRing",
    "EventRingStatistics",
    "GaveUp",
    "Intensity",
    "KernelError",
    "Lost",
    "Mailbox",
    "MailboxFull",
    "MailboxStatistics",
    "NoSuchActor",
    "NotStarted",
    "Nudge",
    "Order",
    "Outcome",
    "Overflow",
    "Phase",
    "Question",
    "Ref",
    "Reply",
    "Restart",
    "ShutdownReport",
    "SpecError",
    "StartError",
    "State",
    "StopReason",
    "Strategy",
    "Subscription",
    "Supervisor",
    "SupervisorStatistics",
    "TooSlowError",
]
