"""Hanging, being stuck, and errors that meet cancellation."""

import math

import pytest
import trio
import trio.testing

from runner.kernel import ActorContext, ActorDown, ChildSpec, Crashed, Mailbox, State
from tests.runner.kernel.support import Ask, Box, Do, Message, Quick, Rig, acting, idle, states, worker


async def stand_still() -> None:
    """Hang here, in a place with a name."""
    await trio.sleep_forever()


async def test_poison_in_the_middle(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """0, 1 (poison), 2, 3 are handled as 0, 1, 1, 1, 2, 3; one dead letter with traceback; the actor is running."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []

    async def handle(message: Message, _life: ActorContext) -> None:
        if message == Do(1):
            msg = "poison"
            raise ValueError(msg)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle, log)), mailbox=box))
    for n in range(4):
        box.ref.tell(Do(n))
    await trio.sleep(5)
    assert log == [Do(n) for n in (0, 1, 1, 1, 2, 3)]
    (letter,) = rig.letters.letters()
    assert (letter.attempts, letter.message, letter.label) == (3, "Do", "no 1")
    assert "ValueError: poison" in letter.error
    assert "Traceback" in letter.error
    assert states(supervisor) == {"a": "running"}
    assert [fields["attempt"] for fields in rig.fields("actor.crashed")] == [1, 2, 3]


@pytest.mark.parametrize(("message", "limit"), [(Do(1), 30), (Quick(1), 2)])
async def test_a_hanging_handler_is_cancelled_at_exactly_its_limit(
    rig: Rig, message: Message, limit: float, autojump_clock: trio.testing.MockClock
) -> None:
    """The spec's limit, or that of the message's class; the event names the function, the message and the attempt."""
    box: Box = Mailbox("a", capacity=9, max_attempts=1)
    ends: list[float] = []

    async def handle(_message: Message, _life: ActorContext) -> None:
        try:
            await stand_still()
        finally:
            ends.append(trio.current_time())

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box))
    began = trio.current_time()
    box.ref.tell(message)
    await trio.sleep(100)
    assert ends == [began + limit]
    (fields,) = rig.fields("actor.hung")
    assert "stand_still" in fields["where"]
    assert (fields["message"], fields["attempt"]) == (type(message).__name__, 1)
    assert "stand_still" in supervisor.children()[0].last_error
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == math.inf


async def test_a_hanging_timer_tick_is_noticed(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Leaving receive() by a timeout starts the limit like leaving it with a message."""
    box: Box = Mailbox("a", capacity=9)

    async def run(context: ActorContext) -> None:
        context.started()
        with trio.move_on_after(7):
            await box.receive()
        await stand_still()

    await rig.start(ChildSpec(name="a", factory=acting(run), mailbox=box))
    began = trio.current_time()
    await trio.sleep(40)
    assert rig.fields("actor.hung")[0]["where"].startswith("stand_still")
    hung = next(event for event in rig.events.recent() if event.name == "actor.hung")
    assert (hung.at - rig.events.recent()[0].at).total_seconds() == began + 37


async def test_the_one_that_hangs_is_named_among_many(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Of an actor's tasks the one that hangs is named, not those that wait for their mailbox."""
    box: Box = Mailbox("a", capacity=9, concurrency=3)

    async def hand() -> None:
        while True:
            if await box.receive() == Do(1):
                await stand_still()

    async def run(context: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(hand)
            context.started()

    await rig.start(ChildSpec(name="a", factory=acting(run), mailbox=box))
    box.ref.tell(Do(0))
    box.ref.tell(Do(1))
    await trio.sleep(31)
    assert "stand_still" in rig.fields("actor.hung")[0]["where"]
    assert "hand" not in rig.fields("actor.hung")[0]["where"]


async def test_each_hand_has_its_own_limit(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """With several hands a busy colleague does not renew the limit of one that hangs."""
    box: Box = Mailbox("a", capacity=999, concurrency=2)

    async def hand() -> None:
        while True:
            if await box.receive() == Do(1):
                await stand_still()
            await trio.sleep(1)

    async def run(context: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hand)
            nursery.start_soon(hand)
            context.started()

    await rig.start(ChildSpec(name="a", factory=acting(run), mailbox=box))
    for n in range(1, 100):
        box.ref.tell(Do(n))
    await trio.sleep(29.5)
    assert rig.fields("actor.hung") == []
    await trio.sleep(1)
    assert len(rig.fields("actor.hung")) == 1


@pytest.mark.parametrize(
    ("silence", "beats_from", "hangs"),
    [
        (math.inf, "handler", False),
        (math.inf, "helper", False),
        (10.0, "helper", True),
        (10.0, "handler", False),
        (math.inf, "nobody", True),
        (10.0, "nobody", True),
    ],
)
async def test_a_beat_renews_what_it_speaks_for(
    rig: Rig, silence: float, beats_from: str, hangs: bool, autojump_clock: trio.testing.MockClock
) -> None:
    """From the handler: its own limit. From a helper: the handler's, unless there is a silence limit."""
    box: Box = Mailbox("a", capacity=9)

    async def beat(context: ActorContext) -> None:
        while True:
            await trio.sleep(5)
            context.beat()

    async def handle(_message: Message, context: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            if beats_from == "helper":
                nursery.start_soon(beat, context)
            for _ in range(10):
                await trio.sleep(6)
                if beats_from == "handler":
                    context.beat()
            nursery.cancel_scope.cancel()

    await rig.start(
        ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box, silence_limit=silence, handler_limit=30)
    )
    box.ref.tell(Do(1))
    await trio.sleep(9 if silence < 30 and not hangs else 60)
    if silence < 30 and beats_from == "handler":
        assert rig.fields("actor.hung") == []
    else:
        assert bool(rig.fields("actor.hung")) == hangs


@pytest.mark.parametrize(("every", "hangs"), [(9, False), (11, True)])
async def test_silence_has_a_limit(rig: Rig, every: float, hangs: bool, autojump_clock: trio.testing.MockClock) -> None:
    """An actor that waits elsewhere must beat within its silence limit, counted from its start."""

    async def run(context: ActorContext) -> None:
        context.beat()
        context.started()
        while True:
            await trio.sleep(every)
            context.beat()

    await rig.start(ChildSpec(name="a", factory=acting(run), silence_limit=10))
    await trio.sleep(50)
    assert bool(rig.fields("actor.hung")) == hangs


async def test_a_start_has_a_limit(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """An actor that is not ready in time is ended like one that hangs; the text says what it did not do."""

    async def run(context: ActorContext) -> None:
        context.beat()  # no beat makes a start longer
        await stand_still()

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(run), start_limit=4))
    (child,) = supervisor.children()
    assert child.last_error.startswith("not ready within 4 s, at stand_still")
    assert rig.fields("actor.hung")


async def test_started_twice_is_harmless(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Only the first `started()` counts; a life built by hand needs no supervisor."""

    async def run(context: ActorContext) -> None:
        context.started()
        context.started()
        await trio.sleep_forever()

    await rig.start(ChildSpec(name="a", factory=acting(run)))
    assert len(rig.fields("actor.ready")) == 1
    context = ActorContext(name="x", number=1)
    context.started()
    context.beat()
    assert context.is_ready


async def test_the_shielded_actor(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Restart → stuck, never a second life beside it; released → exactly one new life, and the wait is over."""
    let_go = trio.Event()
    alive: list[int] = []
    most: list[int] = []

    async def run(context: ActorContext) -> None:
        alive.append(context.number)
        most.append(len(alive))
        context.started()
        try:
            if context.number == 1:
                with trio.CancelScope(shield=True):
                    await let_go.wait()
            await trio.sleep_forever()
        finally:
            alive.remove(context.number)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(run), grace=2, cancel_grace=5))
    began = trio.current_time()
    report = await supervisor.restart("a", by="ana")
    assert (report.done, report.state) == (False, State.STUCK)
    assert trio.current_time() == began + 5
    assert supervisor.stuck_for() == 0
    await trio.sleep(40)
    assert supervisor.stuck_for() == 40
    (child,) = supervisor.children()
    assert "run" in child.reason
    assert (child.stuck_s, child.action) == (40, "restart")
    assert "restart in progress" in (await supervisor.stop("a", by="ana")).text
    assert "run" in rig.fields("actor.stuck")[0]["where"]
    let_go.set()
    await trio.sleep(1)
    assert states(supervisor) == {"a": "running"}
    assert supervisor.children()[0].incarnation == 2
    assert max(most) == 1
    assert supervisor.stuck_for() is None
    assert rig.names("actor.unstuck") == ["actor.unstuck a"]


async def test_a_hanging_actor_may_be_stuck_too(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A hang that cannot be cancelled is stuck after the cancel grace; its askers learn it; it restarts at its end."""
    box: Box = Mailbox("a", capacity=9)
    told: list[str] = []
    let_go = trio.Event()

    async def handle(message: Message, _life: ActorContext) -> None:
        if isinstance(message, Ask) and message.n == 1:
            with trio.CancelScope(shield=True):
                await let_go.wait()

    async def ask(n: int) -> None:
        try:
            told.append(str(await Ask(n).ask(box.ref, within=500)))
        except (ActorDown, Crashed) as error:
            told.append(f"{type(error).__name__} at {trio.current_time() - began:g}")

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box))
    began = trio.current_time()
    rig.nursery.start_soon(ask, 1)
    await trio.testing.wait_all_tasks_blocked()
    rig.nursery.start_soon(ask, 2)
    await trio.sleep(36)
    assert states(supervisor) == {"a": "stuck"}
    assert told == ["ActorDown at 35", "ActorDown at 35"]
    assert "nothing to kill" in (await supervisor.kill("a", by="ana")).text
    assert "stuck already" in (await supervisor.start("a", by="ana")).text
    let_go.set()
    await trio.sleep(1)
    assert states(supervisor) == {"a": "running"}
    assert await Ask(3).ask(box.ref, within=1) == 3


async def test_a_clean_up_that_raises_while_the_root_is_cancelled(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """A ValueError in `finally` then: siblings end cleanly, the root does not raise it, the event is there."""
    ended: list[str] = []

    async def bad_nurse() -> None:
        try:
            await trio.sleep_forever()
        finally:
            msg = "clean-up"
            raise ValueError(msg)

    async def bad(context: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bad_nurse)
            context.started()

    async def good(context: ActorContext) -> None:
        context.started()
        try:
            await trio.sleep_forever()
        finally:
            ended.append(context.name)

    supervisor = rig.supervisor(
        *(ChildSpec(name=name, factory=acting(bad if name == "bad" else good)) for name in ("a", "bad", "z"))
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        await supervisor.ready.wait()
        nursery.cancel_scope.cancel()
    assert sorted(ended) == ["a", "z"]
    (fields,) = rig.fields("actor.cleanup_failed")
    assert (fields["actor"], fields["cause"]) == ("bad", "ValueError: clean-up")


@pytest.mark.parametrize("order", ["restart", "stop", "kill"])
async def test_a_clean_up_that_raises_at_a_wished_end(
    rig: Rig, order: str, autojump_clock: trio.testing.MockClock
) -> None:
    """After a wish it is an event and not a crash; a kill counts as a crash and tells of it."""

    async def bad(context: ActorContext) -> None:
        context.started()
        try:
            await trio.sleep_forever()
        finally:
            msg = "clean-up"
            raise ValueError(msg)

    supervisor = await rig.start(ChildSpec(name="bad", factory=acting(bad)))
    await getattr(supervisor, order)("bad", by="ana")
    assert len(rig.fields("actor.cleanup_failed")) == (order != "kill")
    assert len(rig.fields("actor.crashed")) == (order == "kill")
    assert "ValueError: clean-up" in supervisor.children()[0].last_error


async def test_a_hang_that_ends_in_an_error_is_a_hang(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A nursery whose clean-up raises while its hang is cancelled is judged as hung, and the error is told with it."""
    box: Box = Mailbox("a", capacity=9)

    async def noisy() -> None:
        try:
            await trio.sleep_forever()
        finally:
            msg = "clean-up"
            raise ValueError(msg)

    async def handle(_message: Message, _life: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(noisy)
            nursery.start_soon(stand_still)

    await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box))
    box.ref.tell(Do(1))
    await trio.sleep(31)
    (fields,) = rig.fields("actor.hung")
    assert "stand_still" in fields["cause"]
    assert "then ValueError: clean-up" in fields["cause"]


async def test_an_interrupt_is_nobodys_crash(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """KeyboardInterrupt goes through the supervisor, and so does one in a group beside an error."""

    async def interrupted(context: ActorContext) -> None:
        context.started()
        raise BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError("beside")])

    supervisor = rig.supervisor(ChildSpec(name="a", factory=acting(interrupted)))
    with pytest.raises(BaseExceptionGroup) as caught:
        await supervisor.run()
    assert caught.group_contains(KeyboardInterrupt)
    assert not caught.group_contains(ValueError)
    assert rig.fields("actor.cleanup_failed")[0]["cause"] == "ValueError: beside"


@pytest.mark.parametrize("at", ["start", "receive", "handler", "question"])
async def test_cancellation_at_every_await(rig: Rig, at: str, autojump_clock: trio.testing.MockClock) -> None:
    """Wherever the tree is cancelled from outside, the message is in exactly one place and nothing escapes."""
    box: Box = Mailbox("a", capacity=9)
    other: Box = Mailbox("other", capacity=9)

    async def handle(_message: Message, _life: ActorContext) -> None:
        if at == "question":
            await Ask(1).ask(other.ref, within=500)
        await trio.sleep_forever()

    async def run(context: ActorContext) -> None:
        if at == "start":
            await trio.sleep_forever()
        await worker(box, handle)(context)

    supervisor = rig.supervisor(ChildSpec(name="a", factory=acting(run), mailbox=box))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor.run)
        if at != "receive":
            box.ref.tell(Do(1))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    now = box.statistics()
    assert now.in_hand == 0
    assert now.queued == (at != "receive")
    assert now.accepted == now.queued


async def test_a_life_knows_why_it_ends(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """`stop_reason` and `why` are set before `stopping`, so that clean-up can record the reason."""
    seen: list[tuple[str, str]] = []

    async def run(context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()
        assert context.stop_reason is not None
        seen.append((context.stop_reason.value, context.why))

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(run), drains=True), ChildSpec(name="b", factory=acting(idle))
    )
    await supervisor.restart("a", by="ana")
    await supervisor.stop("a", by="bo")
    await supervisor.start("a", by="bo")
    await rig.end(supervisor)
    assert seen == [
        ("restart", "operator restart by ana"),
        ("stop", "stopped by bo"),
        ("shutdown", "test over"),
    ]
