"""The deadlines of one incarnation, moved by what it does. There is no poller: an idle actor has no deadline at all."""

import math
from collections.abc import Callable

import attrs
import trio

Task = trio.lowlevel.Task


@attrs.define(eq=False)
class Pulse:
    """Keeps `scope.deadline` at the nearest of start limit, silence limit, limit of each message in hand, end of grace.

    Entering `receive()` takes that task's limit away; leaving it, with a message or by an exception, sets a new one.
    """

    scope: trio.CancelScope
    handler_limit: float
    silence_limit: float = math.inf
    on_idle: Callable[[], None] | None = None
    """Set while a wished end waits for the actor to come back to its mailbox."""
    _busy: dict[Task, tuple[float, float]] = attrs.field(factory=dict, init=False)
    _start: float = attrs.field(default=math.inf, init=False)
    _silence: float = attrs.field(default=math.inf, init=False)
    _grace: float = attrs.field(default=math.inf, init=False)
    _others: float = attrs.field(default=math.inf, init=False)

    def starting(self, limit: float) -> None:
        """`started()` is due within `limit` seconds."""
        self._start = trio.current_time() + limit
        self._move()

    def started(self) -> None:
        """The start limit is over; silence counts from now."""
        self._start = math.inf
        self._silence = trio.current_time() + self.silence_limit
        self._move()

    def ending(self, grace: float) -> None:
        """Whatever else holds, the end comes within `grace` seconds."""
        self._grace = min(self._grace, trio.current_time() + grace)
        self._move()

    def entered(self, task: Task) -> None:
        """This task waits for its mailbox: that may take for ever."""
        busy = self._busy
        busy.pop(task, None)
        self.scope.deadline = min(self._others, min(busy.values())[0]) if busy else self._others
        if self.on_idle is not None and not busy:
            self.on_idle()

    def passed(self, task: Task) -> None:
        """This task came to its mailbox and found work there.

        Moving a deadline twice in one breath is the dearest part of a message, so one that is still far away stays for
        the single yield before `left` sets the next.
        """
        mine = self._busy.get(task)
        if mine is None or self.on_idle is not None or mine[0] - trio.current_time() < mine[1] / 2:
            self.entered(task)

    def left(self, task: Task, limit: float | None) -> None:
        """This task is back at work, with `limit` seconds for it."""
        allowed = self.handler_limit if limit is None else limit
        nearest = trio.current_time() + allowed
        busy = self._busy
        busy[task] = (nearest, allowed)
        if len(busy) > 1:
            nearest = min(busy.values())[0]
        self.scope.deadline = min(self._others, nearest)

    def beat(self) -> None:
        """A sign of life. It renews the silence limit, and the limit of the message in hand of the task it comes from.

        From a task that has no message in hand it stands for its handlers, unless the actor has a silence limit: then a
        lively background task must not hide a handler that hangs.
        """
        now = trio.current_time()
        if self._start == math.inf:
            self._silence = now + self.silence_limit
        task = trio.lowlevel.current_task()
        mine = self._busy.get(task)
        if mine is not None:
            self._busy[task] = (now + mine[1], mine[1])
        elif self.silence_limit == math.inf:
            self._busy = {each: (now + limit, limit) for each, (_, limit) in self._busy.items()}
        self._move()

    @property
    def idle(self) -> bool:
        """No task is between two receives."""
        return not self._busy

    def _move(self) -> None:
        self._others = min(self._start, self._silence, self._grace)
        self.scope.deadline = min(self._others, min(self._busy.values())[0]) if self._busy else self._others
