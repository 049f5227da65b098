"""The sending half of a mailbox: all that others hold of an actor."""

import enum
from typing import Generic, Protocol, TypeVar

from runner.kernel.errors import ActorDown, MailboxFull

M_contra = TypeVar("M_contra", contravariant=True)


class State(enum.StrEnum):
    """What a supervised child is doing; the words of `ps`."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    STOPPED = "stopped"
    FAILED = "failed"
    STUCK = "stuck"

    @property
    def down(self) -> bool:
        """Nobody will answer here until an operator, a revival or the stuck task itself changes it."""
        return self in (State.STOPPED, State.FAILED, State.STUCK)


class Accepted(enum.Enum):
    """The answer to a tell. REFUSED and DISPLACED are already counted and among the dead letters."""

    QUEUED = "queued"
    REFUSED = "refused"
    DISPLACED = "displaced"
    """The message was queued, and an older one had to go for it."""


class Inbox(Protocol[M_contra]):
    """What a ref needs of the mailbox behind it."""

    @property
    def name(self) -> str: ...
    @property
    def capacity(self) -> int: ...
    @property
    def state(self) -> State | None: ...
    @property
    def retry_in(self) -> float: ...
    def put(self, message: M_contra, *, outside: bool) -> Accepted: ...
    def down(self, *, outside: bool) -> ActorDown | None: ...


class Ref(Generic[M_contra]):
    """Where to send messages for one actor. It stays good across restarts, because the mailbox does.

    `tell` never waits and belongs to the loop's thread; elsewhere use `trio.from_thread.run_sync(ref.tell, m)`.
    """

    __slots__ = ("_inbox", "_outside")

    def __init__(self, inbox: Inbox[M_contra], *, outside: bool = False) -> None:
        self._inbox = inbox
        self._outside = outside

    def __repr__(self) -> str:
        return f"<Ref {self.name}>"

    @property
    def name(self) -> str:
        """The mailbox's name, which is its actor's."""
        return self._inbox.name

    @property
    def state(self) -> State | None:
        """What the supervisor says of the actor; None for a mailbox nobody supervises."""
        return self._inbox.state

    @property
    def retry_in(self) -> float:
        """Seconds until the actor is tried again; 0 when no back-off is running."""
        return self._inbox.retry_in

    def tell(self, message: M_contra) -> Accepted:
        """Send and go on."""
        return self._inbox.put(message, outside=self._outside)

    def down(self) -> ActorDown | None:
        """Why nobody would answer a question now, if so."""
        return self._inbox.down(outside=self._outside)

    def refusal(self) -> ActorDown | MailboxFull:
        """The error for a question that was just refused."""
        return self.down() or MailboxFull(self.name, self._inbox.capacity)
