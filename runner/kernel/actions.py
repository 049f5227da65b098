"""What an operator may order: restart, stop, start, kill. One action per child at a time, in the supervisor's tasks."""

from collections.abc import Awaitable, Callable

import attrs
import trio

from runner.kernel.child import Child
from runner.kernel.context import StopReason
from runner.kernel.errors import NoSuchActor
from runner.kernel.ref import State
from runner.kernel.status import ActionReport
from runner.kernel.tree import SupervisionTree

Tell = Callable[[bool, str], None]
"""Answer the asker: whether it was done, and a sentence. The action may go on after that."""


@attrs.frozen(kw_only=True)
class _Order:
    by: str
    grace: float
    tell: Tell


@attrs.define(eq=False)
class Actions:
    """Runs actions in the tree's helpers, so that the asker may leave: it may be the very child that is restarted."""

    tree: SupervisionTree

    async def order(self, action: str, name: str, by: str, grace: float | None = None) -> ActionReport:
        """Begin an action and wait for its answer. Bounded by the child's graces and start limit, or by `grace`."""
        child = self.find(name)
        report: list[ActionReport] = []
        answered = trio.Event()

        def tell(done: bool, text: str) -> None:  # noqa: FBT001 - two plain words to say
            if not report:
                report.append(self._report(child, action, done=done, text=text))
                answered.set()

        self.tree.events.emit(
            "operator.action",
            actor=child.name,
            action=action,
            by=by,
            incarnation=child.number,
            cause=f"{action} by {by}",
        )
        refusal = self._refusal(child, action)
        if refusal is not None or self.tree.helpers is None:
            tell(False, refusal or f"{self.tree.name} is not running")
            await trio.lowlevel.checkpoint()
            return report[0]
        child.action = action
        order = _Order(by=by, grace=child.spec.grace if grace is None else grace, tell=tell)
        self.tree.helpers.start_soon(self._run, child, action, order, name=f"{action} {name}")
        await answered.wait()
        return report[0]

    def find(self, name: str) -> Child:
        """The child of that name, or NoSuchActor."""
        for child in self.tree.children:
            if child.name == name:
                return child
        raise NoSuchActor(name, tuple(child.name for child in self.tree.children))

    def _refusal(self, child: Child, action: str) -> str | None:
        if self.tree.outcome is not None:
            return "shutting down"
        if child.action is not None:
            return f"{child.action} in progress"
        if child.spec.not_configured is not None and action != "stop":
            return f"not configured: {child.spec.not_configured}"
        return None

    async def _run(self, child: Child, action: str, order: _Order) -> None:
        steps: dict[str, Callable[[Child, _Order], Awaitable[None]]] = {
            "restart": self._restart,
            "stop": self._stop,
            "start": self._start,
            "kill": self._kill,
        }
        try:
            await steps[action](child, order)
        finally:
            child.action = None
            order.tell(False, "shutting down")  # counts only when nothing was said before

    async def _restart(self, child: Child, order: _Order) -> None:
        if child.incarnation is None:
            await self._start(child, order)
            return
        why = f"operator restart by {order.by}"
        number = child.number
        if not await self._end(child, StopReason.RESTART, why, order):
            return
        self.tree.launch(child, why)
        # bounded by the child's start limit and cancel grace
        await child.settled.wait()
        if child.number > number:
            order.tell(child.state is State.RUNNING, f"restarted, now {child.state.value}")

    async def _stop(self, child: Child, order: _Order) -> None:
        why = f"stopped by {order.by}"
        if child.state is State.STOPPED:
            order.tell(True, "is stopped already")
            return
        child.wanted = False
        child.cancel_timer()
        if not await self._end(child, StopReason.STOP, why, order):
            return
        child.enter(State.STOPPED, why)
        self.tree.emit("actor.stopped", child, cause=why)
        self.tree.drop_temporary(child)
        order.tell(True, "stopped")

    async def _start(self, child: Child, order: _Order) -> None:
        if child.incarnation is not None:
            order.tell(False, f"is {child.state.value} already")
            return
        if child.number == 0 and child.state is State.STARTING:
            order.tell(False, "waits for its turn in the start")
            return
        child.cancel_timer()
        if child.state is not State.BACKOFF:
            child.forgive()
        child.wanted = True
        self.tree.launch(child, f"operator start by {order.by}")
        # bounded by the child's start limit and cancel grace
        await child.settled.wait()
        order.tell(child.state is State.RUNNING, f"started, now {child.state.value}")

    async def _kill(self, child: Child, order: _Order) -> None:
        incarnation = child.incarnation
        if incarnation is None or child.state is State.STUCK:
            order.tell(False, f"is {child.state.value}: there is nothing to kill")
            return
        incarnation.kill(f"killed by {order.by}")
        # bounded by the child's cancel grace
        await incarnation.over.wait()
        if incarnation.ended.is_set():
            order.tell(True, f"killed, now {child.state.value}")
        else:
            order.tell(False, f"cancelled, but it does not end: {child.reason}")

    async def _end(self, child: Child, stop_reason: StopReason, why: str, order: _Order) -> bool:
        """End the incarnation, however long that takes; a stuck one is answered at once. False: the tree is ending."""
        incarnation = child.incarnation
        if not await self.tree.end(child, stop_reason, why, order.grace) and incarnation is not None:
            order.tell(False, f"is stuck: {child.reason}; the order is carried out when it ends")
            # no deadline: only the actor itself can end now, and there must never be two of it
            await incarnation.ended.wait()
        return self.tree.outcome is None

    def _report(self, child: Child, action: str, *, done: bool, text: str) -> ActionReport:
        return ActionReport(
            actor=child.name,
            action=action,
            done=done,
            text=f"{child.name}: {text}",
            state=child.state,
            incarnation=child.number,
        )
