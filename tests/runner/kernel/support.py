"""What the kernel's tests share: a few message classes, actors made of functions, and a rig that runs a supervisor."""

import datetime as dt
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import attrs
import trio

from runner.kernel import (
    ActorContext,
    ChildSpec,
    DeadLetters,
    Delivery,
    EventRing,
    Mailbox,
    Nudge,
    Order,
    Outcome,
    Question,
    Supervisor,
)

EPOCH = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@attrs.frozen
class Do(Order):
    """An order that is redelivered."""

    n: int

    def label(self) -> str:
        """Its number."""
        return f"no {self.n}"


@attrs.frozen
class Once(Order):
    """An order that must not be begun twice."""

    delivery: ClassVar[Delivery] = Delivery.ONCE
    n: int = 0


@attrs.frozen
class Poke(Nudge):
    """Look at the ledger."""

    n: int = 0


@attrs.frozen
class Ask(Question[int]):
    """A question, at most once."""

    n: int = 0


@attrs.frozen
class AskAgain(Question[int]):
    """A question that survives a crash of its actor."""

    delivery: ClassVar[Delivery] = Delivery.REDELIVER
    n: int = 0


@attrs.frozen
class Quick(Order):
    """An order that must be handled within two seconds."""

    within: ClassVar[float | None] = 2.0
    n: int = 0


Message: TypeAlias = Do | Once | Poke | Ask | AskAgain | Quick
Box: TypeAlias = Mailbox[Message]
Run: TypeAlias = Callable[[ActorContext], Awaitable[object]]
Handle: TypeAlias = Callable[[Message, ActorContext], Awaitable[None]]


def wall_clock() -> dt.datetime:
    """A wall clock that follows trio's."""
    try:
        return EPOCH + dt.timedelta(seconds=trio.current_time())
    except RuntimeError:
        return EPOCH


@attrs.define(eq=False)
class Acting:
    """An actor made of a function."""

    function: Run

    async def run(self, context: ActorContext) -> object:
        """Run the function."""
        return await self.function(context)


def acting(function: Run) -> Callable[[], Acting]:
    """A factory of such actors."""
    return lambda: Acting(function)


async def idle(context: ActorContext) -> None:
    """Be ready and do nothing for ever."""
    context.started()
    await trio.sleep_forever()


async def nothing(_message: Message, _life: ActorContext) -> None:
    """Handle a message by doing nothing."""


def worker(box: Box, handle: Handle = nothing, log: list[Any] | None = None) -> Run:
    """Receive for ever, noting each message before it is handled; a question is answered with its number."""

    async def run(context: ActorContext) -> None:
        context.started()
        while True:
            message = await box.receive()
            if log is not None:
                log.append(message)
            await handle(message, context)
            if isinstance(message, (Ask, AskAgain)):
                message.reply.send(message.n)

    return run


def numbers(log: Sequence[Any]) -> list[int]:
    """The numbers of logged messages."""
    return [message.n for message in log]


@attrs.define(eq=False)
class Rig:
    """Builds supervisors on shared dead letters and events, and runs them in the test's nursery."""

    nursery: trio.Nursery
    events: EventRing = attrs.field(factory=lambda: EventRing(wall_clock, capacity=100_000))
    letters: DeadLetters = attrs.field(init=False)
    outcomes: list[Outcome] = attrs.field(factory=list)
    ended: trio.Event = attrs.field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.letters = DeadLetters(wall_clock, events=self.events)

    def supervisor(self, *specs: ChildSpec, name: str = "root", **rules: Any) -> Supervisor:
        """Build one."""
        return Supervisor(name, specs, rng=random.Random(7), events=self.events, dead_letters=self.letters, **rules)

    async def start(self, *specs: ChildSpec, **rules: Any) -> Supervisor:
        """Run one as the root, until it is ready or has ended (or 100 s are over)."""
        supervisor = self.supervisor(*specs, **rules)
        self.nursery.start_soon(self.run, supervisor)
        with trio.move_on_after(100):
            await self._first_of(supervisor.ready, self.ended)
        return supervisor

    async def _first_of(self, *events: trio.Event) -> None:
        async with trio.open_nursery() as waiting:
            for event in events:
                waiting.start_soon(_cancel_after, event, waiting.cancel_scope)

    async def run(self, supervisor: Supervisor) -> None:
        """Run it and keep its outcome."""
        self.outcomes.append(await supervisor.run())
        self.ended.set()

    async def end(self, supervisor: Supervisor) -> Outcome:
        """Shut it down and wait for it."""
        supervisor.shut_down("test over")
        with trio.fail_after(1_000):
            await self.ended.wait()
        return self.outcomes[-1]

    def names(self, *only: str) -> list[str]:
        """Names of the events so far, as "name actor"."""
        return [
            f"{event.name} {event.fields.get('actor', '')}".strip()
            for event in self.events.recent()
            if not only or event.name in only
        ]

    def fields(self, name: str) -> list[dict[str, Any]]:
        """The fields of all events of that name."""
        return [dict(event.fields) for event in self.events.recent() if event.name == name]


async def _cancel_after(event: trio.Event, scope: trio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def states(supervisor: Supervisor) -> dict[str, str]:
    """State by child."""
    return {child.name: child.state.value for child in supervisor.children()}
