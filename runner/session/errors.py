"""What can go wrong around a session, shaped by what the catcher does about it."""

from collections.abc import Sequence
from typing import ClassVar

from runner.errors import RunnerError, UsageError


class UnknownSessionTypeError(UsageError):
    """The asker named a type that does not exist; nothing was begun."""

    def __init__(self, name: str, allowed: Sequence[str]) -> None:
        super().__init__(f"unknown session type {name!r}: choose one of {', '.join(allowed)}")


class SessionLockedError(RunnerError):
    """Another session holds the lock, maybe in another process; try again later."""

    exit_code: ClassVar[int] = 75

    def __init__(self, holder: str) -> None:
        super().__init__(f"another session is running ({holder}); wait for its end, or use --wait SECONDS")


class PromptError(RunnerError):
    """A template asks for something that is not gathered, or is missing: a fault of the installation."""

    exit_code: ClassVar[int] = 70


class NotDueError(Exception):
    """There is nothing for the hook to do, for a reason that people should read."""


class HookFailedError(Exception):
    """The hook could not do its work; the text says why, in words for people."""


def in_one_line(failure: Exception) -> str:
    """An error in one line; of a group the first leaf, which is what went wrong first."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return f"{type(failure).__name__}: {' '.join(str(failure).split())}"[:400]
