"""Properties that hold under any mix of tells, crashes, hangs, kills, restarts, stops and starts."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.kernel import ActorContext, ChildSpec, Intensity, Mailbox, Overflow, State, Strategy
from tests.runner.kernel.support import Box, Do, Message, Once, Poke, Rig, acting, worker

LENIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["tell", "once", "poke"]), st.sampled_from(["ok", "slow", "crash", "poison", "hang"])
        ),
        st.tuples(st.sampled_from(["restart", "stop", "start", "kill"]), st.just("")),
        st.tuples(st.just("wait"), st.sampled_from([0, 0.05, 1, 31])),
    ),
    max_size=30,
)


@attrs.define(eq=False)
class World:
    """One supervised actor that does to each message what the plan says."""

    plans: dict[int, str] = attrs.field(factory=dict)
    begun: list[int] = attrs.field(factory=list)
    alive: int = 0
    attempts: Counter[int] = attrs.field(factory=Counter)

    async def handle(self, message: Message, _life: ActorContext) -> None:
        """Follow the plan for this message."""
        self.begun.append(message.n)
        match self.plans[message.n]:
            case "slow":
                await trio.sleep(0.4)
            case "crash" if self.begun.count(message.n) == 1:
                raise ValueError(message.n)
            case "poison":
                raise ValueError(message.n)
            case "hang" if self.begun.count(message.n) == 1:
                await trio.sleep_forever()


def run_on_mock_clock(main: Callable[[], Any]) -> None:
    """Run one example in a loop of its own."""
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def told(kind: str, n: int) -> Message:
    """The n-th message, of the wanted class."""
    return Do(n) if kind == "tell" else Once(n) if kind == "once" else Poke(n)


@LENIENT
@given(steps=STEPS, concurrency=st.sampled_from([1, 1, 3]), strategy=st.sampled_from(Strategy))
def test_nothing_is_lost_and_order_is_kept(steps: list[tuple[str, Any]], concurrency: int, strategy: Strategy) -> None:
    """First deliveries in order; done, dead, expired and queued add up; attempts ≤ 3; one life at a time."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await scene(nursery)
            nursery.cancel_scope.cancel()

    async def scene(nursery: trio.Nursery) -> None:
        rig, world = Rig(nursery), World()
        box: Box = Mailbox("a", capacity=20, concurrency=concurrency)

        async def run(context: ActorContext) -> None:
            world.alive += 1
            assert world.alive == 1
            try:
                async with trio.open_nursery() as inner:
                    for _ in range(concurrency):
                        inner.start_soon(worker(box, world.handle), context)
            finally:
                world.alive -= 1

        supervisor = await rig.start(
            ChildSpec(name="a", factory=acting(run), mailbox=box, intensity=Intensity(400, 10_000)),
            intensity=Intensity(5_000, 10_000),
            strategy=strategy,
        )
        accepted: list[int] = []
        for number, (what, detail) in enumerate(steps):
            if what in ("tell", "once", "poke"):
                world.plans[number] = detail
                if box.ref.tell(told(what, number)).value == "queued":
                    accepted.append(number)
            elif what == "wait":
                await trio.sleep(detail)
            else:
                await getattr(supervisor, what)("a", by="test")
            now = box.statistics()
            assert now.accepted == now.done + now.expired + now.dead + now.queued + now.in_hand
        await supervisor.start("a", by="test")
        await trio.sleep(3_000)
        now = box.statistics()
        assert supervisor.children()[0].state is State.RUNNING
        assert (now.queued, now.in_hand, now.accepted) == (0, 0, len(accepted))
        assert now.done + now.dead == now.accepted
        first = list(dict.fromkeys(world.begun))
        assert first == sorted(first)
        dead = [letter for letter in rig.letters.letters() if not letter.reason.startswith("refused")]
        assert len(dead) == now.dead
        assert all(letter.attempts <= 3 for letter in dead)
        if concurrency == 1:
            # with several hands a message may be taken along by another one's crash
            assert now.dropped or {n for n in accepted if n in world.begun} == set(accepted)
        await rig.end(supervisor)

    run_on_mock_clock(main)


@LENIENT
@given(
    orders=st.lists(st.tuples(st.sampled_from(["kill", "restart"]), st.integers(0, 12)), max_size=12),
    hang_at=st.integers(0, 30),
)
def test_a_synchronous_last_act_happens_once(orders: list[tuple[str, int]], hang_at: int) -> None:
    """What a handler does without waiting as its last act is done exactly once and in order, whenever it is cut off."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            rig = Rig(nursery)
            box: Box = Mailbox("a", capacity=100, max_attempts=40)
            done: list[int] = []
            hung: list[int] = []

            async def handle(message: Message, _life: ActorContext) -> None:
                await trio.sleep(0.5)
                if message.n == hang_at and not hung:
                    hung.append(message.n)
                    await trio.sleep_forever()
                await trio.sleep(0.5)
                done.append(message.n)

            supervisor = await rig.start(
                ChildSpec(
                    name="a",
                    factory=acting(worker(box, handle)),
                    mailbox=box,
                    intensity=Intensity(400, 10_000),
                ),
                intensity=Intensity(5_000, 10_000),
            )
            for n in range(20):
                box.ref.tell(Do(n))
            for order, halves in orders:
                await trio.sleep(halves / 2)
                await getattr(supervisor, order)("a", by="test")
            await trio.sleep(1_000)
            assert done == list(range(20))
            await rig.end(supervisor)

    run_on_mock_clock(main)


@LENIENT
@given(restarts=st.integers(1, 12), grace=st.sampled_from([0.0, 0.1, 2.0]))
def test_operator_restarts_never_raise_an_attempt(restarts: int, grace: float) -> None:
    """However often the operator restarts an actor in the middle of a message, it is never a dead letter for that."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            rig = Rig(nursery)
            box: Box = Mailbox("a", capacity=20)

            async def handle(_message: Message, _life: ActorContext) -> None:
                await trio.sleep(5)

            supervisor = await rig.start(
                ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box, grace=grace)
            )
            box.ref.tell(Do(1))
            for _ in range(restarts):
                await trio.testing.wait_all_tasks_blocked()
                assert [held.attempt for held in box.in_hand()] == [1]
                assert (await supervisor.restart("a", by="test")).done
            await trio.sleep(10)
            assert (box.statistics().done, box.statistics().dead, box.statistics().returned) == (1, 0, restarts)
            await rig.end(supervisor)

    run_on_mock_clock(main)


@LENIENT
@given(
    overflow=st.sampled_from(Overflow),
    steps=st.lists(st.sampled_from(["tell", "receive", "crash", "wish"]), max_size=60),
)
def test_the_accounts_balance_under_every_overflow(overflow: Overflow, steps: list[str]) -> None:
    """Whatever overflows, every message is counted in exactly one place, and refused ones in none."""

    async def main() -> None:
        rig = Rig(None)  # type: ignore[arg-type] # no supervisor runs here
        lost: list[Message] = []
        box: Box = Mailbox(
            "a",
            capacity=3,
            overflow=overflow,
            key=(lambda message: message.n % 2) if overflow is Overflow.KEEP_NEWEST else None,
            on_loss=lost.append,
            dead_letters=rig.letters,
            events=rig.events,
        )
        for n, step in enumerate(steps):
            if step == "tell":
                box.ref.tell(Do(n))
            elif step == "receive":
                with trio.move_on_after(1):
                    await box.receive()
            else:
                box.settle(_verdict(counted=step == "crash"))
            now = box.statistics()
            assert now.accepted == now.done + now.expired + now.dead + now.queued + now.in_hand
            assert now.accepted + now.refused == steps[: n + 1].count("tell")
            assert len(lost) == now.displaced
            assert len(rig.letters.letters()) == now.dead + now.refused

    run_on_mock_clock(main)


def _verdict(*, counted: bool) -> Any:
    from runner.kernel.settling import Settlement

    return Settlement(counted=counted, cause="test")


@pytest.mark.parametrize("name", ["control", "broadcaster", "indexer"])
def test_every_spec_reaches_failed_and_comes_back(name: str) -> None:
    """A crash-looping child fails in finite time, and is tried again after 600 s, whatever its limits are."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            rig = Rig(nursery)

            async def run(context: ActorContext) -> None:
                if context.number <= 7:
                    raise ValueError
                context.started()
                await trio.sleep_forever()

            supervisor = await rig.start(ChildSpec(name=name, factory=acting(run)))
            await trio.sleep(30)
            assert supervisor.children()[0].state is State.FAILED
            await trio.sleep(600)
            assert supervisor.children()[0].state is State.RUNNING
            await rig.end(supervisor)

    run_on_mock_clock(main)
