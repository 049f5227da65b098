"""The errors a person may meet. Each says in one line what went wrong, and carries the command's exit code."""

from typing import ClassVar

__all__ = [
    "BadLedger",
    "ForeignHome",
    "HomeInUse",
    "HomeMissing",
    "LedgerUnavailable",
    "PortInUse",
    "ResourceMissing",
    "RunnerError",
    "SettingsError",
    "UnusableHome",
    "UsageError",
]


class RunnerError(Exception):
    """Something a person can understand and act on; printed as one line, never as a traceback."""

    exit_code: ClassVar[int] = 1
    ends_start: ClassVar[bool] = False
    """True where trying again can't help: a child that raises it ends the start of the whole process."""


class UsageError(RunnerError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code: ClassVar[int] = 2


class SettingsError(RunnerError):
    """A setting is unknown, malformed, or contradicts another one. Whoever wrote the setting has to change it."""

    exit_code: ClassVar[int] = 78
    ends_start: ClassVar[bool] = True


class HomeMissing(RunnerError):
    """The home folder is not there; `init` makes one."""

    exit_code: ClassVar[int] = 78
    ends_start: ClassVar[bool] = True


class ForeignHome(RunnerError):
    """The folder is there but holds something that is not a home, or a life that must not be mixed with another."""

    exit_code: ClassVar[int] = 2
    ends_start: ClassVar[bool] = True


class UnusableHome(RunnerError):
    """The home is there, but this user can't read or write in it, or a file stands where a folder belongs."""

    exit_code: ClassVar[int] = 78
    ends_start: ClassVar[bool] = True


class HomeInUse(RunnerError):
    """Another process serves this home. It has to end first."""

    exit_code: ClassVar[int] = 75
    ends_start: ClassVar[bool] = True


class PortInUse(RunnerError):
    """Another process listens on the address we were told to listen on."""

    exit_code: ClassVar[int] = 75
    ends_start: ClassVar[bool] = True


class BadLedger(RunnerError):
    """sessions.db can't be used as it is: damaged, not ours, or of a newer version. Nothing in it was changed."""

    exit_code: ClassVar[int] = 78
    ends_start: ClassVar[bool] = True


class LedgerUnavailable(RunnerError):
    """sessions.db is sound as far as we know, but can't be opened now: no permission, no room, or another holds it."""

    exit_code: ClassVar[int] = 70
    ends_start: ClassVar[bool] = True


class ResourceMissing(RunnerError):
    """A data file that belongs to the program is not where the program was installed."""

    exit_code: ClassVar[int] = 70
    ends_start: ClassVar[bool] = True
