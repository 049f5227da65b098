"""Shutdown: reverse order, graces, hurry, and a report that names what was lost."""

import pytest
import trio
import trio.testing

from runner.kernel import Accepted, ActorContext, ActorDown, ChildSpec, Ended, Mailbox, ShutdownReport, Supervisor
from tests.runner.kernel.support import Ask, Box, Do, Message, Once, Poke, Rig, acting, idle, states, worker


def slow(name: str, seconds: float, grace: float, *, from_shutdown: bool = False) -> ChildSpec:
    """A child that takes its time to end by itself."""

    async def run(context: ActorContext) -> None:
        context.started()
        await (context.shutdown if from_shutdown else context.stopping).wait()
        await trio.sleep(seconds)
        await context.stopping.wait()

    return ChildSpec(name=name, factory=acting(run), grace=grace, drains=True, grace_from_shutdown=from_shutdown)


def report_of(supervisor: Supervisor) -> ShutdownReport:
    """The report, which must be there."""
    assert supervisor.shutdown_report is not None
    return supervisor.shutdown_report


def seconds(supervisor: Supervisor) -> dict[str, float]:
    """How long each phase took, in order of time."""
    return {phase.actor: phase.seconds for phase in report_of(supervisor).phases}


async def test_each_ends_within_its_grace_from_its_turn(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Reverse order; a child that takes longer than its grace is cut off at its end."""
    supervisor = await rig.start(slow("a", 1, 5), slow("b", 9, 3), slow("c", 2, 5))
    outcome = await rig.end(supervisor)
    assert seconds(supervisor) == {"c": 2, "b": 3, "a": 1}
    report = report_of(supervisor)
    assert [phase.cancelled for phase in report.phases] == [False, True, False]
    assert (report.seconds, report.overrun, report.hurried, report.reason) == (6, False, False, "test over")
    assert outcome.exit_code == 0
    assert rig.names("shutdown.begun", "shutdown.phase", "shutdown.done") == [
        "shutdown.begun", "shutdown.phase c", "shutdown.phase b", "shutdown.phase a", "shutdown.done",
    ]  # fmt: skip


async def test_a_grace_may_count_from_the_beginning(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """`grace_from_shutdown`: told at once, and its grace runs while those after it end."""
    supervisor = await rig.start(
        slow("late", 99, 4, from_shutdown=True), slow("early", 3, 12, from_shutdown=True), slow("z", 5, 6)
    )
    await rig.end(supervisor)
    assert seconds(supervisor) == {"z": 5, "early": 0, "late": 0}


async def test_hurry_ends_all_graces_and_keeps_the_order(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """The second signal cuts off the child whose turn it is, and gives the rest no grace."""
    supervisor = await rig.start(slow("a", 9, 10), slow("b", 9, 10), slow("c", 9, 10))
    supervisor.shut_down("first signal")
    supervisor.shut_down("ignored")
    await trio.sleep(1)
    supervisor.hurry()
    supervisor.hurry()
    await rig.ended.wait()
    assert seconds(supervisor) == {"c": 1, "b": 0, "a": 0}
    assert (report_of(supervisor).hurried, report_of(supervisor).reason) == (True, "first signal")


async def test_hurry_alone_begins_the_shutdown(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """It is a shutdown without graces, in a nested supervisor too."""
    supervisor = await rig.start(
        slow("a", 9, 10),
        ChildSpec(name="group", factory=lambda: rig.supervisor(slow("x", 9, 10), name="group"), grace=20),
    )
    supervisor.hurry()
    await rig.ended.wait()
    assert sum(seconds(supervisor).values()) == 0


async def test_hurry_reaches_a_branch_whose_turn_it_is(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """The nested supervisor ends its own graces, in its own order."""
    supervisor = await rig.start(
        ChildSpec(
            name="group",
            factory=lambda: rig.supervisor(slow("x", 9, 10), slow("y", 9, 10), name="group"),
            grace=50,
        ),
    )
    supervisor.shut_down("signal")
    await trio.sleep(2)
    supervisor.hurry()
    await rig.ended.wait()
    assert seconds(supervisor) == {"group": 2}


async def test_after_twenty_seconds_everything_left_is_cancelled(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """The limit of the whole shutdown cuts all graces at once, and the report says it overran."""
    supervisor = await rig.start(slow("a", 90, 100), slow("b", 90, 100), slow("c", 90, 15))
    await rig.end(supervisor)
    assert seconds(supervisor) == {"c": 15, "b": 5, "a": 0}
    assert report_of(supervisor).overrun
    assert rig.fields("shutdown.overran")


async def test_what_cannot_be_ended_is_left_behind(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A shielded child is reported as overrun after its graces, with what it holds; the others end in order."""
    box: Box = Mailbox("stuck", capacity=9)
    let_go = trio.Event()

    async def handle(_message: Message, _life: ActorContext) -> None:
        with trio.CancelScope(shield=True):
            await let_go.wait()

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(idle)),
        ChildSpec(name="stuck", factory=acting(worker(box, handle)), mailbox=box),
    )
    for n in (1, 2):
        box.ref.tell(Do(n))
    await trio.testing.wait_all_tasks_blocked()
    supervisor.shut_down("signal")
    await trio.sleep(30)
    assert states(supervisor) == {"a": "stopped", "stuck": "stuck"}
    report = report_of(supervisor)
    assert [(phase.actor, phase.seconds, phase.overran) for phase in report.phases] == [
        ("stuck", 7, True),
        ("a", 0, False),
    ]
    assert [loss.label for loss in report.lost] == ["no 1", "no 2"]
    assert not rig.ended.is_set()
    let_go.set()
    await rig.ended.wait()
    assert (box.statistics().lost, box.statistics().done) == (1, 1)  # it came to an end after all


async def test_every_lost_message_is_named(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """What is queued, and what was not finished within the grace, by actor, class and label; nudges are none."""
    busy: Box = Mailbox("busy", capacity=99)
    down: Box = Mailbox("down", capacity=99)
    told: list[str] = []

    async def handle(_message: Message, _life: ActorContext) -> None:
        await trio.sleep(9)

    async def ask() -> None:
        try:
            await Ask(5).ask(busy.ref, within=60)
        except ActorDown as error:
            told.append(error.reason)

    supervisor = await rig.start(
        ChildSpec(name="busy", factory=acting(worker(busy, handle)), mailbox=busy),
        ChildSpec(name="down", factory=acting(idle), mailbox=down, not_configured="off"),
    )
    for message in (Do(1), Do(2), Once(3), Poke(4)):
        busy.ref.tell(message)
    down.ref.tell(Do(6))
    rig.nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    await rig.end(supervisor)
    report = report_of(supervisor)
    assert [(loss.actor, loss.message, loss.label) for loss in report.lost] == [
        ("down", "Do", "no 6"),
        ("busy", "Do", "no 1"),
        ("busy", "Do", "no 2"),
        ("busy", "Once", ""),
        ("busy", "Ask", ""),
    ]
    assert told == ["shutting down"]
    now = busy.statistics()
    assert (now.lost, now.dropped, now.queued, now.in_hand) == (4, 1, 0, 0)
    assert busy.ref.tell(Do(7)) is Accepted.REFUSED


async def test_the_outside_is_refused_while_actors_still_talk(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """From the first instant of a shutdown outsiders are refused; a child that is still up may tell another."""
    box: Box = Mailbox("a", capacity=9)
    log: list[Message] = []
    answers: list[Accepted] = []

    async def last(context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()
        answers.append(box.outside.tell(Do(1)))
        answers.append(box.ref.tell(Do(2)))
        await trio.sleep(0.5)

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(worker(box, log=log)), mailbox=box),
        ChildSpec(name="z", factory=acting(last), drains=True),
    )
    assert box.outside.tell(Do(0)) is Accepted.QUEUED
    await rig.end(supervisor)
    assert answers == [Accepted.REFUSED, Accepted.QUEUED]
    assert log == [Do(0), Do(2)]


@pytest.mark.parametrize("when", ["backoff", "failed", "starting", "action", "group", "crash"])
async def test_a_shutdown_in_the_middle_of_something(
    rig: Rig, when: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Whatever is under way when it begins, nothing is started any more and everything ends."""
    box: Box = Mailbox("a", capacity=9)

    async def run(context: ActorContext) -> None:
        if when in ("backoff", "failed"):
            raise ValueError
        if when == "starting":
            await trio.sleep_forever()
        if when == "crash":
            context.started()
            await context.stopping.wait()
            raise ValueError
        await worker(box, handle)(context)

    async def handle(_message: Message, _life: ActorContext) -> None:
        await trio.sleep(1)
        if when == "group":
            raise ValueError

    supervisor = rig.supervisor(ChildSpec(name="a", factory=acting(run), drains=when == "crash", mailbox=box))
    rig.nursery.start_soon(rig.run, supervisor)
    await trio.sleep({"backoff": 0.05, "failed": 50}.get(when, 1))
    box.ref.tell(Do(1))
    if when == "action":
        await trio.testing.wait_all_tasks_blocked()
        rig.nursery.start_soon(_restart, supervisor)
        await trio.testing.wait_all_tasks_blocked()
    number = supervisor.children()[0].incarnation
    outcome = await rig.end(supervisor)
    assert outcome.ended is Ended.SHUT_DOWN
    assert supervisor.children()[0].incarnation == number
    assert states(supervisor)["a"] in ("stopped", "failed")
    assert box.statistics().in_hand == 0
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")


async def _restart(supervisor: Supervisor) -> None:
    report = await supervisor.restart("a", by="ana")
    assert (report.done, "shutting down" in report.text) == (False, True)
