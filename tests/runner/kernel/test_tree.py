"""What an ending leads to: restart rules by ways of ending by strategies, intensity, groups, significance."""

import itertools

import pytest
import trio
import trio.testing

from runner.kernel import (
    ActorContext,
    AutoShutdown,
    ChildSpec,
    Ended,
    Intensity,
    Mailbox,
    Restart,
    State,
    Strategy,
    Supervisor,
)
from tests.runner.kernel.support import Box, Do, Message, Poke, Rig, Run, acting, idle, numbers, states, worker

ENDINGS = ("return", "crash", "group", "exit", "hang", "kill")


async def end_as(how: str) -> None:
    """End in the given way."""
    match how:
        case "crash":
            msg = "boom"
            raise ValueError(msg)
        case "group":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(end_as, "crash")
        case "exit":
            raise SystemExit(3)
        case "hang" | "kill":
            await trio.sleep_forever()


@pytest.mark.parametrize(("restart", "how", "strategy"), list(itertools.product(Restart, ENDINGS, Strategy)), ids=str)
async def test_every_rule_by_every_ending_by_every_strategy(
    rig: Rig, restart: Restart, how: str, strategy: Strategy, autojump_clock: trio.testing.MockClock
) -> None:
    """Who is alive and who got a new life after the middle one of three children has ended once."""
    box: Box = Mailbox("b", capacity=5, max_attempts=1)

    async def middle(context: ActorContext) -> None:
        context.started()
        await box.receive()
        await end_as(how)

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(idle)),
        ChildSpec(name="b", factory=acting(middle), mailbox=box, restart=restart),
        ChildSpec(name="c", factory=acting(idle)),
        strategy=strategy,
    )
    box.ref.tell(Poke())
    await trio.testing.wait_all_tasks_blocked()
    if how == "kill":
        await supervisor.kill("b", by="ana")
    await trio.sleep(40)
    restarted = restart is Restart.PERMANENT or (restart is Restart.TRANSIENT and how != "return")
    lives = {child.name: child.incarnation for child in supervisor.children()}
    assert ("b" in lives) == (restart is not Restart.TEMPORARY)
    assert lives.get("b", 2) == (2 if restarted or restart is Restart.TEMPORARY else 1)
    assert lives["a"] == (2 if restarted and strategy is Strategy.ONE_FOR_ALL else 1)
    assert lives["c"] == (2 if restarted and strategy is not Strategy.ONE_FOR_ONE else 1)
    alive = {"a": "running", "b": "running", "c": "running"}
    if restart is Restart.TEMPORARY:
        del alive["b"]
    elif not restarted:
        alive["b"] = "stopped"
    assert states(supervisor) == alive
    assert len(rig.fields("actor.hung")) == (how == "hang")
    assert (await rig.end(supervisor)).exit_code == 0


async def failing(rig: Rig, *, failures: int, gap: float, intensity: Intensity | None = None) -> Supervisor:
    """A supervisor whose one child fails so many times, `gap` seconds after each start."""
    left = [failures]

    async def run(context: ActorContext) -> None:
        context.started()
        if left[0]:
            left[0] -= 1
            await trio.sleep(gap)
            raise ValueError(left[0])
        await trio.sleep_forever()

    spec = ChildSpec(name="a", factory=acting(run), intensity=intensity or Intensity(6, 60))
    return await rig.start(spec, intensity=Intensity(1_000, 60))


@pytest.mark.parametrize(
    ("failures", "gap", "state"),
    [(6, 0, State.RUNNING), (7, 0, State.FAILED), (7, 5, State.FAILED), (50, 10.1, State.RUNNING)],
)
async def test_the_seventh_failure_in_a_minute_is_one_too_many(
    rig: Rig, failures: int, gap: float, state: State, autojump_clock: trio.testing.MockClock
) -> None:
    """Six restarts in 60 s are allowed; the seventh failure gives `failed`; slower failures never do."""
    supervisor = await failing(rig, failures=failures, gap=gap)
    await trio.sleep(599)
    (child,) = supervisor.children()
    assert child.state is state
    assert child.incarnation == (7 if state is State.FAILED else child.incarnation)


async def test_a_failed_child_is_tried_again(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """`failed` is revived after 600 s with a fresh budget, and may fail again; `retry_in` counts down meanwhile."""
    supervisor = await failing(rig, failures=10, gap=0)
    await trio.sleep(100)
    (child,) = supervisor.children()
    assert child.state is State.FAILED
    assert 500 <= child.retry_in <= 600
    await trio.sleep(550)
    (child,) = supervisor.children()
    assert (child.state, child.incarnation) == (State.RUNNING, 11)
    assert rig.names("actor.failed", "actor.revived") == ["actor.failed a", "actor.revived a"]


async def test_revival_may_be_left_to_the_operator(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """With `revive_after=0` a failed child stays failed until it is started."""

    async def run(_life: ActorContext) -> None:
        if supervisor.children()[0].incarnation < 8:
            raise ValueError
        await idle(_life)

    supervisor = rig.supervisor(ChildSpec(name="a", factory=acting(run)), revive_after=0)
    rig.nursery.start_soon(rig.run, supervisor)
    await trio.sleep(10_000)
    assert states(supervisor) == {"a": "failed"}
    assert trio.lowlevel.current_statistics().seconds_to_next_deadline == float("inf")
    assert (await supervisor.start("a", by="ana")).done


async def test_backoff_grows_and_starts_over_after_a_healthy_time(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """The first restart is immediate, the next ones wait longer each time; after 60 s it is immediate again."""
    lives: list[float] = []

    async def run(context: ActorContext) -> None:
        context.started()
        lives.append(trio.current_time())
        if len(lives) == 5:
            await trio.sleep(60)
        if len(lives) < 7:
            raise ValueError
        await trio.sleep_forever()

    await rig.start(ChildSpec(name="a", factory=acting(run)))
    await trio.sleep(100)
    gaps = [b - a for a, b in itertools.pairwise(lives)]
    assert gaps[0] == 0
    assert [0.08 <= gaps[1] <= 0.12, 0.16 <= gaps[2] <= 0.24, 0.32 <= gaps[3] <= 0.48] == [True] * 3
    assert gaps[4] == 60
    assert 0.08 <= gaps[5] <= 0.12


async def test_a_factory_that_fails_is_a_crash(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """What `factory` raises counts like a crash of the incarnation it was to build."""
    attempts = []

    def factory() -> object:
        attempts.append(1)
        if len(attempts) < 3:
            msg = "cannot build"
            raise OSError(msg)
        return acting(idle)()

    supervisor = await rig.start(ChildSpec(name="a", factory=factory))  # type: ignore[arg-type] # it is one in the end
    await trio.sleep(1)
    assert states(supervisor) == {"a": "running"}
    assert supervisor.children()[0].last_error == "OSError: cannot build"


async def test_a_group_ends_in_reverse_and_starts_in_order(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """one_for_all: the others end in reverse, then all start in order, each ready before the next."""
    log: list[str] = []
    box: Box = Mailbox("b", capacity=9, max_attempts=1)

    def member(name: str) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            await trio.sleep(1)
            context.started()
            log.append(f"{name} up")
            try:
                if name == "b":
                    await box.receive()
                    raise ValueError
                await trio.sleep_forever()
            finally:
                log.append(f"{name} down")

        return ChildSpec(name=name, factory=acting(run), mailbox=box if name == "b" else None)

    supervisor = await rig.start(*(member(name) for name in "abc"), strategy=Strategy.ONE_FOR_ALL)
    log.clear()
    box.ref.tell(Do(0))
    await trio.sleep(0.5)
    assert states(supervisor) == {"a": "starting", "b": "backoff", "c": "backoff"}
    await trio.sleep(60)
    assert log == ["b down", "c down", "a down", "a up", "b up", "c up"]
    assert box.statistics().dead == 1
    assert states(supervisor) == {"a": "running", "b": "running", "c": "running"}


async def test_a_group_leaves_the_stopped_alone(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """What was stopped, or ended by itself, stays so through a group restart; temporaries are dropped."""
    doomed: list[str] = []

    async def b(context: ActorContext) -> None:
        context.started()
        await trio.sleep(5)
        if not doomed:
            doomed.append("once")
            raise ValueError
        await trio.sleep_forever()

    async def brief(context: ActorContext) -> None:
        context.started()

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(idle)),
        ChildSpec(name="b", factory=acting(b)),
        ChildSpec(name="brief", factory=acting(brief), restart=Restart.TRANSIENT),
        ChildSpec(name="temp", factory=acting(idle), restart=Restart.TEMPORARY),
        ChildSpec(name="d", factory=acting(idle)),
        strategy=Strategy.REST_FOR_ONE,
    )
    await supervisor.stop("d", by="ana")
    await trio.sleep(20)
    assert states(supervisor) == {"a": "running", "b": "running", "brief": "stopped", "d": "stopped"}
    assert [child.incarnation for child in supervisor.children()] == [1, 2, 1, 1]


async def test_discard_gives_a_clean_slate(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """A member with `discard` finds its mailbox empty after a group restart; what was in it are dead letters."""
    kept: Box = Mailbox("kept", capacity=9)
    tossed: Box = Mailbox("tossed", capacity=9)
    logs: dict[str, list[Message]] = {"kept": [], "tossed": []}

    async def slow(_message: Message, _life: ActorContext) -> None:
        await trio.sleep(8)

    async def leader(context: ActorContext) -> None:
        context.started()
        await trio.sleep(3 if len(rig.fields("actor.crashed")) == 0 else 1_000)
        raise ValueError

    await rig.start(
        ChildSpec(name="leader", factory=acting(leader)),
        ChildSpec(name="kept", factory=acting(worker(kept, slow, logs["kept"])), mailbox=kept),
        ChildSpec(name="tossed", factory=acting(worker(tossed, slow, logs["tossed"])), mailbox=tossed, discard=True),
        strategy=Strategy.REST_FOR_ONE,
    )
    for box in (kept, tossed):
        for n in range(3):
            box.ref.tell(Do(n))
    await trio.sleep(100)
    assert numbers(logs["kept"]) == [0, 0, 1, 2]
    assert numbers(logs["tossed"]) == [0]
    assert [letter.actor for letter in rig.letters.letters()] == ["tossed"] * 3
    assert {letter.attempts for letter in rig.letters.letters()} == {0}


async def test_a_failure_during_a_group_restart_begins_it_anew(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """A member that fails while its group comes back takes the group down again; the end is one life of each."""
    fails = {"c": 2}
    alive: list[str] = []

    def member(name: str) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            alive.append(name)
            try:
                assert alive.count(name) == 1
                await trio.sleep(0.5)
                if fails.get(name, 0) and len(rig.fields("actor.crashed")) >= 1:
                    fails[name] -= 1
                    raise ValueError(name)
                context.started()
                if name == "b" and not rig.fields("actor.crashed"):
                    await trio.sleep(5)
                    raise ValueError(name)
                await trio.sleep_forever()
            finally:
                alive.remove(name)

        return ChildSpec(name=name, factory=acting(run))

    supervisor = await rig.start(*(member(name) for name in "abc"), strategy=Strategy.REST_FOR_ONE)
    await trio.sleep(60)
    assert states(supervisor) == {"a": "running", "b": "running", "c": "running"}
    assert sorted(alive) == ["a", "b", "c"]
    assert supervisor.children()[0].incarnation == 1
    assert len(rig.fields("actor.crashed")) == 3


async def test_a_failure_while_a_group_goes_down_forgets_nobody(
    rig: Rig, autojump_clock: trio.testing.MockClock
) -> None:
    """A second member that fails before it was asked to end does not leave the first one behind."""

    def failing_at(seconds: float) -> Run:
        async def run(context: ActorContext) -> None:
            context.started()
            await trio.sleep(seconds if context.number == 1 else 1_000)
            raise ValueError

        return run

    async def slow(context: ActorContext) -> None:
        context.started()
        await context.stopping.wait()
        await trio.sleep(2)

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(failing_at(5))),
        ChildSpec(name="b", factory=acting(failing_at(6))),
        ChildSpec(name="c", factory=acting(slow), drains=True, grace=3),
        strategy=Strategy.REST_FOR_ONE,
    )
    await trio.sleep(20)
    assert states(supervisor) == {"a": "running", "b": "running", "c": "running"}
    assert [child.incarnation for child in supervisor.children()] == [2, 2, 2]


async def test_a_group_waits_for_its_stuck_member(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """While one member cannot be ended, the group does not come back: its state is shared."""
    let_go = trio.Event()

    async def b(context: ActorContext) -> None:
        context.started()
        with trio.CancelScope(shield=True):
            await let_go.wait()
        await trio.sleep_forever()

    async def a(context: ActorContext) -> None:
        context.started()
        await trio.sleep(5 if not rig.fields("actor.crashed") else 1_000)
        raise ValueError

    supervisor = await rig.start(
        ChildSpec(name="a", factory=acting(a)), ChildSpec(name="b", factory=acting(b)), strategy=Strategy.ONE_FOR_ALL
    )
    await trio.sleep(100)
    assert states(supervisor) == {"a": "backoff", "b": "stuck"}
    let_go.set()
    await trio.sleep(1)
    assert states(supervisor) == {"a": "running", "b": "running"}


async def test_a_member_over_its_intensity_fails_its_group(rig: Rig, autojump_clock: trio.testing.MockClock) -> None:
    """In a group that shares state nobody can do without the one that failed: the supervisor gives up."""

    async def weak(context: ActorContext) -> None:
        context.started()
        await trio.sleep(0.1)
        raise ValueError

    await rig.start(
        ChildSpec(name="a", factory=acting(idle)),
        ChildSpec(name="weak", factory=acting(weak), intensity=Intensity(1, 60)),
        strategy=Strategy.ONE_FOR_ALL,
    )
    with trio.fail_after(60):
        await rig.ended.wait()
    assert rig.outcomes[0].ended is Ended.GAVE_UP
    assert "siblings cannot do without it" in rig.outcomes[0].reason


@pytest.mark.parametrize(
    ("auto", "restart", "how", "ends_after"),
    [
        (AutoShutdown.ANY, Restart.TRANSIENT, "return", 1),
        (AutoShutdown.ALL, Restart.TRANSIENT, "return", 2),
        (AutoShutdown.NEVER, Restart.TRANSIENT, "return", None),
        (AutoShutdown.ANY, Restart.TRANSIENT, "crash", None),
        (AutoShutdown.ANY, Restart.TEMPORARY, "crash", 1),
        (AutoShutdown.ALL, Restart.TEMPORARY, "return", 2),
        (AutoShutdown.NEVER, Restart.TEMPORARY, "crash", None),
    ],
)
async def test_significant_children(  # noqa: PLR0917 - a table has its columns
    rig: Rig,
    auto: AutoShutdown,
    restart: Restart,
    how: str,
    ends_after: int | None,
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The end of any, or the last, significant child ends the supervisor normally; a restart does not count."""
    go = [trio.Event(), trio.Event()]

    def significant(n: int) -> ChildSpec:
        async def run(context: ActorContext) -> None:
            context.started()
            done = go[n].is_set()
            await go[n].wait()
            if done:
                await trio.sleep_forever()
            await end_as(how)

        return ChildSpec(name=f"s{n}", factory=acting(run), restart=restart, significant=True)

    supervisor = await rig.start(
        significant(0), significant(1), ChildSpec(name="z", factory=acting(idle)), auto_shutdown=auto
    )
    for ended in (1, 2):
        go[ended - 1].set()
        await trio.sleep(1)
        assert rig.ended.is_set() == (ends_after is not None and ended >= ends_after)
    if ends_after is not None:
        assert (rig.outcomes[0].ended, rig.outcomes[0].exit_code) == (Ended.DONE, 0)
        assert states(supervisor)["z"] == "stopped"
