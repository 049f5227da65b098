"""Messages: what their class promises about delivery, and the one-shot address a question carries.

Orders:     @attrs.frozen
            class Publish(Order):
                text: str

Questions:  @attrs.frozen
            class Find(Question[tuple[str, ...]]):
                q: str

            hits = await Find("q").ask(ref, within=2)
"""

import enum
from typing import ClassVar, Generic, Self, TypeVar, cast

import attrs
import trio

from runner.kernel.errors import TooSlowError
from runner.kernel.ref import Accepted, Ref

T = TypeVar("T")


class Delivery(enum.Enum):
    """What happens to a message found in hand after a crash, a hang or a kill."""

    REDELIVER = "redeliver"
    """Back to the head of its mailbox; after `max_attempts` it is a dead letter."""
    ONCE = "once"
    """Never begun twice: the asker gets `Crashed`, an order becomes a dead letter."""
    NUDGE = "nudge"
    """Dropped: it only said "look at the ledger", and every start looks there."""


class Order:
    """Base of orders. The class says how it may be delivered and how long one handling may take."""

    __slots__ = ()

    delivery: ClassVar[Delivery] = Delivery.REDELIVER
    within: ClassVar[float | None] = None
    """Seconds one handling may take; None leaves it to the child spec's `handler_limit`."""

    def label(self) -> str:
        """A short key shown with dead letters and losses. Never the message's text: that may be private."""
        return ""


class Nudge(Order):
    """Base of messages that only say "look again": they carry a key or nothing and need no promise."""

    __slots__ = ()

    delivery: ClassVar[Delivery] = Delivery.NUDGE


@attrs.define(eq=False)
class Reply(Generic[T]):
    """The one-shot return address of a question. Answering twice, or an asker who has left, does nothing."""

    closed: bool = attrs.field(default=False, init=False)
    """Nobody waits any more: answered, failed or left."""
    answered: bool = attrs.field(default=False, init=False)
    """There is something for `result`."""
    _asked: bool = attrs.field(default=False, init=False)
    _value: object = attrs.field(default=None, init=False, repr=False)
    _error: Exception | None = attrs.field(default=None, init=False, repr=False)
    _asker: trio.lowlevel.Task | None = attrs.field(default=None, init=False, repr=False)

    def send(self, value: T) -> None:
        """Answer the asker."""
        if not self.closed:
            self._value = value
            self._resolve()

    def fail(self, error: Exception) -> None:
        """Raise `error` where the question was asked."""
        if not self.closed:
            self._error = error
            self._resolve()

    def open(self) -> None:
        """Mark the question as asked. A question is asked once: its reply belongs to one asker."""
        if self._asked:
            msg = "this question was asked before; build a new one for each ask"
            raise RuntimeError(msg)
        self._asked = True

    def leave(self) -> None:
        """The asker is gone; an answer that comes later is dropped."""
        self.closed = True

    async def wait(self) -> None:
        """Park until there is an answer; read it with `result`."""
        if self.closed:
            await trio.lowlevel.checkpoint()
            return
        self._asker = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._give_up)

    def result(self) -> T:
        """The answer that has come. Must only be called when `answered`."""
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def _give_up(self, _: object) -> trio.lowlevel.Abort:
        self._asker = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _resolve(self) -> None:
        self.closed = self.answered = True
        if self._asker is not None:
            asker, self._asker = self._asker, None
            trio.lowlevel.reschedule(asker)


@attrs.frozen
class Question(Order, Generic[T]):
    """Base of questions that are answered with a T. At most once, unless the class declares REDELIVER."""

    delivery: ClassVar[Delivery] = Delivery.ONCE
    reply: Reply[T] = attrs.field(factory=Reply, init=False, repr=False, eq=False)

    async def ask(self, ref: Ref[Self], *, within: float) -> T:
        """Send this question and wait at most `within` seconds for its answer.

        Raises ActorDown at once when the actor is failed, stopped or stuck, MailboxFull when it is not accepted,
        Crashed when the actor ended with it in hand, TooSlowError when the time is over, and whatever the actor
        failed it with. A question still queued when its asker leaves is never begun; one in hand is finished and its
        answer dropped.
        """
        down = ref.down()
        if down is not None:
            raise down
        self.reply.open()
        if ref.tell(self) is Accepted.REFUSED:
            self.reply.leave()
            raise ref.refusal()
        try:
            with trio.CancelScope(deadline=trio.current_time() + within):
                await self.reply.wait()
        finally:
            self.reply.leave()
        if self.reply.answered:
            return self.reply.result()
        raise TooSlowError(ref.name, within, ref.state, ref.retry_in)
