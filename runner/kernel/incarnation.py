"""One life of a child: runs the actor under its deadlines and judges how it ended. It never decides what comes next."""

import enum
from collections.abc import Callable

import attrs
import trio

from runner.kernel.context import ActorContext, StopReason
from runner.kernel.pulse import Pulse
from runner.kernel.spec import ChildSpec
from runner.kernel.text import error_text, leaves, summary, where_cancelled, where_waiting


class End(enum.Enum):
    """How an incarnation ended, in the order of judgement."""

    OUTER = "cancelled from outside"
    """The whole supervisor is being cancelled."""
    WISHED = "wished"
    KILLED = "killed"
    HUNG = "hung"
    CRASHED = "crashed"
    RETURNED = "returned"


@attrs.frozen(kw_only=True)
class Ending:
    """The judgement. Text only, except for an error that ends the start: its class is the answer."""

    end: End
    finished: bool
    """The actor came to its own end, without error and without having been cut off."""
    ready: bool
    summary: str = ""
    text: str = ""
    where: str = ""
    start_error: Exception | None = None


def _start_error(error: BaseException) -> Exception | None:
    for leaf in leaves(error):
        if isinstance(leaf, Exception) and getattr(leaf, "ends_start", False):
            # its frames are not kept, only what it says and what it is
            leaf.__context__ = leaf.__cause__ = None
            return leaf.with_traceback(None)
    return None


@attrs.define(eq=False, kw_only=True)
class Incarnation:
    """Number `number` of a child. `ended` is set by its supervisor, after the judgement and its consequences."""

    spec: ChildSpec
    number: int
    on_started: Callable[[], None]
    on_stuck: Callable[[str], None]
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    pulse: Pulse = attrs.field(init=False)
    context: ActorContext = attrs.field(init=False)
    actor: object = attrs.field(default=None, init=False)
    ended: trio.Event = attrs.field(factory=trio.Event, init=False)
    over: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Ended or stuck: nobody needs to wait for more."""
    ready_at: float | None = attrs.field(default=None, init=False)
    cut_off: bool = attrs.field(default=False, init=False)
    """Cancellation has reached it."""
    _passing: BaseException | None = attrs.field(default=None, init=False)
    _where: str = attrs.field(default="", init=False)
    _outer: tuple[str, str] = attrs.field(default=("", ""), init=False)
    _body_done: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.pulse = Pulse(self.scope, self.spec.handler_limit, self.spec.silence_limit)
        self.context = ActorContext(name=self.spec.name, number=self.number, pulse=self.pulse, on_started=self._started)

    @property
    def drains(self) -> bool:
        """Whether it ends itself when asked to."""
        return self.spec.drains or bool(getattr(self.actor, "drains", False))

    def end(self, stop_reason: StopReason, why: str, grace: float) -> None:
        """Begin a wished end. A later wish can only shorten the grace; the first one, or shutdown, says why."""
        context = self.context
        if context.stop_reason is None or stop_reason is StopReason.SHUTDOWN:
            context.stop_reason, context.why, context.grace = stop_reason, why, grace
        context.stopping.set()
        if grace <= 0:
            self.scope.cancel(reason=why)
            return
        self.pulse.ending(grace)
        if self.drains:
            return
        if self.spec.mailbox is None:
            self.scope.cancel(reason=why)
        else:
            self.spec.mailbox.hold_back(lambda: self.scope.cancel(reason=why))

    def kill(self, why: str) -> None:
        """Cut it off now, as a crash would."""
        if self.context.stop_reason is None:
            self.context.stop_reason, self.context.why = StopReason.KILL, why
        self.scope.cancel(reason=why)

    async def live(self) -> Ending:
        """Run the actor to its end. Raises only what is not its own: an outer cancellation, an interrupt."""
        error: BaseException | None = None
        try:
            with self.scope:
                self.pulse.starting(self.spec.start_limit)
                await self._with_sentinel()
        except (Exception, SystemExit) as raised:  # noqa: BLE001 - whatever an actor raises is its crash
            error = self._passing if isinstance(self._passing, (Exception, SystemExit)) else raised
        except BaseExceptionGroup as group:
            mine, others = group.split((Exception, SystemExit))
            if others is not None:
                # those are not ours to keep, but the error beside them is told
                if mine is not None:
                    self._outer = (summary(mine), error_text(mine))
                raise others from None
            error = mine
        finally:
            self._passing = None
        try:
            return self._judge(error)
        finally:
            del error  # it holds this frame, which would hold it

    def outer_ending(self) -> Ending:
        """The judgement for an incarnation whose `live` raised."""
        line, text = self._outer
        return Ending(
            end=End.OUTER, finished=False, ready=self.context.is_ready, summary=line, text=text, where=self._where
        )

    async def _with_sentinel(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sentinel, trio.lowlevel.current_task(), name=f"{self.spec.name} (sentinel)")
            try:
                self.actor = actor = self.spec.factory()
                await actor.run(self.context)
            except BaseException as passing:
                # the one place that looks at a passing Cancelled: its traceback says where the actor stood
                self._passing = passing
                self._where = where_cancelled(passing)
                raise
            finally:
                self._body_done.set()
                nursery.cancel_scope.cancel()

    async def _sentinel(self, body: trio.lowlevel.Task) -> None:
        """Sleep until the incarnation is cancelled or done, then see that it ends in time."""
        try:
            await trio.sleep_forever()
        finally:
            self.cut_off = not self._body_done.is_set()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + self.spec.cancel_grace):
                await self._body_done.wait()
            if not self._body_done.is_set():
                self.over.set()
                self.on_stuck(where_waiting(body))

    def _judge(self, error: BaseException | None) -> Ending:
        """Wish, then kill, then hang, then crash, then a normal end."""
        context = self.context
        caught = self.scope.cancelled_caught
        if context.stop_reason is StopReason.KILL:
            end = End.KILLED
        elif context.stop_reason is not None:
            end = End.WISHED
        elif caught:
            end = End.HUNG
        elif error is not None:
            end = End.CRASHED
        else:
            end = End.RETURNED
        text = "" if error is None else error_text(error)
        line = "" if error is None else summary(error)
        if end is End.HUNG:
            hung = f"hung in {self._where or 'an unknown place'}" if context.is_ready else self._late()
            line = f"{hung}; then {line}" if line else hung
        elif end is End.KILLED:
            line = f"{context.why}; then {line}" if line else context.why
        elif end is End.RETURNED:
            line = "returned"
        return Ending(
            end=end,
            finished=error is None and not caught,
            ready=context.is_ready,
            summary=line,
            text=text,
            where=self._where,
            start_error=None if error is None else _start_error(error),
        )

    def _late(self) -> str:
        return f"not ready within {self.spec.start_limit:g} s, at {self._where or 'an unknown place'}"

    def _started(self) -> None:
        self.ready_at = trio.current_time()
        self.on_started()
