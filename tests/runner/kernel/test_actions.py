"""Operator actions: in a task of the supervisor, one at a time, in every state."""

import math

import pytest
import trio
import trio.testing

from runner.kernel import ActorContext, ChildSpec, Crashed, Mailbox, NoSuchActor, Restart, TooSlowError
from tests.runner.kernel.support import (
    Ask,
    AskAgain,
    Box,
    Do,
    Message,
    Once,
    Poke,
    Rig,
    acting,
    idle,
    numbers,
    states,
    worker,
)


async def sleepy(_message: Message, _life: ActorContext) -> None:
    """Take a second for each message."""
    await trio.sleep(1)


@pytest.mark.parametrize(("order", "counted"), [("restart", False), ("stop", False), ("kill", True)])
async def test_what_an_order_does_to_the_message_in_hand(
    rig: Rig, order: str, counted: bool, autojump_clock: trio.testing.MockClock
) -> None:
    """Restart and stop let it finish within the grace; a kill returns it with an attempt counted."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []
    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, sleepy, log)), mailbox=box))
    box.ref.tell(Do(1))
    box.ref.tell(Do(2))
    await trio.sleep(0.5)
    began = trio.current_time()
    report = await getattr(supervisor, order)("a", by="ana")
    assert report.done
    assert trio.current_time() - began == (0 if counted else 0.5)
    if order == "stop":
        await trio.sleep(10)
        assert numbers(log) == [1]
        assert states(supervisor) == {"a": "stopped"}
        assert box.ref.tell(Do(3)).value == "queued"
        assert (await supervisor.start("a", by="ana")).done
    await trio.sleep(10)
    assert numbers(log) == {"restart": [1, 2], "stop": [1, 2, 3], "kill": [1, 1, 2]}[order]
    assert box.statistics().dead == 0
    assert len(rig.fields("actor.crashed")) == counted


@pytest.mark.parametrize(
    ("message", "where"), [(Do(1), "again"), (Once(1), "dead"), (Poke(1), "dropped"), (Ask(1), "crashed")]
)
async def test_a_restart_that_outlasts_the_grace(
    rig: Rig, message: Message, where: str, autojump_clock: trio.testing.MockClock
) -> None:
    """What has not finished within the grace is judged by its class, with no attempt counted."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []
    told: list[str] = []

    async def handle(_message: Message, context: ActorContext) -> None:
        if context.number <= 5:
            await trio.sleep(20)

    async def ask(question: Ask) -> None:
        try:
            await question.ask(box.ref, within=50)
        except Crashed as error:
            told.append(error.cause)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle, log)), mailbox=box, grace=2))
    if isinstance(message, Ask):
        rig.nursery.start_soon(ask, message)
    else:
        box.ref.tell(message)
    for _ in range(5):
        await trio.sleep(1)
        assert (await supervisor.restart("a", by="ana")).done
    await trio.sleep(30)
    now = box.statistics()
    assert len(log) == (6 if where == "again" else 1)
    assert (now.dead, now.dropped) == (int(where in ("dead", "crashed")), int(where == "dropped"))
    assert told == (["operator restart by ana"] if where == "crashed" else [])
    assert rig.fields("actor.crashed") == []


async def test_the_asker_may_leave(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A restart ordered by the very child that is restarted completes."""
    box: Box = Mailbox("control", capacity=9)

    async def handle(_message: Message, context: ActorContext) -> None:
        if context.number == 1:
            await supervisor.restart("control", by="itself")

    supervisor = await rig.start(ChildSpec(name="control", factory=acting(worker(box, handle)), mailbox=box, grace=1))
    box.ref.tell(Once())
    await trio.sleep(5)
    (child,) = supervisor.children()
    assert (child.state.value, child.incarnation, child.action) == ("running", 2, None)


async def test_one_action_at_a_time(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A second order for the same child is refused while the first is carried out; another child is free."""
    box: Box = Mailbox("a", capacity=9)
    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(worker(box, sleepy)), mailbox=box), ChildSpec(name="b", factory=acting(idle))
    )
    box.ref.tell(Do(1))
    await trio.testing.wait_all_tasks_blocked()
    reports = []

    async def order() -> None:
        reports.append(await supervisor.restart("a", by="ana"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(order)
        await trio.testing.wait_all_tasks_blocked()
        assert states(supervisor)["a"] == "stopping"
        for second in (supervisor.restart, supervisor.stop, supervisor.start, supervisor.kill):
            report = await second("a", by="bo")
            assert (report.done, report.text) == (False, "a: restart in progress")
        assert (await supervisor.restart("b", by="bo")).done
    assert reports[0].done
    assert [fields["by"] for fields in rig.fields("operator.action")] == ["ana"] + ["bo"] * 5


@pytest.mark.parametrize(
    ("order", "done", "state"),
    [("restart", True, "running"), ("start", True, "running"), ("stop", True, "stopped"), ("kill", False, "backoff")],
)
async def test_orders_in_backoff(
    rig: Rig, order: str, done: bool, state: str, autojump_clock: trio.testing.MockClock
) -> None:
    """In back-off: restart and start begin at once, stop stops, kill has nothing to do."""
    crashes = [1, 1]

    async def weak(context: ActorContext) -> None:
        if crashes:
            crashes.pop()
            raise ValueError
        await idle(context)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(weak)))
    assert states(supervisor) == {"a": "backoff"}
    began = trio.current_time()
    report = await getattr(supervisor, order)("a", by="ana")
    assert (report.done, report.state.value) == (done, state)
    assert trio.current_time() == began
    await trio.sleep(10)
    assert states(supervisor) == {"a": "running" if state == "backoff" else state}


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (None, "start", "is running already"),
        ("stop", "stop", "is stopped already"),
        ("stop", "kill", "there is nothing to kill"),
        ("stop", "restart", "now running"),
    ],
)
async def test_orders_that_find_it_done(
    rig: Rig, first: str | None, second: str, text: str, autojump_clock: trio.testing.MockClock
) -> None:
    """An order that has nothing to do says so."""
    supervisor = await rig.start(ChildSpec(name="a", factory=acting(idle)))
    if first is not None:
        await getattr(supervisor, first)("a", by="ana")
    assert text in (await getattr(supervisor, second)("a", by="ana")).text


async def test_an_unknown_name_lists_the_known_ones(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """The error names what was asked for and what there is."""
    supervisor = await rig.start(ChildSpec(name="a", factory=acting(idle)))
    with pytest.raises(NoSuchActor, match="no actor 'x'; there are a"):
        await supervisor.stop("x", by="ana")


async def test_orders_during_the_start(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A child that waits for its turn can be stopped, which skips it; one that is starting can be restarted."""
    begun: list[str] = []

    def slow(name: str) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            begun.append(name)
            await trio.sleep(3)
            context.started()
            await trio.sleep_forever()

        return ChildSpec(name=name, factory=acting(run))

    supervisor = rig.supervisor(slow("a"), slow("b"), slow("c"))
    rig.nursery.start_soon(rig.run, supervisor)
    await trio.sleep(1)
    assert states(supervisor) == {"a": "starting", "b": "starting", "c": "starting"}
    assert "waits for its turn" in (await supervisor.start("c", by="ana")).text
    assert "waits for its turn" in (await supervisor.restart("c", by="ana")).text
    assert (await supervisor.stop("b", by="ana")).done
    assert (await supervisor.restart("a", by="ana")).done
    await supervisor.ready.wait()
    assert begun == ["a", "a", "c"]
    assert states(supervisor) == {"a": "running", "b": "stopped", "c": "running"}


async def test_a_start_of_a_failed_child_gives_a_fresh_budget(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """After `failed`, the operator's start forgets the failures before."""
    crashes = [1] * 13

    async def weak(context: ActorContext) -> None:
        if crashes:
            crashes.pop()
            raise ValueError
        await idle(context)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(weak)))
    await trio.sleep(30)
    assert states(supervisor) == {"a": "failed"}
    report = await supervisor.start("a", by="ana")
    await trio.sleep(30)
    assert not report.done
    assert states(supervisor) == {"a": "running"}


async def test_a_stopped_temporary_child_is_dropped(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Its spec goes with it."""
    supervisor = await rig.start(ChildSpec(name="a", factory=acting(idle), restart=Restart.TEMPORARY))
    assert (await supervisor.stop("a", by="ana")).done
    assert supervisor.children() == ()


async def test_a_stuck_kill_says_so(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """When cancellation has no effect the answer comes after the cancel grace."""
    let_go = trio.Event()

    async def run(context: ActorContext) -> None:
        context.started()
        with trio.CancelScope(shield=True):
            await let_go.wait()

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(run)))
    report = await supervisor.kill("a", by="ana")
    assert "does not end" in report.text
    let_go.set()


async def test_a_draining_actor_ends_itself(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """With `drains` it goes on receiving after `stopping` is set, and is cut off only after its grace."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []

    async def run(context: ActorContext) -> None:
        context.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(drain, context, nursery)
            while True:
                log.append(await box.receive())
                await trio.sleep(1)

    async def drain(context: ActorContext, nursery: trio.Nursery) -> None:
        await context.stopping.wait()
        await trio.sleep(context.number * 2.75)
        nursery.cancel_scope.cancel()

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(run), mailbox=box, drains=True, grace=3.5),
        ChildSpec(name="b", factory=acting(idle)),
    )
    for n in range(6):
        box.ref.tell(Do(n))
    for took in (2.75, 3.5):
        began = trio.current_time()
        assert (await supervisor.restart("a", by="ana")).done
        assert trio.current_time() - began == took
    await trio.testing.wait_all_tasks_blocked()
    assert numbers(log) == [0, 1, 2, 2, 3, 4, 5, 5]


async def test_an_idle_actor_is_ended_at_once(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Without `drains` an actor that waits in receive() is cancelled at once, and so is one without a mailbox."""
    box: Box = Mailbox("a", capacity=9)
    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(worker(box)), mailbox=box, grace=10),
        ChildSpec(name="b", factory=acting(idle), grace=10),
        ChildSpec(name="c", factory=acting(idle), grace=0),
    )
    began = trio.current_time()
    for name in "abc":
        assert (await supervisor.restart(name, by="ana")).done
    assert trio.current_time() == began


async def test_no_new_message_is_begun_under_a_wish(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """After a restart was asked for, the message in hand is finished and the next one waits for the next life."""
    box: Box = Mailbox("a", capacity=9, concurrency=2)
    lives: list[tuple[int, int]] = []

    async def hand(context: ActorContext) -> None:
        while True:
            message = await box.receive()
            assert isinstance(message, Do)
            lives.append((message.n, context.number))
            await trio.sleep(message.n)

    async def run(context: ActorContext) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hand, context)
            nursery.start_soon(hand, context)
            context.started()

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(run), mailbox=box, grace=10))
    for n in range(1, 6):
        box.ref.tell(Do(n))
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    assert (await supervisor.restart("a", by="ana")).done
    assert trio.current_time() - began == 2
    await trio.sleep(20)
    assert lives == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 2)]


async def test_ask_against_restart(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A REDELIVER question is answered by the second life; if its asker has gone it is not begun again."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []

    async def handle(message: Message, context: ActorContext) -> None:
        if context.number == 1 or message == AskAgain(2):
            await trio.sleep(1)
            raise ValueError

    await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle, log)), mailbox=box))
    assert await AskAgain(1).ask(box.ref, within=5) == 1
    assert numbers(log) == [1, 1]
    with pytest.raises(TooSlowError) as late:
        await AskAgain(2).ask(box.ref, within=0.5)
    assert late.value.state == "running"
    await trio.sleep(5)
    assert numbers(log) == [1, 1, 2]
    assert box.statistics().expired == 1


async def test_an_order_may_give_more_time(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A grace given with the order replaces the spec's, and the actor can see it."""
    seen: list[float] = []

    async def run(context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()
        seen.append(context.grace)
        await trio.sleep(500)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(run), drains=True))
    for order, grace, took in ((supervisor.restart, math.inf, 500), (supervisor.stop, 7, 7)):
        began = trio.current_time()
        assert (await order("a", by="ana", grace=grace)).done
        assert trio.current_time() - began == took
    assert seen == [math.inf, 7]
