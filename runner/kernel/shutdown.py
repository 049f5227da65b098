"""The end of a tree: children end one by one in reverse order, each within its grace; a report says what was lost."""

import math

import attrs
import trio

from runner.kernel.child import Child, branch_of
from runner.kernel.context import StopReason
from runner.kernel.ref import State
from runner.kernel.status import Lost, Phase, ShutdownReport
from runner.kernel.tree import SupervisionTree


@attrs.define(eq=False)
class Shutdown:
    """One ending. `losing`: the process ends, so what is queued is lost; else mailboxes are kept."""

    tree: SupervisionTree
    losing: bool
    limit: float = math.inf
    """Seconds after which everything that is left is cancelled at once."""
    hurried: bool = attrs.field(default=False, init=False)
    _began: float = attrs.field(default=0.0, init=False)
    _current: Child | None = attrs.field(default=None, init=False)
    _late: bool = attrs.field(default=False, init=False)

    async def run(self, reason: str) -> ShutdownReport:
        """End all children; returns the report. A child that cannot be ended is left behind as stuck."""
        tree = self.tree
        self._began = trio.current_time()
        tree.losing = self.losing
        tree.events.emit("shutdown.begun", supervisor=tree.name, cause=reason)
        if self.losing:
            announce(tree)
        if tree.group_scope is not None:
            tree.group_scope.cancel()
        for child in tree.children:
            child.cancel_timer()
        if self.limit < math.inf and tree.helpers is not None:
            tree.helpers.start_soon(self._give_it_until, trio.current_time() + self.limit)
        phases = [await self._end(child, reason) for child in reversed(tuple(tree.children))]
        seconds = trio.current_time() - self._began
        overrun = self._late or any(phase.overran for phase in phases)
        report = ShutdownReport(
            reason=reason,
            seconds=seconds,
            phases=tuple(phases),
            lost=tuple(tree.lost),
            overrun=overrun,
            hurried=self.hurried,
        )
        tree.events.emit(
            "shutdown.done", supervisor=tree.name, cause=reason, seconds=seconds, lost=len(report.lost), overrun=overrun
        )
        return report

    def hurry(self) -> None:
        """All graces end now: this child's and those of the ones to come. The order stays."""
        if self.hurried:
            return
        self.hurried = True
        child = self._current
        if child is None or child.incarnation is None:
            return
        branch = branch_of(child)
        if branch is not None:
            branch.hurry()  # which ends its own children in order
        else:
            child.incarnation.end(self._wish(), "hurried", 0)

    def _wish(self) -> StopReason:
        return StopReason.SHUTDOWN if self.losing else StopReason.GROUP

    async def _end(self, child: Child, reason: str) -> Phase:
        tree = self.tree
        began = trio.current_time()
        lost_before = len(tree.lost)
        self._current = child
        grace = self._grace(child)
        ended = await tree.end(child, self._wish(), reason, grace)
        self._current = None
        seconds = trio.current_time() - began
        if self.losing:
            collect(tree, child)  # before its state tells those who still ask, so that their questions are named too
        if child.incarnation is None and child.state is not State.STOPPED:
            if not self.losing:
                child.enter(State.BACKOFF, reason)  # its parent may start all anew: questions wait
            elif child.state is not State.FAILED:
                child.enter(State.STOPPED, reason)
                tree.emit("actor.stopped", child, cause=reason)
        phase = Phase(
            actor=child.name,
            seconds=seconds,
            overran=not ended,
            cancelled=grace <= seconds and seconds > 0,
            lost=len(tree.lost) - lost_before,
        )
        tree.events.emit(
            "shutdown.phase", actor=child.name, **attrs.asdict(phase, filter=attrs.filters.exclude("actor"))
        )
        if phase.overran:
            tree.events.emit("shutdown.overran", actor=child.name, cause=child.reason)
        return phase

    def _grace(self, child: Child) -> float:
        branch = branch_of(child)
        if self.hurried and branch is not None:
            branch.hurry()
        elif self.hurried:
            return 0.0
        if child.spec.grace_from_shutdown:
            return max(0.0, self._began + child.spec.grace - trio.current_time())
        return child.spec.grace

    async def _give_it_until(self, deadline: float) -> None:
        await trio.sleep_until(deadline)
        self._late = True
        self.tree.events.emit("shutdown.overran", supervisor=self.tree.name, cause=f"took longer than {self.limit:g} s")
        self.hurry()
        for child in self.tree.children:
            if child.incarnation is not None:
                child.incarnation.end(self._wish(), "shutdown took too long", 0)


def collect(tree: SupervisionTree, child: Child) -> None:
    """Name what this child leaves unhandled: its queue, what a stuck one holds, and the losses of a nested tree."""
    mailbox = child.spec.mailbox
    if mailbox is not None:
        if child.incarnation is not None:
            tree.lost += [Lost(actor=child.name, message=each.message, label=each.label) for each in mailbox.in_hand()]
        tree.lost += mailbox.seal()
    branch = branch_of(child)
    if branch is not None:
        tree.lost += branch.losses()


def collect_all(tree: SupervisionTree) -> None:
    """The same for all children, where that has not been done: a sealed mailbox has nothing more to lose."""
    for child in reversed(tree.children):
        if child.spec.mailbox is not None and not child.spec.mailbox.sealed:
            collect(tree, child)


def announce(tree: SupervisionTree) -> None:
    """Tell every child at once that the process is going, and shut the doors to the outside."""
    tree.announced = True
    for child in tree.children:
        if child.spec.mailbox is not None:
            child.spec.mailbox.shut_outside()
        if child.incarnation is not None:
            child.incarnation.context.shutdown.set()
        branch = branch_of(child)
        if branch is not None:
            branch.announce_shutdown()
