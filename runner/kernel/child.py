"""What a supervisor knows of one child across its incarnations."""

import datetime as dt
import math
from collections import deque
from collections.abc import Callable

import attrs
import trio

from runner.kernel.backoff import RestartWindow
from runner.kernel.branch import Branch
from runner.kernel.incarnation import Incarnation
from runner.kernel.ref import State
from runner.kernel.spec import ChildSpec
from runner.kernel.status import ChildStatistics, ErrorRecord

ERRORS_KEPT = 10


@attrs.define(eq=False)
class Child:
    """State only; the tree decides. `wanted`: it should run at all; an operator's stop or a normal end unset it."""

    spec: ChildSpec
    now: Callable[[], dt.datetime]
    state: State = attrs.field(default=State.STARTING, init=False)
    reason: str = attrs.field(default="waits for its turn", init=False)
    since: dt.datetime = attrs.field(init=False)
    wanted: bool = attrs.field(default=True, init=False)
    number: int = attrs.field(default=0, init=False)
    incarnation: Incarnation | None = attrs.field(default=None, init=False)
    branch: Branch | None = attrs.field(default=None, init=False)
    """The last actor, when it is itself a supervisor."""
    ever_ready: bool = attrs.field(default=False, init=False)
    action: str | None = attrs.field(default=None, init=False)
    failures: int = attrs.field(default=0, init=False)
    """In a row, since it last ran long enough to be called healthy."""
    window: RestartWindow = attrs.field(init=False)
    timer: trio.CancelScope | None = attrs.field(default=None, init=False)
    retry_at: float = attrs.field(default=-math.inf, init=False)
    stuck_since: float | None = attrs.field(default=None, init=False)
    settled: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when the last start has come to something: ready, back-off, failed, stopped, stuck. Renewed at each start."""
    errors: deque[ErrorRecord] = attrs.field(factory=lambda: deque(maxlen=ERRORS_KEPT), init=False)

    def __attrs_post_init__(self) -> None:
        self.since = self.now()
        self.window = RestartWindow(self.spec.intensity)
        if self.spec.not_configured is None:
            self.enter(State.STARTING, "waits for its turn")
        else:
            self.wanted = False
            self.enter(State.STOPPED, f"not configured: {self.spec.not_configured}")

    @property
    def name(self) -> str:
        """The spec's name."""
        return self.spec.name

    def enter(self, state: State, reason: str = "", *, retry_at: float = -math.inf) -> None:
        """Change state, and let the mailbox and every waiting start know."""
        if state is not self.state or not self.number:
            self.since = self.now()
        self.state, self.reason, self.retry_at = state, reason, retry_at
        if self.spec.mailbox is not None:
            self.spec.mailbox.enter(state, reason, retry_at=retry_at)
        branch = branch_of(self)
        if branch is not None and state.down:
            branch.close_doors(state, reason)
        if state not in (State.STARTING, State.STOPPING):
            self.settled.set()

    def forgive(self) -> None:
        """A fresh chance: earlier failures no longer count."""
        self.failures = 0
        self.window.clear()

    def cancel_timer(self) -> None:
        """End a running back-off or the wait for a revival."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def stuck_for(self) -> float | None:
        """Seconds since it could not be ended."""
        return None if self.stuck_since is None else trio.current_time() - self.stuck_since

    def statistics(self) -> ChildStatistics:
        """A snapshot for `ps`."""
        mailbox = None if self.spec.mailbox is None else self.spec.mailbox.statistics()
        return ChildStatistics(
            name=self.name,
            state=self.state,
            reason=self.reason,
            since=self.since,
            restarts=max(0, self.number - 1),
            incarnation=self.number,
            queue=0 if mailbox is None else mailbox.queued,
            oldest_message_s=None if mailbox is None else mailbox.oldest_message_s,
            last_error=self.errors[-1].summary if self.errors else "",
            critical=self.spec.critical,
            retry_in=max(0.0, self.retry_at - trio.current_time()),
            stuck_s=self.stuck_for(),
            action=self.action,
            errors=tuple(self.errors),
            mailbox=mailbox,
        )


def branch_of(child: Child) -> Branch | None:
    """The nested supervisor that this child is, running or last run."""
    actor = child.branch if child.incarnation is None else child.incarnation.actor
    return actor if isinstance(actor, Branch) else None
