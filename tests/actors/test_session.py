"""The session actor across restarts: one spawn a wake, one record, one verdict a hook, and an answer at any time."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from random import Random

import attrs
import pytest
import trio

from actors.protocol import Cancel, Drain, SessionState, Status, Work
from actors.session import ENDED, LEDGER, PHASE, WAITING, SessionActor
from runner.clock import system_now
from runner.kernel import ChildSpec, DeadLetters, Event, EventRing, Mailbox, Supervisor
from runner.ledger import SessionRow, SpendEntry, WakeRequest
from runner.session.backends.base import Backend, RunListener, RunOrder, RunResult
from runner.session.choose import Surroundings, choose
from runner.session.engine import Engine
from runner.session.hooks.base import Hook, HookContext, Verdict
from runner.session.sources.base import Ask, Source
from runner.storage import sqlite
from runner.stream.events import PublicEvent
from tests.runner.session.stage import Stage, clean_environment, in_thread, stage
from tests.support import fake_cli

ANSWER_WITHIN = 5.0
OVER_WITHIN = 20.0

BEFORE_THE_SPAWN = (
    "phase gathering",
    "source identity_content",
    "source voice_content",
    "source time_context",
    "source memory_content",
    "source recent_thought",
)
AROUND_IT_AND_LATER = (
    "before the run",
    "spawning",
    "spawned",
    "phase running",
    "line 0",
    "line 1",
    "line 2",
    "event 0",
    "event 1",
    "event 2",
    "after the run",
    "phase hooks",
    "hook transcript",
    "hook thoughts",
    "hook conversation",
)


@attrs.define(eq=False)
class Trap:
    """Orders a restart of the session actor the first time its point is reached."""

    point: str
    reached: trio.Event = attrs.field(factory=trio.Event)
    deed: Callable[[], object] | None = None
    """Done there and then, the first time."""

    def at(self, point: str) -> None:
        """This point of a wake has come."""
        if point == self.point:
            if self.deed is not None and not self.reached.is_set():
                self.deed()
            self.reached.set()


@attrs.define(eq=False)
class Watched:
    """A backend, and its listener, that tell where they are; they give the restart a chance to come just there."""

    backend: Backend
    trap: Trap
    listener: RunListener | None = None
    lines: int = 0

    @property
    def name(self) -> str:
        return self.backend.name

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        await self._at("before the run")
        self.listener, self.lines = listener, 0
        result = await self.backend.run(order, self)
        await self._at("after the run")
        return result

    async def spawning(self) -> None:
        assert self.listener is not None
        await self.listener.spawning()
        await self._at("spawning")

    async def spawned(self, pid: int | None, started: int | None) -> None:
        assert self.listener is not None
        await self.listener.spawned(pid, started)
        await self._at("spawned")

    async def line(self, line: bytes) -> None:
        assert self.listener is not None
        await self.listener.line(line)
        await self._at(f"line {self.lines}")
        self.lines += 1

    async def _at(self, point: str) -> None:
        self.trap.at(point)
        await trio.lowlevel.checkpoint()


@attrs.define(eq=False)
class House:
    """The session actor under a real supervisor, with a real engine and a fake CLI that counts its spawns."""

    stage: Stage
    program: Path
    trap: Trap
    events: EventRing = attrs.field(init=False)
    box: Mailbox[Work | Status | Cancel | Drain] = attrs.field(factory=lambda: Mailbox("session", capacity=64))
    supervisor: Supervisor = attrs.field(init=False)
    backend: Backend = attrs.field(init=False)
    made: SessionActor = attrs.field(init=False)

    async def start(self, nursery: trio.Nursery) -> None:
        self.events = EventRing(system_now, listener=self.heard)
        settings = self.stage.settings
        environ = clean_environment(self.stage.home.parent)
        around = Surroundings(environ, frozenset(), in_thread, as_root=os.geteuid() == 0)
        chosen = await choose(settings, around)
        assert chosen.backend is not None
        self.backend = Watched(chosen.backend, self.trap)
        letters = DeadLetters(now=system_now)
        spec = ChildSpec(name="session", factory=self.actor, mailbox=self.box, grace=12, cancel_grace=15, drains=True)
        self.supervisor = Supervisor("root", [spec], rng=Random(1), events=self.events, dead_letters=letters)
        nursery.start_soon(self.supervisor.run)
        await self.supervisor.ready.wait()

    def heard(self, event: Event) -> None:
        if event.name == PHASE:
            self.trap.at(f"phase {event.fields['phase']}")

    def actor(self) -> SessionActor:
        engine = self.stage.engine(self.backend, now=system_now, publish=self.publish)
        engine.sources = tuple(self.watched_source(source) for source in engine.sources)
        engine.hooks = tuple(self.watched_hook(hook) for hook in engine.hooks)
        rebuilt = Engine(
            settings=engine.settings,
            ledger=engine.ledger,
            chosen=engine.chosen,
            now=system_now,
            publish=self.publish,
            run_sync=engine.run_sync,
            prompter=engine.prompter,
            schedule=engine.schedule,
            hooks=engine.hooks,
            sources=engine.sources,
        )
        ledger, current = self.stage.ledger, lambda: self.stage.settings
        self.made = SessionActor(self.box, rebuilt, ledger, system_now, self.events, current=current)
        return self.made

    def publish(self, event: PublicEvent) -> None:
        self.trap.at(f"event {len(self.stage.events)}")
        self.stage.events.append(event)

    def watched_source(self, source: Source) -> Source:
        async def gather(ask: Ask) -> object:
            self.trap.at(f"source {source.name}")
            await trio.lowlevel.checkpoint()
            return await source.gather(ask)

        return attrs.evolve(source, gather=gather)

    def watched_hook(self, hook: Hook) -> Hook:
        async def run(context: HookContext) -> Verdict:
            self.trap.at(f"hook {hook.name}")
            await trio.lowlevel.checkpoint()
            return await hook.run(context)

        return attrs.evolve(hook, run=run)

    async def wake(self) -> str:
        """Ask for a wake as the scheduler would."""
        wake = await self.stage.ledger.wakes.enqueue(WakeRequest(type="custom", message="hello"), system_now())
        self.box.ref.tell(Work())
        return wake.id

    async def over(self, session_id: str) -> SessionRow:
        """The row, once it has its record and every hook its verdict."""
        with trio.fail_after(OVER_WITHIN):
            while True:
                row = await self.stage.ledger.sessions.get(session_id)
                if row is not None and row.ended and all(hook.verdict for hook in row.hooks) and await self.idle():
                    return row
                await trio.sleep(0.02)

    async def idle(self) -> bool:
        return (await Status().ask(self.box.ref, within=ANSWER_WITHIN)).phase == "idle"

    async def restart_when_reached(self) -> None:
        await self.trap.reached.wait()
        report = await self.supervisor.restart("session", by="the test")
        assert report.done, report.text
        self.box.ref.tell(Work())


CASES = [
    *((point, "well") for point in (*BEFORE_THE_SPAWN, *AROUND_IT_AND_LATER)),
    # with a slow model it still runs when the restart comes
    ("spawned", "slow"),
    ("line 1", "slow"),
]


@pytest.mark.parametrize(("point", "mode"), CASES)
async def test_a_restart_anywhere_in_a_wake_runs_nothing_twice(
    tmp_path: Path, nursery: trio.Nursery, point: str, mode: str
) -> None:
    """Wherever a restart hits: one spawn, one terminal record, one verdict a hook, no process left, status idle."""
    program = fake_cli.install(tmp_path, mode)
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap(point))
        await house.start(nursery)
        nursery.start_soon(house.restart_when_reached)
        session_id = await house.wake()
        with trio.fail_after(OVER_WITHIN):
            await house.trap.reached.wait()
        row = await house.over(session_id)
        assert fake_cli.spawns(program) <= 1
        if point in BEFORE_THE_SPAWN:
            assert row.state == "completed", row.reason
            assert fake_cli.spawns(program) == 1
        elif row.state != "completed":
            assert (row.state, row.reason) == ("interrupted", "operator restart")
        assert [hook.verdict for hook in row.hooks].count(None) == 0
        assert all(hook.begins <= 2 for hook in row.hooks)
        assert len(await s.ledger.sessions.list()) == 1
        assert await s.ledger.wakes.pending() == ()
        await s.assert_left_clean(session_id, row.state)
        nursery.cancel_scope.cancel()


async def test_questions_are_answered_in_mid_wake_and_a_cancel_ends_it(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Status names the wake under way; Cancel ends just that one, recorded with the reason it was given."""
    program = fake_cli.install(tmp_path, "stuck_silent")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap("event 1"))
        await house.start(nursery)
        session_id = await house.wake()
        with trio.fail_after(OVER_WITHIN):
            await house.trap.reached.wait()
        state = await Status().ask(house.box.ref, within=ANSWER_WITHIN)
        assert state == SessionState("running", session_id, "custom")
        assert not await Cancel("another", "no").ask(house.box.ref, within=ANSWER_WITHIN)
        assert await Cancel(session_id, "the test has seen enough").ask(house.box.ref, within=ANSWER_WITHIN)
        row = await house.over(session_id)
        assert (row.state, row.reason) == ("interrupted", "the test has seen enough")
        nursery.cancel_scope.cancel()


async def test_a_drained_actor_ends_its_wake_and_begins_no_other(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Drain is answered when the wake under way is over; the next one waits for the actor's next life."""
    program = fake_cli.install(tmp_path, "slow")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap("spawned"))
        await house.start(nursery)
        first = await house.wake()
        with trio.fail_after(OVER_WITHIN):
            await house.trap.reached.wait()
            second = await house.wake()
            await Drain().ask(house.box.ref, within=OVER_WITHIN)
        row = await s.ledger.sessions.get(first)
        assert row is not None
        assert row.state == "completed"
        assert fake_cli.spawns(program) == 1
        assert (await Status().ask(house.box.ref, within=ANSWER_WITHIN)).draining
        await house.supervisor.restart("session", by="the test")
        assert (await house.over(second)).state == "completed"
        nursery.cancel_scope.cancel()


async def test_a_lock_held_elsewhere_makes_the_wake_wait(tmp_path: Path, nursery: trio.Nursery) -> None:
    """While another process holds the session lock the wake steps back, saying who; then it runs."""
    program = fake_cli.install(tmp_path, "well")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap("never"))
        elsewhere = s.engine(None)
        async with elsewhere.lock.held({"session_id": "elsewhere", "type": "talk"}):
            await house.start(nursery)
            session_id = await house.wake()
            with trio.fail_after(ANSWER_WITHIN):
                while not (waiting := [event for event in house.events.recent(50) if event.name == WAITING]):
                    await trio.sleep(0.01)
            assert "elsewhere" in str(waiting[0].fields["cause"])
            assert fake_cli.spawns(program) == 0
        row = await house.over(session_id)
        assert row.state == "completed"
        assert fake_cli.spawns(program) == 1
        nursery.cancel_scope.cancel()


async def test_a_budget_is_in_force_with_the_next_wake(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Settings that are read again count from the next wake on, without a restart of the actor."""
    program = fake_cli.install(tmp_path, "well")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap("never"))
        await house.start(nursery)
        assert (await house.over(await house.wake())).state == "completed"
        plain = s.settings
        for name in ("day_usd", "month_usd", "day_tokens", "month_tokens"):
            s.settings = attrs.evolve(plain, budget=attrs.evolve(plain.budget, **{name: 1}))
            await s.ledger.spend.record(SpendEntry(ref=name, at=system_now(), cost_usd=2.0, output_tokens=2))
            row = await house.over(await house.wake())
            assert (row.state, "budget" in (row.reason or "")) == ("refused", True), (name, row.reason)
        s.settings = attrs.evolve(plain, git=attrs.evolve(plain.git, push="false"))
        assert (await house.over(await house.wake())).state == "completed"
        assert house.made.engine.settings is s.settings
        assert house.made.engine.budget_guard.settings is s.settings
        nursery.cancel_scope.cancel()


@contextmanager
def held(home: Path) -> Iterator[None]:
    """Another process writes in the ledger, for as long as the body runs."""
    with closing(sqlite3.connect(home / "sessions.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize(
    "point", ["phase gathering", "spawned", "line 2", "after the run", "phase hooks", "hook thoughts"]
)
async def test_a_ledger_that_takes_nothing_is_waited_for(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Wherever it begins the actor lives on and says that it waits; then the session is completed, with its hooks."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    program = fake_cli.install(tmp_path, "well")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap(point))
        with ExitStack() as hold:
            house.trap.deed = lambda: hold.enter_context(held(s.home))
            await house.start(nursery)
            session_id = await house.wake()
            with trio.fail_after(OVER_WITHIN):
                while not house.made.current_session.state.waits:
                    await trio.sleep(0.01)
            assert "the ledger can't take it" in house.made.current_session.state.waits
            assert house.supervisor.children()[0].restarts == 0
        row = await house.over(session_id)
        assert (row.state, row.cost_usd) == ("completed", 0.25)
        assert None not in {hook.verdict for hook in row.hooks}
        assert house.supervisor.children()[0].restarts == 0
        causes = [event.fields["cause"] for event in house.events.recent(200) if event.name == LEDGER]
        assert causes[-1] == ""
        assert fake_cli.spawns(program) == 1
        assert house.made.current_session.state.waits == ""
        nursery.cancel_scope.cancel()


async def test_an_end_is_heeded_while_the_record_waits(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart does not wait for the ledger; the next life writes the record as it was: completed, with its cost."""
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    program = fake_cli.install(tmp_path, "well")
    async with stage(tmp_path, session__backend="claude-cli", session__claude_bin=str(program)) as s:
        house = House(s, program, Trap("after the run"))
        with ExitStack() as hold:
            house.trap.deed = lambda: hold.enter_context(held(s.home))
            await house.start(nursery)
            session_id = await house.wake()
            with trio.fail_after(OVER_WITHIN):
                while not house.made.current_session.state.waits:
                    await trio.sleep(0.01)
            with trio.fail_after(5):
                report = await house.supervisor.restart("session", by="the test")
            assert report.done, report.text
        row = await house.over(session_id)
        assert (row.state, row.reason, row.cost_usd) == ("completed", None, 0.25)
        assert [event.fields["state"] for event in house.events.recent(200) if event.name == ENDED] == ["completed"]
        assert fake_cli.spawns(program) == 1
        nursery.cancel_scope.cancel()
