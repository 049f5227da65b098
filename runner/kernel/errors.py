"""What can go wrong between actors; each error says who is to blame and what the catcher may do."""

from typing import ClassVar


class KernelError(Exception):
    """Base of the kernel's own errors."""


class ActorDown(KernelError):
    """The actor is failed, stopped or stuck: nobody will answer until it has been started again."""

    def __init__(self, actor: str, state: str, reason: str) -> None:
        super().__init__(f"{actor} is {state}" + (f": {reason}" if reason else ""))
        self.actor = actor
        self.state = state
        self.reason = reason


class TooSlowError(KernelError):
    """No answer in time. `state` says what the actor was at, `retry_in` the rest of its back-off."""

    def __init__(self, actor: str, within: float, state: str | None, retry_in: float) -> None:
        super().__init__(f"{actor} ({state or 'unsupervised'}) did not answer within {within:g} s")
        self.actor = actor
        self.within = within
        self.state = state
        self.retry_in = retry_in


class MailboxFull(KernelError):
    """The question was not accepted, or was pushed out again, because the mailbox is full: try again later."""

    def __init__(self, actor: str, capacity: int) -> None:
        super().__init__(f"the mailbox of {actor} is full ({capacity} messages); try again later")
        self.actor = actor
        self.capacity = capacity


class Crashed(KernelError):
    """The actor ended with the question in hand. Whether it took effect is unknown; it is not tried again."""

    def __init__(self, actor: str, cause: str) -> None:
        super().__init__(f"{actor} ended while it had the question in hand: {cause}")
        self.actor = actor
        self.cause = cause


class SpecError(KernelError, ValueError):
    """A child spec, back-off or mailbox was described in a way that cannot work; the programmer is to blame."""


class NoSuchActor(KernelError):
    """An operator named an actor that is not in this tree."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no actor {name!r}; there are {', '.join(known) or 'none'}")
        self.name = name
        self.known = known


class CannotResend(KernelError):
    """The dead letter is unknown, is a question, or was sent again before; or its mailbox is full."""


class StartError(KernelError):
    """Base of errors that end the start of the whole tree, whichever child raises them.

    Any exception class of any family may carry the same mark, `ends_start = True`, and an `exit_code`.
    """

    ends_start: ClassVar[bool] = True
    exit_code: int = 70


class NotStarted(KernelError):
    """A critical child failed before it was ever ready; its supervisor's start ends with this."""

    exit_code: int = 70


class GaveUp(KernelError):
    """A nested supervisor could not keep its children alive; raised to its parent, which counts it as a crash."""
