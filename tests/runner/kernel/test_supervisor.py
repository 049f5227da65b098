"""The supervisor's start, its outcome, its statistics, and supervisors inside supervisors."""

import math
import random
from typing import ClassVar

import pytest
import trio
import trio.testing

from runner.kernel import (
    ActorContext,
    ActorDown,
    ChildSpec,
    Ended,
    Intensity,
    Mailbox,
    NoSuchActor,
    NotStarted,
    Restart,
    SpecError,
    StartError,
    State,
    Strategy,
    Supervisor,
)
from tests.runner.kernel.support import Ask, Box, Do, Message, Rig, acting, idle, states, worker


class SettingsWrong(StartError):
    """An error that ends the start, with a code of its own."""

    exit_code = 78


class PortTaken(Exception):
    """The same mark on a class that is not the kernel's."""

    ends_start: ClassVar[bool] = True


async def crash(_life: ActorContext) -> None:
    """Fail before being ready."""
    msg = "no luck"
    raise ValueError(msg)


async def test_children_start_in_order_each_after_the_last_is_ready(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """Child n+1 begins when child n has said it is ready, and they end in reverse."""
    log: list[str] = []

    def slow(name: str) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            log.append(f"{name} begins at {trio.current_time() - began:g}")
            await trio.sleep(2)
            context.started()
            try:
                await trio.sleep_forever()
            finally:
                log.append(f"{name} ends")

        return ChildSpec(name=name, factory=acting(run))

    began = trio.current_time()
    supervisor = await rig.start(*(slow(name) for name in "abc"))
    assert log == ["a begins at 0", "b begins at 2", "c begins at 4"]
    assert states(supervisor) == {"a": "running", "b": "running", "c": "running"}
    outcome = await rig.end(supervisor)
    assert log[3:] == ["c ends", "b ends", "a ends"]
    assert (outcome.ended, outcome.exit_code, outcome.reason) == (Ended.SHUT_DOWN, 0, "test over")


async def test_a_dead_child_does_not_keep_the_house_shut(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A child that is not critical and crashes at the start goes to back-off, and the start goes on."""
    failures = [ValueError("once"), ValueError("twice")]

    async def weak(context: ActorContext) -> None:
        if failures:
            raise failures.pop()
        await idle(context)

    supervisor = await rig.start(
        ChildSpec(name="weak", factory=acting(weak)), ChildSpec(name="b", factory=acting(idle))
    )
    assert supervisor.ready.is_set()
    assert states(supervisor) == {"weak": "backoff", "b": "running"}
    await trio.sleep(1)
    assert states(supervisor) == {"weak": "running", "b": "running"}
    assert supervisor.children()[0].restarts == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [(SettingsWrong("port is x"), 78), (PortTaken("8000"), 70), (ExceptionGroup("g", [PortTaken("8000")]), 70)],
)
async def test_an_error_that_ends_the_start_ends_it_from_any_child(
    rig: Rig, error: Exception, code: int, autojump_clock: trio.testing.MockClock
) -> None:
    """The children before are stopped in reverse, those after never begin, and the outcome holds the exception."""

    async def wrong(_life: ActorContext) -> None:
        raise error

    never: list[str] = []

    async def after(_life: ActorContext) -> None:
        never.append("begun")

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(idle)),
        ChildSpec(name="wrong", factory=acting(wrong)),
        ChildSpec(name="after", factory=acting(after)),
    )
    await rig.ended.wait()
    outcome = rig.outcomes[0]
    assert (outcome.ended, outcome.actor, outcome.exit_code) == (Ended.START_FAILED, "wrong", code)
    assert isinstance(outcome.error, (SettingsWrong, PortTaken))
    assert outcome.error.__traceback__ is None
    assert never == []
    assert not supervisor.ready.is_set()
    assert states(supervisor) == {"a": "stopped", "wrong": "failed", "after": "stopped"}


@pytest.mark.parametrize("how", ["crash", "late", "stuck"])
async def test_any_failure_of_a_critical_child_ends_the_start(
    rig: Rig, how: str, autojump_clock: trio.testing.MockClock
) -> None:
    """A critical child that crashes, is late or cannot even be ended before it was ever ready ends the start."""
    let_go = trio.Event()

    async def critical(_life: ActorContext) -> None:
        if how == "crash":
            await crash(_life)
        with trio.CancelScope(shield=how == "stuck"):
            await let_go.wait()

    await rig.start(
        ChildSpec(name="a", factory=acting(idle)), ChildSpec(name="c", factory=acting(critical), critical=True)
    )
    let_go.set()
    await rig.ended.wait()
    outcome = rig.outcomes[0]
    assert (outcome.ended, outcome.exit_code) == (Ended.START_FAILED, 70)
    assert isinstance(outcome.error, NotStarted)
    assert "c" in outcome.reason


async def test_after_the_start_the_mark_means_nothing(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """An error with the mark in a running tree is a crash like any other."""
    box: Box = Mailbox("a", capacity=5)

    async def handle(_message: Message, _life: ActorContext) -> None:
        msg = "late"
        raise SettingsWrong(msg)

    supervisor = await rig.start(ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box))
    box.ref.tell(Do(1))
    await trio.sleep(5)
    assert states(supervisor) == {"a": "running"}


async def test_not_configured_is_shown_and_not_started(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A child that is not configured is stopped with its reason, and questions to it fail at once."""
    box: Box = Mailbox("telegram", capacity=5)
    supervisor = await rig.start(
        ChildSpec(name="telegram", factory=acting(idle), mailbox=box, not_configured="no token"),
        ChildSpec(name="b", factory=acting(idle)),
    )
    (telegram, _) = supervisor.children()
    assert (telegram.state, telegram.reason, telegram.incarnation) == (State.STOPPED, "not configured: no token", 0)
    with pytest.raises(ActorDown, match="no token"):
        await Ask().ask(box.ref, within=5)
    report = await supervisor.start("telegram", by="ana")
    assert (report.done, report.text) == (False, "telegram: not configured: no token")


async def test_an_idle_tree_has_no_deadline(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """With every actor waiting for its mailbox there is no next deadline at all: nothing polls."""
    boxes: list[Box] = [Mailbox(f"a{n}", capacity=5) for n in range(3)]
    await rig.start(*(ChildSpec(name=box.name, factory=acting(worker(box)), mailbox=box) for box in boxes))
    for box in boxes:
        box.ref.tell(Do(1))
    await trio.testing.wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == math.inf


async def test_names_are_unique(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Two children of one name are refused, naming it."""
    with pytest.raises(SpecError, match="children of one name: a"):
        rig.supervisor(ChildSpec(name="a", factory=acting(idle)), ChildSpec(name="a", factory=acting(idle)))


async def test_a_supervisor_lives_once(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Running it again is an error of the programmer; before and after, operators are told so."""
    supervisor = rig.supervisor(ChildSpec(name="a", factory=acting(idle)))
    assert "is not running" in (await supervisor.restart("a", by="x")).text
    rig.nursery.start_soon(rig.run, supervisor)
    await supervisor.ready.wait()
    await rig.end(supervisor)
    with pytest.raises(RuntimeError, match="has run before"):
        await supervisor.run()
    assert "shutting down" in (await supervisor.restart("a", by="x")).text


async def test_statistics_say_what_ps_shows(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Every field of a child and of its supervisor, as an immutable value."""
    box: Box = Mailbox("a", capacity=5)

    async def handle(message: Message, _life: ActorContext) -> None:
        if message == Do(1):
            msg = "broken"
            raise ValueError(msg)
        await trio.sleep(10)

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(worker(box, handle)), mailbox=box, critical=True),
        strategy=Strategy.ONE_FOR_ONE,
    )
    for message in (Do(0), Do(1), Do(2), Do(3)):
        box.ref.tell(message)
    await trio.sleep(12)
    (child,) = supervisor.children()
    assert (child.state, child.critical, child.last_error) == (State.RUNNING, True, "ValueError: broken")
    assert (child.restarts, child.incarnation, child.queue, child.oldest_message_s) == (3, 4, 1, 12)
    assert [record.cause for record in child.errors] == ["crashed"] * 3
    assert "broken" in child.errors[0].text
    assert child.mailbox is not None
    assert child.mailbox.in_hand == 1
    whole = supervisor.statistics()
    assert (whole.name, whole.ready, whole.stopping, whole.restarts_in_window) == ("root", True, False, 3)
    with pytest.raises(AttributeError):
        whole.name = "x"  # type: ignore[misc] # the point of the test
    assert "a running" in repr(supervisor)
    assert supervisor.outcome is None


async def test_the_last_ten_errors_are_kept(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Of many errors the last ten stay, as text."""
    count = iter(range(100))

    async def weak(_life: ActorContext) -> None:
        raise ValueError(next(count))

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(weak), intensity=Intensity(20, 600)), intensity=Intensity(100, 60)
    )
    await trio.sleep(300)
    (child,) = supervisor.children()
    assert child.state is State.FAILED
    assert len(child.errors) == 10
    assert child.errors[-1].summary == "ValueError: 20"


def nested(rig: Rig, *specs: ChildSpec, **rules: object) -> ChildSpec:
    """A child that is a supervisor itself."""
    critical = bool(rules.pop("critical", False))
    return ChildSpec(
        name="group", factory=lambda: rig.supervisor(*specs, name="group", **rules), grace=20, critical=critical
    )


async def test_a_nested_supervisor_is_a_child_like_others(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """It is ready when its children are; they are listed under its name and obey orders by that name."""
    box: Box = Mailbox("inner", capacity=5)
    supervisor = await rig.start(
        nested(
            rig,
            ChildSpec(name="inner", factory=acting(worker(box)), mailbox=box),
            strategy=Strategy.ONE_FOR_ALL,
        ),
        ChildSpec(name="b", factory=acting(idle)),
    )
    assert states(supervisor) == {"group": "running", "group/inner": "running", "b": "running"}
    report = await supervisor.restart("group/inner", by="ana")
    assert (report.done, report.actor, report.incarnation) == (True, "group/inner", 2)
    for unknown in ("nobody", "b/inner", "nobody/inner"):
        with pytest.raises(NoSuchActor):
            await supervisor.restart(unknown, by="ana")
    with pytest.raises(NoSuchActor):
        await supervisor.restart("group/nobody", by="ana")
    assert (await Ask(4).ask(box.ref, within=1)) == 4


async def test_a_nested_supervisor_fails_to_its_parent(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Over its own intensity it ends its children in reverse and counts as a crash; mailboxes survive."""
    box: Box = Mailbox("weak", capacity=50)
    log: list[str] = []

    async def handle(message: Message, _life: ActorContext) -> None:
        if isinstance(message, Do):
            raise ValueError(message.n)  # noqa: TRY004 - a stand-in for any crash

    def member(name: str) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            context.started()
            try:
                await trio.sleep_forever()
            finally:
                log.append(name)

        return ChildSpec(name=name, factory=acting(run))

    supervisor = await rig.start(
        nested(
            rig,
            member("first"),
            member("second"),
            ChildSpec(name="weak", factory=acting(worker(box, handle)), mailbox=box),
            intensity=Intensity(2, 60),
        )
    )
    box.ref.tell(Do(1))
    await trio.sleep(5)
    assert await Ask(7).ask(box.ref, within=30) == 7
    assert log[:2] == ["second", "first"]
    (group, *_) = supervisor.children()
    assert group.incarnation == 2
    assert "GaveUp" in group.last_error
    assert "supervisor.giving_up weak" in rig.names()
    assert (box.statistics().dead, box.statistics().lost) == (1, 0)


async def test_a_failed_branch_answers_at_once(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """When the nested supervisor itself is stopped, questions to its children fail at once, until it is started."""
    box: Box = Mailbox("inner", capacity=5)
    supervisor = await rig.start(nested(rig, ChildSpec(name="inner", factory=acting(worker(box)), mailbox=box)))
    assert (await supervisor.stop("group", by="ana")).done
    box.ref.tell(Do(1))
    began = trio.current_time()
    with pytest.raises(ActorDown):
        await Ask().ask(box.ref, within=9)
    assert trio.current_time() == began
    assert (await supervisor.start("group", by="ana")).done
    assert await Ask(3).ask(box.ref, within=1) == 3
    assert box.statistics().done >= 1


@pytest.mark.parametrize("critical", [False, True])
async def test_a_start_error_inside_a_branch(rig: Rig, critical: bool, autojump_clock: trio.testing.MockClock) -> None:
    """An error with the mark ends the whole start from any depth."""

    async def wrong(_life: ActorContext) -> None:
        msg = "inner"
        raise SettingsWrong(msg)

    await rig.start(nested(rig, ChildSpec(name="x", factory=acting(wrong)), critical=critical))
    await rig.ended.wait()
    assert (rig.outcomes[0].ended, rig.outcomes[0].exit_code) == (Ended.START_FAILED, 78)


async def test_a_critical_grandchild_fails_its_own_supervisor(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A branch that does not come up is a crash of the branch: when it is not critical the start goes on."""
    supervisor = await rig.start(
        nested(rig, ChildSpec(name="x", factory=acting(crash), critical=True)),
        ChildSpec(name="b", factory=acting(idle)),
    )
    assert supervisor.ready.is_set()
    assert states(supervisor)["b"] == "running"
    assert "GaveUp" in supervisor.children()[0].last_error


async def test_a_branch_goes_down_with_the_process(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """Shutdown reaches the grandchildren in order, tells them at once, and names what they leave."""
    box: Box = Mailbox("inner", capacity=5)
    told: list[float] = []

    async def inner(context: ActorContext) -> None:
        context.started()
        await context.shutdown.wait()
        told.append(trio.current_time())
        await trio.sleep_forever()

    async def slow(context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()
        await trio.sleep(1)

    supervisor = await rig.start(
        nested(rig, ChildSpec(name="inner", factory=acting(inner), mailbox=box)),
        ChildSpec(name="slow", factory=acting(slow), drains=True),
    )
    box.ref.tell(Do(8))
    began = trio.current_time()
    await rig.end(supervisor)
    assert told == [began]
    report = supervisor.shutdown_report
    assert report is not None
    assert [(phase.actor, phase.seconds) for phase in report.phases] == [("slow", 1), ("group", 2)]
    assert [(loss.actor, loss.label) for loss in report.lost] == [("inner", "no 8")]


async def test_a_stopped_branch_still_names_its_losses(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """What waits in the mailboxes of a branch that an operator stopped before is lost and named too."""
    box: Box = Mailbox("inner", capacity=5)
    supervisor = await rig.start(nested(rig, ChildSpec(name="inner", factory=acting(worker(box)), mailbox=box)))
    await supervisor.stop("group", by="ana")
    box.ref.tell(Do(8))
    await rig.end(supervisor)
    report = supervisor.shutdown_report
    assert report is not None
    assert [loss.label for loss in report.lost] == ["no 8"]


async def test_killing_a_branch_keeps_its_messages(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A killed nested supervisor takes its children along without counting an attempt against their messages."""
    box: Box = Mailbox("inner", capacity=5)
    begun: list[Message] = []

    async def handle(_message: Message, _life: ActorContext) -> None:
        if len(begun) < 6:
            await trio.sleep(20)

    supervisor = await rig.start(
        nested(rig, ChildSpec(name="inner", factory=acting(worker(box, handle, begun)), mailbox=box))
    )
    box.ref.tell(Do(1))
    for _ in range(5):
        await trio.sleep(6)
        assert (await supervisor.kill("group", by="ana")).done
    await trio.sleep(30)
    assert len(begun) == 6
    assert (box.statistics().done, box.statistics().dead, box.statistics().returned) == (1, 0, 5)


async def test_the_root_gives_up(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """More restarts than the root allows end the process with exit code 70, whoever they were."""

    async def weak(_life: ActorContext) -> None:
        raise ValueError

    supervisor = await rig.start(
        *(ChildSpec(name=f"a{n}", factory=acting(weak)) for n in range(8)), ChildSpec(name="z", factory=acting(idle))
    )
    await rig.ended.wait()
    outcome = rig.outcomes[0]
    assert (outcome.ended, outcome.exit_code) == (Ended.GAVE_UP, 70)
    assert "more than 40 restarts in 60 s in root" in outcome.reason
    assert set(states(supervisor).values()) <= {"stopped", "failed"}


async def test_a_critical_failure_ends_the_process(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A critical child over its intensity starts the shutdown, exit code 70."""
    doomed = trio.Event()

    async def weak(context: ActorContext) -> None:
        context.started()
        await doomed.wait()
        raise ValueError

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(idle)), ChildSpec(name="weak", factory=acting(weak), critical=True)
    )
    doomed.set()
    await supervisor.stopping.wait()
    await rig.ended.wait()
    assert (rig.outcomes[0].ended, rig.outcomes[0].actor, rig.outcomes[0].exit_code) == (Ended.GAVE_UP, "weak", 70)
    assert len(rig.fields("actor.crashed")) == 7


async def test_a_critical_temporary_child_may_not_die(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A critical child that is never restarted ends the process by crashing once."""
    doomed = trio.Event()

    async def weak(context: ActorContext) -> None:
        context.started()
        await doomed.wait()
        raise ValueError

    await rig.start(ChildSpec(name="w", factory=acting(weak), critical=True, restart=Restart.TEMPORARY))
    doomed.set()
    await rig.ended.wait()
    assert rig.outcomes[0].ended is Ended.GAVE_UP


def test_an_empty_supervisor_needs_no_loop() -> None:
    """Building a tree touches no clock and no loop: the wiring may do it before either exists."""
    rig = Rig(None)  # type: ignore[arg-type] # nothing is run here
    box: Box = Mailbox("a", capacity=1)
    supervisor = Supervisor(
        "x",
        [ChildSpec(name="a", factory=acting(idle), mailbox=box)],
        rng=random.Random(1),
        events=rig.events,
        dead_letters=rig.letters,
    )
    assert supervisor.outcome is None
    assert supervisor.shutdown_report is None
