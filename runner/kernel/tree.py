"""The inside of a supervisor: starts incarnations, judges what their endings mean, and decides what comes next.

Decisions are synchronous. Everything that takes time (back-off, group restarts, operator actions, shutdown) is a task
that only calls in here between its waits, so no decision can be half made.
"""

import enum
import random

import attrs
import trio

from runner.kernel.backoff import Intensity, RestartWindow
from runner.kernel.branch import Branch
from runner.kernel.child import Child
from runner.kernel.context import StopReason
from runner.kernel.dead_letters import DeadLetters
from runner.kernel.errors import NotStarted
from runner.kernel.events import EventRing
from runner.kernel.incarnation import End, Ending, Incarnation
from runner.kernel.ref import State
from runner.kernel.settling import Settlement
from runner.kernel.spec import AutoShutdown, Restart, Strategy
from runner.kernel.status import ErrorRecord, Lost


class Ended(enum.Enum):
    """Why a supervisor ended."""

    SHUT_DOWN = "shut down"
    """Asked to."""
    DONE = "done"
    """Its significant children have ended."""
    GAVE_UP = "gave up"
    """A critical child failed, or the restarts were too many."""
    START_FAILED = "start failed"


EXIT_GAVE_UP = 70


@attrs.frozen(kw_only=True)
class Outcome:
    """What `Supervisor.run` returns for the root: how it ended, why, through whom, and the exit code.

    `error` is the exception that ended the start, for its class and message; its traceback is gone.
    """

    ended: Ended
    reason: str
    actor: str | None = None
    error: Exception | None = None
    exit_code: int = 0


@attrs.define(eq=False, kw_only=True)
class SupervisionTree:
    """One supervisor's children and rules. `Supervisor` is its public face."""

    name: str
    children: list[Child]
    strategy: Strategy
    intensity: Intensity
    revive_after: float
    rng: random.Random
    events: EventRing
    dead_letters: DeadLetters
    auto_shutdown: AutoShutdown
    lives: trio.Nursery | None = attrs.field(default=None, init=False)
    """Where incarnations run. Only an outer cancellation ever cancels it."""
    helpers: trio.Nursery | None = attrs.field(default=None, init=False)
    """Where timers, group restarts and operator actions run."""
    window: RestartWindow = attrs.field(init=False)
    outcome: Outcome | None = attrs.field(default=None, init=False)
    finishing: trio.Event = attrs.field(factory=trio.Event, init=False)
    announced: bool = attrs.field(default=False, init=False)
    ready: trio.Event = attrs.field(factory=trio.Event, init=False)
    lost: list[Lost] = attrs.field(factory=list, init=False)
    losing: bool = attrs.field(default=False, init=False)
    """The process is going: what is in hand at an ending is lost, not returned."""
    group_scope: trio.CancelScope | None = attrs.field(default=None, init=False)
    group_first: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.window = RestartWindow(self.intensity)

    # --- one incarnation

    def launch(self, child: Child, cause: str) -> None:
        """Start the next incarnation, unless one is alive, the child is not wanted, or the tree is ending."""
        if child.incarnation is not None or not child.wanted or self.outcome is not None or self.lives is None:
            return
        child.cancel_timer()
        child.number += 1
        if child.settled.is_set():  # else somebody still waits for an earlier start to come to something
            child.settled = trio.Event()
        incarnation = Incarnation(
            spec=child.spec,
            number=child.number,
            on_started=lambda: self._started(child, incarnation),
            on_stuck=lambda where: self._stuck(child, where),
        )
        child.incarnation = incarnation
        if child.spec.mailbox is not None:
            child.spec.mailbox.attach(incarnation.pulse)
        if self.announced:
            incarnation.context.shutdown.set()
        child.enter(State.STARTING, cause)
        if child.number > 1:
            self.emit("actor.restarting", child, cause=cause)
        self.emit("actor.starting", child, cause=cause)
        self.lives.start_soon(self._live, child, incarnation, name=f"{child.name} #{child.number}")

    async def _live(self, child: Child, incarnation: Incarnation) -> None:
        ending: Ending | None = None
        try:
            ending = await incarnation.live()
        finally:
            self._ended(child, incarnation, incarnation.outer_ending() if ending is None else ending)

    async def end(self, child: Child, stop_reason: StopReason, why: str, grace: float) -> bool:
        """End a child's incarnation as wished; True when it has ended, False when it is stuck."""
        incarnation = child.incarnation
        if incarnation is None:
            return True
        first = incarnation.context.stop_reason is None
        incarnation.end(stop_reason, why, grace)
        if child.state is not State.STUCK:
            child.enter(State.STOPPING, why)
            if first:
                self.emit("actor.stopping", child, cause=why)
        await incarnation.over.wait()
        return incarnation.ended.is_set()

    # --- what happened

    def _started(self, child: Child, incarnation: Incarnation) -> None:
        child.ever_ready = True
        if child.incarnation is incarnation and child.state is State.STARTING:
            child.enter(State.RUNNING)
            self.emit("actor.ready", child, cause="started")

    def _stuck(self, child: Child, where: str) -> None:
        child.stuck_since = trio.current_time()
        child.enter(State.STUCK, f"cannot be ended; it stands at {where or 'an unknown place'}")
        self.emit("actor.stuck", child, cause="cancellation has no effect", where=where)
        if self.outcome is None and not self.ready.is_set() and child.spec.critical and not child.ever_ready:
            self.fail_start(child, NotStarted(f"{child.name} did not become ready and cannot be ended (at {where})"))

    def _ended(self, child: Child, incarnation: Incarnation, ending: Ending) -> None:
        """Everything that follows from an ending, in one step: messages, records, events, and what comes next."""
        child.incarnation = None
        child.branch = incarnation.actor if isinstance(incarnation.actor, Branch) else None
        wishing = ending.end in (End.WISHED, End.OUTER)
        normal = ending.end is End.RETURNED and child.spec.restart is not Restart.PERMANENT
        why = incarnation.context.why if wishing else ending.summary
        if not wishing and not normal:
            self._tell_failure(child, ending)
        if child.spec.mailbox is not None:
            self.lost += child.spec.mailbox.settle(
                Settlement(
                    finished=ending.finished and normal,
                    orderly=ending.finished and wishing,
                    counted=not wishing,
                    lost=self.losing,
                    cause=why,
                    error=ending.text or ending.where,
                )
            )
        if child.stuck_since is not None:
            self.emit("actor.unstuck", child, cause="it ended at last", seconds=child.stuck_for())
            child.stuck_since = None
        if wishing:
            if ending.text:
                self._record(child, "clean-up", ending)
                self.emit("actor.cleanup_failed", child, cause=ending.summary, error=ending.text)
            child.enter(State.STOPPING, why)
        elif normal:
            self._ended_normally(child)
        else:
            self._failed(child, incarnation, ending)
        incarnation.ended.set()
        incarnation.over.set()

    def _tell_failure(self, child: Child, ending: Ending) -> None:
        self._record(child, ending.end.value, ending)
        held = () if child.spec.mailbox is None else child.spec.mailbox.in_hand()
        concurrency = {"message": held[0].message, "label": held[0].label, "attempt": held[0].attempt} if held else {}
        self.emit(
            "actor.hung" if ending.end is End.HUNG else "actor.crashed",
            child,
            cause=ending.summary,
            kind=ending.end.value,
            where=ending.where,
            error=ending.text,
            **concurrency,
        )

    def _ended_normally(self, child: Child) -> None:
        self.emit("actor.stopped", child, cause="ended normally")
        self._leave(child, "ended normally")

    def _leave(self, child: Child, reason: str) -> None:
        """A child that will not be started again by itself; its end may be the supervisor's."""
        child.wanted = False
        child.enter(State.STOPPED, reason)
        self.drop_temporary(child)
        if not child.spec.significant or self.outcome is not None:
            return
        left = any(each.spec.significant and each.wanted for each in self.children)
        if self.auto_shutdown is AutoShutdown.ANY or (self.auto_shutdown is AutoShutdown.ALL and not left):
            self.finish(Outcome(ended=Ended.DONE, reason=f"significant child {child.name} {reason}", actor=child.name))

    def drop_temporary(self, child: Child) -> None:
        """A temporary child that has ended is forgotten, spec and all."""
        if child.spec.restart is Restart.TEMPORARY and child in self.children:
            self.children.remove(child)

    # --- failures

    def _failed(self, child: Child, incarnation: Incarnation, ending: Ending) -> None:
        """A crash, hang or kill, or a permanent child's return: restart, give the child up, or give up."""
        if self.outcome is not None:
            child.enter(State.STOPPING, ending.summary)
            return
        if not self.ready.is_set() and self._ends_start(child, ending):
            return
        now = trio.current_time()
        if child.spec.restart is Restart.TEMPORARY:
            self._leave(child, ending.summary)
            if child.spec.critical:
                self.give_up(child, f"critical child {child.name} ended: {ending.summary}")
            return
        healthy = incarnation.ready_at is not None and now - incarnation.ready_at >= child.spec.backoff.healthy
        child.failures = 1 if healthy else child.failures + 1
        child_over = child.window.add(now)
        if self.window.add(now):
            child.enter(State.FAILED, ending.summary)
            allowed = f"{self.intensity.restarts} restarts in {self.intensity.window:g} s"
            self.give_up(child, f"more than {allowed} in {self.name}, the last of {child.name}: {ending.summary}")
        elif child_over:
            self._exhausted(child, ending)
        else:
            self._restart(child, child.spec.backoff.delay(child.failures, self.rng), ending)

    def _ends_start(self, child: Child, ending: Ending) -> bool:
        if ending.start_error is not None:
            self.fail_start(child, ending.start_error)
        elif child.spec.critical and not child.ever_ready:
            self.fail_start(child, NotStarted(f"{child.name} did not start: {ending.summary}"))
        else:
            return False
        child.enter(State.FAILED, ending.summary)
        return True

    def fail_start(self, child: Child, error: Exception) -> None:
        """End the start of the whole tree."""
        code = getattr(error, "exit_code", EXIT_GAVE_UP)
        self.finish(
            Outcome(
                ended=Ended.START_FAILED,
                reason=f"{child.name}: {error}",
                actor=child.name,
                error=error,
                exit_code=code if isinstance(code, int) else EXIT_GAVE_UP,
            )
        )

    def _exhausted(self, child: Child, ending: Ending) -> None:
        """The child has spent its intensity."""
        intensity = child.spec.intensity
        reason = f"more than {intensity.restarts} failures in {intensity.window:g} s, the last: {ending.summary}"
        child.enter(State.FAILED, reason)
        self.emit("actor.failed", child, cause=reason)
        if child.spec.critical:
            self.give_up(child, f"critical child {child.name} failed: {reason}")
        elif self.strategy is not Strategy.ONE_FOR_ONE:
            self.give_up(child, f"{child.name} failed, and its siblings cannot do without it: {reason}")
        elif self.revive_after > 0:
            self.later(child, self.revive_after, "revived", State.FAILED, reason)

    def _restart(self, child: Child, delay: float, ending: Ending) -> None:
        if self.strategy is not Strategy.ONE_FOR_ONE:
            self.restart_group(child, delay, ending.summary)
        elif delay <= 0:
            self.launch(child, f"after: {ending.summary}")
        else:
            self.later(child, delay, f"after: {ending.summary}", State.BACKOFF, ending.summary)
            self.emit("actor.backoff", child, cause=ending.summary, seconds=delay)

    def later(self, child: Child, delay: float, cause: str, state: State, reason: str) -> None:
        """Start the child again in `delay` seconds, unless somebody does it before."""
        assert self.helpers is not None
        child.cancel_timer()
        scope = child.timer = trio.CancelScope()
        child.enter(state, reason, retry_at=trio.current_time() + delay)
        self.helpers.start_soon(self._launch_later, child, scope, delay, cause, name=f"{child.name} (back-off)")

    async def _launch_later(self, child: Child, scope: trio.CancelScope, delay: float, cause: str) -> None:
        with scope:
            await trio.sleep(delay)
            child.timer = None
            if child.state is State.FAILED:
                child.forgive()
                self.emit("actor.revived", child, cause=f"tried again after {delay:g} s")
            self.launch(child, cause)

    # --- groups

    def restart_group(self, failed: Child, delay: float, cause: str) -> None:
        """rest_for_one, one_for_all: take the others along. A failure in the middle begins it anew."""
        assert self.helpers is not None
        first = 0 if self.strategy is Strategy.ONE_FOR_ALL else self.children.index(failed)
        if self.group_scope is not None:
            self.group_scope.cancel()
            first = min(first, self.group_first)
        scope = self.group_scope = trio.CancelScope()
        self.group_first = first
        until = trio.current_time() + delay
        failed.enter(State.BACKOFF, cause, retry_at=until)
        self.emit("actor.backoff", failed, cause=cause, seconds=delay)
        self.helpers.start_soon(self._regroup, scope, first, until, f"{failed.name}: {cause}", name="group restart")

    async def _regroup(self, scope: trio.CancelScope, first: int, until: float, cause: str) -> None:
        with scope:
            members = self.children[first:]
            why = f"its group restarts ({cause})"
            for child in reversed(members):
                await self._stop_member(child, why, until)
            await trio.sleep_until(until)
            for child in members:
                if child.wanted and child.incarnation is None:
                    self.launch(child, why)
                    # bounded by the child's start limit and cancel grace
                    await child.settled.wait()
            self.group_scope = None

    async def _stop_member(self, child: Child, why: str, until: float) -> None:
        incarnation = child.incarnation
        if incarnation is not None:
            if not await self.end(child, StopReason.GROUP, why, child.spec.grace):
                # no deadline: two lives of one child must never be; an operator sees it as stuck
                await incarnation.ended.wait()
            if child.spec.mailbox is not None and child.spec.discard:
                child.spec.mailbox.discard("discarded with its group's restart")
            if child.spec.restart is Restart.TEMPORARY:
                self._leave(child, why)
        if child.wanted and child.incarnation is None:
            child.enter(State.BACKOFF, why, retry_at=until)

    # --- the end

    def give_up(self, child: Child, reason: str) -> None:
        """The supervisor itself fails."""
        if self.outcome is None:
            self.events.emit("supervisor.giving_up", supervisor=self.name, actor=child.name, cause=reason)
        self.finish(Outcome(ended=Ended.GAVE_UP, reason=reason, actor=child.name, exit_code=EXIT_GAVE_UP))

    def finish(self, outcome: Outcome) -> None:
        """Begin to end; the first reason counts. From here on nothing is started."""
        if self.outcome is None:
            self.outcome = outcome
            self.finishing.set()

    # --- small things

    def emit(self, name: str, child: Child, **fields: object) -> None:
        """An event about a child."""
        self.events.emit(name, actor=child.name, incarnation=child.number, **fields)

    def _record(self, child: Child, cause: str, ending: Ending) -> None:
        child.errors.append(
            ErrorRecord(
                at=self.events.now(),
                incarnation=child.number,
                cause=cause,
                summary=ending.summary,
                text=ending.text or ending.where,
            )
        )
