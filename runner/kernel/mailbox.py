"""The mailbox: a bounded queue, a place for what is in hand, and a parking lot. It outlives its actors.

Owned by the wiring. Actors call `receive` and `also`; everybody else holds a `Ref`; the supervisor settles what is
found in hand when an incarnation ends.
"""

import math
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import attrs
import trio

from runner.kernel.dead_letters import DeadLetters, label_of
from runner.kernel.errors import ActorDown, Crashed, MailboxFull, SpecError
from runner.kernel.events import EventRing
from runner.kernel.messages import Delivery, Question
from runner.kernel.pulse import Pulse
from runner.kernel.queue import Envelope, Line, Overflow
from runner.kernel.ref import Accepted, Ref, State
from runner.kernel.settling import Held, Settlement
from runner.kernel.status import Lost, MailboxStatistics
from runner.kernel.text import error_text

M = TypeVar("M")
Task = trio.lowlevel.Task

FULL_EVERY = 1.0
"""At most one `mailbox.full` event a second and box."""
SHUTTING_DOWN = "shutting down"


@attrs.define(eq=False)
class _Counters:
    accepted: int = 0
    done: int = 0
    dropped: int = 0
    expired: int = 0
    dead: int = 0
    refused: int = 0
    displaced: int = 0
    returned: int = 0
    lost: int = 0
    resent: int = 0


class Mailbox(Generic[M]):
    """See the module. `ref` is for the other actors; `outside` is for doors and signals, and is shut first.

    `on_loss` is called, on the loop, with each queued message that overflow displaced. `key` belongs to KEEP_NEWEST.
    `concurrency` is how many tasks of the actor may hold a message at once. `fault` exists for tests alone: it is
    called with each message just taken in hand, and what it raises comes out of that `receive()` as an error of its
    handler.
    """

    fault: Callable[[str, M], None] | None

    def __init__(
        self,
        name: str,
        *,
        capacity: int,
        overflow: Overflow = Overflow.REFUSE,
        key: Callable[[M], Hashable] | None = None,
        concurrency: int = 1,
        max_attempts: int = 3,
        on_loss: Callable[[M], None] | None = None,
        dead_letters: DeadLetters | None = None,
        events: EventRing | None = None,
    ) -> None:
        if concurrency < 1 or max_attempts < 1:
            msg = f"mailbox {name}: concurrency ({concurrency}) and max_attempts ({max_attempts}) must be at least 1"
            raise SpecError(msg)
        self.name = name
        self.concurrency = concurrency
        self.max_attempts = max_attempts
        self.fault = None
        self.ref: Ref[M] = Ref(self)
        self.outside: Ref[M] = Ref(self, outside=True)
        self._line: Line[M] = Line(capacity, overflow, key)
        self._on_loss = on_loss
        self._dead_letters = dead_letters
        self._events = events
        self._in_hand: dict[Task, list[Envelope[M]]] = {}
        self._waiting: dict[Task, None] = {}
        self._woken: set[Task] = set()
        self._number = 0
        self._count = _Counters()
        self._pulse: Pulse | None = None
        self._held_back = False
        self._shut_outside = False
        self._sealed = False
        self._state: State | None = None
        self._down: State | None = None
        self._reason = ""
        self._retry_at = -math.inf
        self._full_at = -math.inf
        self._terms: dict[type, tuple[Delivery, float | None]] = {}

    def __repr__(self) -> str:
        return (
            f"<Mailbox {self.name}: {len(self._line)} queued, {self._held()} in hand, {self._state or 'unsupervised'}>"
        )

    @property
    def capacity(self) -> int:
        """Messages that may wait."""
        return self._line.capacity

    # --- for the actor

    async def receive(self) -> M:
        """The next message; it is in this task's hand until the task calls `receive` again or has ended.

        What was in hand before is done the moment this is entered, and not before: an actor that ends itself when asked
        to should enter it once more. A receive that raises has taken nothing. The task's handler limit starts when this
        is left, also by an exception: a task that leaves it so and ends should be the actor's last.
        """
        task = trio.lowlevel.current_task()
        if task not in self._in_hand and self._hands_taken() >= self.concurrency and not self._free_a_hand():
            msg = (
                f"mailbox {self.name}: {self.concurrency} message(s) at a time, and all are held by other tasks:"
                " receive in one task, or raise its concurrency"
            )
            raise RuntimeError(msg)
        done = self._in_hand.pop(task, None)
        if done is not None:
            self._count.done += len(done)
        pulse = self._pulse
        limit: float | None = None
        try:
            if self._line.size and not self._held_back:
                if pulse is not None:
                    pulse.passed(task)
                await trio.lowlevel.checkpoint()
            # no deadline: an actor without work waits for work; the supervisor ends it through its own scope
            while (envelope := self._take()) is None:
                if pulse is not None:
                    pulse.entered(task)
                await self._park(task)
            # nothing below waits, so from here on the message is taken for certain
            message = envelope.message
            self._in_hand[task] = [envelope]
            limit = self._terms_of(message)[1]
        finally:
            if pulse is not None:
                pulse.left(task, limit)
        if self.fault is not None:
            self.fault(self.name, message)
        return message

    def also(self, wanted: Callable[[M], bool]) -> M | None:
        """Take the next queued message into the same hand if `wanted(it)`, else None: for merging what came in a row.

        Both are then judged together: done at the next `receive`, or both returned in order.
        """
        hand = self._in_hand.get(trio.lowlevel.current_task())
        if hand is None:
            msg = f"also() on mailbox {self.name} needs a message in hand: call receive() first, in the same task"
            raise RuntimeError(msg)
        if not self._ready():
            return None
        head = self._line.head()
        if head is None or not wanted(head.message):
            return None
        hand.append(self._line.take())
        return head.message

    def statistics(self) -> MailboxStatistics:
        """A snapshot of the counters."""
        oldest = min((each.at for hand in self._in_hand.values() for each in hand), default=math.inf)
        head = self._line.head()
        if head is not None:
            oldest = min(oldest, head.at)
        return MailboxStatistics(
            name=self.name,
            capacity=self._line.capacity,
            overflow=self._line.overflow.value,
            concurrency=self.concurrency,
            queued=len(self._line),
            in_hand=self._held(),
            waiting=len(self._waiting),
            oldest_message_s=None if oldest == math.inf else trio.current_time() - oldest,
            **attrs.asdict(self._count),
        )

    # --- for refs

    @property
    def state(self) -> State | None:
        """What the supervisor says of the actor."""
        return self._state

    @property
    def retry_in(self) -> float:
        """Rest of the actor's back-off in seconds."""
        return max(0.0, self._retry_at - trio.current_time())

    def down(self, *, outside: bool) -> ActorDown | None:
        """Why a question asked now would not be answered, if so."""
        if self._sealed or (outside and self._shut_outside):
            return ActorDown(self.name, (self._state or State.STOPPED).value, SHUTTING_DOWN)
        return None if self._down is None else ActorDown(self.name, self._down.value, self._reason)

    def put(self, message: M, *, outside: bool) -> Accepted:
        """Accept or refuse; behind `Ref.tell`."""
        line = self._line
        if self._sealed or (outside and self._shut_outside):
            return self._refuse(message, SHUTTING_DOWN)
        if line.refuses:
            self._emit_full()
            return self._refuse(message, "mailbox full")
        return self._accept(message)

    def resend(self, message: M) -> Accepted:
        """Accept a dead letter again; a refusal makes no second dead letter."""
        if self._sealed or self._shut_outside or self._line.refuses:
            return Accepted.REFUSED
        self._count.resent += 1
        return self._accept(message, resent=True)

    # --- for the supervisor

    def adopt(self, dead_letters: DeadLetters, events: EventRing) -> None:
        """Take the tree's dead letters and events where the wiring gave none."""
        self._dead_letters = self._dead_letters or dead_letters
        self._events = self._events or events

    def attach(self, pulse: Pulse) -> None:
        """A new incarnation begins to receive."""
        self._pulse = pulse
        self._held_back = False

    def hold_back(self, on_idle: Callable[[], None]) -> None:
        """Give out no more messages; call `on_idle` as soon as the actor waits in receive() with nothing in hand."""
        self._held_back = True
        pulse = self._pulse
        if pulse is None:
            return
        if pulse.idle and (self._waiting or self._woken):
            on_idle()
        else:
            pulse.on_idle = on_idle

    def enter(self, state: State, reason: str = "", *, retry_at: float = -math.inf) -> None:
        """The actor's state changed. Down means: queued questions fail now, and new ones fail at once."""
        self._state, self._reason, self._retry_at = state, reason, retry_at
        self._down = state if state.down else None
        if self._down is None:
            return
        for envelope in [*self._line, *(each for hand in self._in_hand.values() for each in hand)]:
            if isinstance(envelope.message, Question):
                envelope.message.reply.fail(ActorDown(self.name, state.value, reason))

    def in_hand(self) -> tuple[Held, ...]:
        """What is in hand, in order of acceptance."""
        return tuple(
            Held(message=type(each.message).__name__, label=label_of(each.message), attempt=each.attempts + 1)
            for each in self._all_in_hand()
        )

    def settle(self, verdict: Settlement) -> list[Lost]:
        """Judge what an ended incarnation had in hand, each message by its class; returns what is lost."""
        envelopes = self._all_in_hand()
        self._in_hand.clear()
        self._waiting.clear()
        self._woken.clear()
        self._pulse = None
        self._held_back = False
        lost: list[Lost] = []
        back: list[Envelope[M]] = []
        for envelope in envelopes:
            envelope.attempts += verdict.counted
            if verdict.finished or (verdict.orderly and self._is_done(envelope.message)):
                self._count.done += 1
            elif verdict.lost or self._sealed:
                lost += self._lose(envelope)
            elif self._goes_back(envelope, verdict):
                back.append(envelope)
        for envelope in reversed(back):
            self._count.returned += 1
            self._line.give_back(envelope)
        return lost

    def discard(self, reason: str) -> None:
        """Send everything queued to the dead letters: the spec wants a clean slate after a group restart."""
        for envelope in self._line.clear():
            self._end(envelope, reason)

    @property
    def sealed(self) -> bool:
        """Nothing is accepted any more."""
        return self._sealed

    def shut_outside(self) -> None:
        """Refuse what comes through `outside`: shutdown has begun."""
        self._shut_outside = True

    def seal(self) -> list[Lost]:
        """Refuse everything from now on; what was queued is lost and returned by class and label."""
        self._sealed = True
        self._shut_outside = True
        return [loss for envelope in self._line.clear() for loss in self._lose(envelope)]

    # --- inside

    def _ready(self) -> bool:
        """Whether a message may be given out. Questions whose asker has left are never begun: they end here."""
        if self._held_back:
            return False
        line = self._line
        while (head := line.head()) is not None:
            if not (isinstance(head.message, Question) and head.message.reply.closed):
                return True
            line.take()
            self._count.expired += 1
        return False

    def _take(self) -> Envelope[M] | None:
        """The next message that may be begun, taken out of the queue."""
        line = self._line
        while line.size and not self._held_back:
            envelope = line.take()
            if not (isinstance(envelope.message, Question) and envelope.message.reply.closed):
                return envelope
            self._count.expired += 1
        return None

    async def _park(self, task: Task) -> None:
        self._waiting[task] = None

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._waiting[task]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
        self._woken.discard(task)

    def _accept(self, message: M, *, resent: bool = False) -> Accepted:
        envelope = Envelope(message, self._number, trio.current_time(), 0, resent)
        displaced = self._line.add(envelope)
        self._number += 1
        self._count.accepted += 1
        if self._waiting and not self._held_back:
            task = next(iter(self._waiting))
            del self._waiting[task]
            self._woken.add(task)
            trio.lowlevel.reschedule(task)
        if displaced is None:
            return Accepted.QUEUED
        self._emit_full()
        self._displaced(displaced)
        return Accepted.DISPLACED

    def _refuse(self, message: M, reason: str) -> Accepted:
        self._count.refused += 1
        if self._dead_letters is not None:
            self._dead_letters.add(self, message, attempts=0, reason=f"refused: {reason}")
        return Accepted.REFUSED

    def _displaced(self, envelope: Envelope[M]) -> None:
        message = envelope.message
        if isinstance(message, Question):
            if message.reply.closed:  # nobody waits for it any more: it would have expired anyway
                self._count.expired += 1
                return
            message.reply.fail(MailboxFull(self.name, self.capacity))
        self._count.displaced += 1
        self._end(envelope, "displaced", quiet=True)
        if self._on_loss is not None:
            try:
                self._on_loss(message)
            except Exception as error:  # noqa: BLE001 - a teller must never pay for what the owner's callback does
                self._emit("mailbox.loss_callback_failed", error=error_text(error))

    def _goes_back(self, envelope: Envelope[M], verdict: Settlement) -> bool:
        """Judge one envelope by its class; True when it returns to the head."""
        message = envelope.message
        delivery = self._terms_of(message)[0]
        if delivery is Delivery.NUDGE:
            self._count.done += 1
            self._count.dropped += 1
            return False
        if delivery is Delivery.REDELIVER and envelope.attempts < self.max_attempts:
            return True
        if isinstance(message, Question):
            message.reply.fail(Crashed(self.name, verdict.cause))
        self._end(envelope, verdict.cause, error=verdict.error)
        return False

    def _is_done(self, message: M) -> bool:
        """In an orderly end: answered questions and everything that must not be begun twice."""
        answered = isinstance(message, Question) and message.reply.answered
        return answered or self._terms_of(message)[0] is Delivery.ONCE

    def _end(self, envelope: Envelope[M], reason: str, *, error: str = "", quiet: bool = False) -> None:
        """The message is dead, except that a nudge is merely dropped."""
        message = envelope.message
        if self._terms_of(message)[0] is Delivery.NUDGE:
            self._count.done += 1
            self._count.dropped += 1
            return
        self._count.dead += 1
        if isinstance(message, Question):
            message.reply.fail(Crashed(self.name, reason))
        if self._dead_letters is None:
            return
        letter = self._dead_letters.add(
            self, message, attempts=envelope.attempts, reason=reason, error=error, again=envelope.resent
        )
        if not quiet:
            self._emit(
                "message.dead",
                message=letter.message,
                label=letter.label,
                cause=reason,
                attempts=letter.attempts,
                id=letter.id,
            )

    def _lose(self, envelope: Envelope[M]) -> list[Lost]:
        """A message that shutdown leaves unhandled; a nudge is no loss, nor is a question nobody waits for."""
        message = envelope.message
        if self._terms_of(message)[0] is Delivery.NUDGE:
            self._count.done += 1
            self._count.dropped += 1
            return []
        if isinstance(message, Question):
            if message.reply.closed:
                self._count.expired += 1
                return []
            message.reply.fail(ActorDown(self.name, State.STOPPED.value, SHUTTING_DOWN))
        self._count.lost += 1
        self._end(envelope, "lost at shutdown", quiet=True)
        return [Lost(actor=self.name, message=type(message).__name__, label=label_of(message))]

    def _terms_of(self, message: M) -> tuple[Delivery, float | None]:
        """What the message's class promises; a class that says nothing is redelivered under the spec's limit."""
        kind = type(message)
        terms = self._terms.get(kind)
        if terms is None:
            delivery = getattr(kind, "delivery", Delivery.REDELIVER)
            within: Any = getattr(kind, "within", None)
            terms = self._terms[kind] = (
                delivery if isinstance(delivery, Delivery) else Delivery.REDELIVER,
                float(within) if isinstance(within, (int, float)) else None,
            )
        return terms

    def _hands_taken(self) -> int:
        return len(self._in_hand) + len(self._waiting) + len(self._woken)

    def _free_a_hand(self) -> bool:
        """A task that has ended will not call receive() again: what it held is done. Looked at when hands are short."""
        ended = [task for task in self._in_hand if getattr(task.coro, "cr_frame", None) is None]
        for task in ended:
            self._count.done += len(self._in_hand.pop(task))
            if self._pulse is not None:
                self._pulse.entered(task)
        return self._hands_taken() < self.concurrency

    def _held(self) -> int:
        return sum(len(hand) for hand in self._in_hand.values())

    def _all_in_hand(self) -> list[Envelope[M]]:
        held: Iterable[Envelope[M]] = (each for hand in self._in_hand.values() for each in hand)
        return sorted(held, key=lambda each: each.number)

    def _emit_full(self) -> None:
        now = trio.current_time()
        if self._events is not None and now >= self._full_at + FULL_EVERY:
            self._full_at = now
            self._emit("mailbox.full", queued=len(self._line), overflow=self._line.overflow.value)

    def _emit(self, name: str, **fields: object) -> None:
        if self._events is not None:
            self._events.emit(name, actor=self.name, **fields)
