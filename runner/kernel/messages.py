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


class _Stage(enum.Enum):
    NEW = 0
    ASKED = 1
    ANSWERED = 2
    FAILED = 3
    LEFT = 4


@attrs.define(eq=False)
class Reply(Generic[T]):
    """The one-shot return address of a question. Answering twice, or an asker who has left, does nothing."""

    _stage: _Stage = attrs.field(default=_Stage.NEW, init=False)
    _value: object = attrs.field(default=None, init=False, repr=False)
    _asker: trio.lowlevel.Task | None = attrs.field(default=None, init=False, repr=False)

    def send(self, value: T) -> None:
        """Answer the asker."""
        self._resolve(_Stage.ANSWERED, value)

    def fail(self, error: Exception) -> None:
        """Raise `error` where the question was asked."""
        self._resolve(_Stage.FAILED, error)

    @property
    def closed(self) -> bool:
        """Nobody waits any more: answered, failed or left."""
        return self._stage not in (_Stage.NEW, _Stage.ASKED)

    def open(self) -> None:
        """Mark the question as asked. A question is asked once: its reply belongs to one asker."""
        if self._stage is not _Stage.NEW:
            msg = "this question was asked before; build a new one for each ask"
            raise RuntimeError(msg)
        self._stage = _Stage.ASKED

    def leave(self) -> None:
        """The asker gives up; an answer that comes later is dropped."""
        if self._stage is _Stage.ASKED:
            self._stage = _Stage.LEFT

    async def wait(self) -> None:
        """Park until there is an answer; read it with `result`."""
        if self._stage is not _Stage.ASKED:
            await trio.lowlevel.checkpoint()
            return
        self._asker = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._asker = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def result(self) -> T:
        """The answer that has come. Must only be called when `answered`."""
        if self._stage is _Stage.FAILED:
            raise cast("Exception", self._value)
        return cast("T", self._value)

    @property
    def answered(self) -> bool:
        """Whether `result` has something to give."""
        return self._stage in (_Stage.ANSWERED, _Stage.FAILED)

    def _resolve(self, stage: _Stage, value: object) -> None:
        if self.closed:
            return
        self._stage = stage
        self._value = value
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
        failed it with. A question still queued when its asker leaves is never begun; one in hand is finished and its answer dropped.
        """
        down = ref.down()
        if down is not None:
            raise down
        self.reply.open()
        if ref.tell(self) is Accepted.REFUSED:
            self.reply.leave()
            raise ref.refusal()
        try:
            with trio.move_on_after(within):
                await self.reply.wait()
        finally:
            self.reply.leave()
        if self.reply.answered:
            return self.reply.result()
        raise TooSlowError(ref.name, within, ref.state, ref.retry_in)
