"""Children as data: restart rule, limits, graces, intensity, back-off. What cannot work is refused when it is built."""

import enum
import math
from collections.abc import Callable
from typing import Any

import attrs

from runner.kernel.backoff import Backoff, Intensity, check_reachable
from runner.kernel.context import Actor
from runner.kernel.errors import SpecError
from runner.kernel.mailbox import Mailbox


class Restart(enum.Enum):
    """When a child that ended by itself is started again."""

    PERMANENT = "permanent"
    """Always; returning counts as a crash."""
    TRANSIENT = "transient"
    """After a crash, a hang or a kill, not after a normal end."""
    TEMPORARY = "temporary"
    """Never; its spec is dropped when it ends."""


class Strategy(enum.Enum):
    """Who is restarted when one child fails."""

    ONE_FOR_ONE = "one for one"
    """It alone."""
    REST_FOR_ONE = "rest for one"
    """It and all started after it."""
    ONE_FOR_ALL = "one for all"
    """Every child."""


class AutoShutdown(enum.Enum):
    """When a supervisor ends because its significant children have ended."""

    NEVER = "never"
    ANY = "any"
    ALL = "all"


@attrs.frozen(kw_only=True)
class ChildSpec:
    """One child. Times are in seconds.

    `significant` children (never permanent ones) may end their supervisor, see `AutoShutdown`: a transient one by
    ending normally, a temporary one by ending in any way, as in OTP.
    """

    name: str
    factory: Callable[[], Actor]
    """Builds a new actor for each incarnation; what it raises is a crash of that incarnation."""
    mailbox: Mailbox[Any] | None = None
    restart: Restart = Restart.PERMANENT
    critical: bool = False
    """Its failure is the supervisor's: the root shuts down, a nested one fails to its parent."""
    significant: bool = False
    start_limit: float = 10
    """From the start to `started()`; exceeding it is a crash."""
    handler_limit: float = 30
    """From leaving `receive()` to entering it again, unless the message's class has a `within` of its own."""
    silence_limit: float = math.inf
    """Between beats, for an actor that waits for other things than its mailbox."""
    grace: float = 2
    """A wished end: how long it may finish what it has in hand."""
    cancel_grace: float = 5
    """From cancellation to the end; later it is `stuck`."""
    intensity: Intensity = attrs.field(factory=lambda: Intensity(6, 60))
    backoff: Backoff = attrs.field(factory=Backoff)
    drains: bool = False
    """True: on a wished end it watches `life.stopping` and ends by itself, being cancelled only after the grace. It
    goes on receiving meanwhile. False: it is cancelled as soon as it waits in `receive()` with nothing in hand (at
    once when it has no mailbox), at the latest after the grace. An actor class may also declare `drains = True`."""
    grace_from_shutdown: bool = False
    """In a shutdown its grace counts from the beginning of it (when `life.shutdown` was set), not from its turn."""
    discard: bool = False
    """When its group takes it along in a restart, what is queued goes to the dead letters."""
    not_configured: str | None = None
    """Why it is not started at all; it is shown as stopped, and `start` answers with this."""

    def __attrs_post_init__(self) -> None:
        for limit in ("start_limit", "handler_limit", "silence_limit"):
            if not getattr(self, limit) > 0:
                self._refuse(f"{limit} is {getattr(self, limit)} s; it must be longer than 0")
        for grace in ("grace", "cancel_grace"):
            if not 0 <= getattr(self, grace) < math.inf:
                self._refuse(f"{grace} is {getattr(self, grace)} s; it must be at least 0 and end some time")
        if not self.name or "/" in self.name:
            self._refuse("a name is needed, without '/' (which separates nested names)")
        if self.significant and self.restart is Restart.PERMANENT:
            self._refuse("a permanent child never ends normally, so it cannot be significant")
        if self.mailbox is not None and self.intensity.restarts < 2 * self.mailbox.max_attempts:
            self._refuse(
                f"an intensity of {self.intensity.restarts} restarts is less than twice the {self.mailbox.max_attempts}"
                " attempts a message gets: two poisonous messages would fail the actor"
            )
        check_reachable(self.intensity, self.backoff, name=f"child {self.name}")

    def _refuse(self, why: str) -> None:
        msg = f"child {self.name!r}: {why}"
        raise SpecError(msg)
