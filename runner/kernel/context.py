"""What one incarnation of an actor is handed: its name and number, how to say "ready" and "alive", and when to stop."""

import enum
from collections.abc import Callable
from typing import Protocol

import attrs
import trio

from runner.kernel.pulse import Pulse


class StopReason(enum.Enum):
    """An end that somebody asked for. It is not a failure and counts no attempt; only KILL rehearses a crash."""

    RESTART = "restart"
    STOP = "stop"
    GROUP = "group"
    SHUTDOWN = "shutdown"
    KILL = "kill"


@attrs.define(eq=False, kw_only=True)
class ActorContext:
    """One incarnation. Tests may build one by hand: `Life(name="x", number=1)` has no limits and no supervisor."""

    name: str
    number: int
    stopping: trio.Event = attrs.field(factory=trio.Event)
    """Set when a wished end (stop, restart, group, shutdown) has begun this child's own grace."""
    shutdown: trio.Event = attrs.field(factory=trio.Event)
    """Set in every child at once when the tree begins to shut down; its own turn (`stopping`) may come later."""
    stop_reason: StopReason | None = attrs.field(default=None, init=False)
    """Why it is to end, once that is so."""
    why: str = attrs.field(default="", init=False)
    """The same for people, such as "operator restart by ana"."""
    grace: float = attrs.field(default=0.0, init=False)
    """Seconds it was given for that end; `math.inf` when it may finish whatever it is doing."""
    is_ready: bool = attrs.field(default=False, init=False)
    on_started: Callable[[], None] | None = attrs.field(default=None, repr=False)
    pulse: Pulse | None = attrs.field(default=None, repr=False)

    def started(self) -> None:
        """Say "ready": from now on this actor can answer. Saying it again does nothing."""
        if self.is_ready:
            return
        self.is_ready = True
        if self.pulse is not None:
            self.pulse.started()
        if self.on_started is not None:
            self.on_started()

    def beat(self) -> None:
        """Show a sign of life in long work: renews the silence limit and the handler's limit (see `Pulse.beat`)."""
        if self.pulse is not None:
            self.pulse.beat()


class Actor(Protocol):
    """Owns some state; a new object is made for each incarnation."""

    async def run(self, context: ActorContext) -> object:
        """Say `life.started()` when ready, then work until cancelled.

        Returning is normal only for children that are not permanent; what is returned is ignored.
        """
