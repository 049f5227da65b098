"""A child that is a supervisor itself, as its parent sees it. Kept apart so that no two modules import each other."""

import abc

from runner.kernel.ref import State
from runner.kernel.status import ChildStatistics, Lost


class Branch(abc.ABC):
    """What a parent asks of a nested supervisor beyond running it."""

    drains = True

    @abc.abstractmethod
    def announce_shutdown(self) -> None:
        """Shutdown has begun somewhere above: tell every child."""

    @abc.abstractmethod
    def close_doors(self, state: State, reason: str) -> None:
        """The whole branch is down: questions to its children fail at once."""

    @abc.abstractmethod
    def hurry(self) -> None:
        """End all graces now."""

    @abc.abstractmethod
    def losses(self) -> list[Lost]:
        """After its end in a shutdown: everything its children leave unhandled."""

    @abc.abstractmethod
    def children_under(self, prefix: str) -> list[ChildStatistics]:
        """Its children, named "prefix/child"."""
