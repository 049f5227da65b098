"""Days of a life on the mock clock: sessions by the clock and by request, letters, jumps, and the power failing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from unittest import mock

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from runner.home.tree import make_tree
from runner.session.hooks import HOOKS
from runner.session.prompt import Prompter
from runner.session.sources.visitors import MOST
from runner.settings import Settings, load_settings
from tests.simulation import repository
from tests.simulation.invariants import check_along_the_way, check_at_the_end
from tests.simulation.model import MOST_COST
from tests.simulation.power import Points, Power, PowerCut
from tests.simulation.process import Process, Spoil, patient
from tests.simulation.world import CORRESPONDENTS, World
from tests.support.clock import WallClock

DAY = 86_400.0
HOUR = 3_600.0
BEGIN = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
"""Six days before clocks change in New York."""
AUTUMN = datetime(2026, 10, 27, 15, 0, tzinfo=UTC)
"""Five days before they change back."""
BEHIND = 20
"""No hurry for the look at everything on the way: every so many lives."""
QUIET = 4 * HOUR
ARCHIVED = any(hook.name == "visitors_archive" for hook in HOOKS)
"""Without the hook letters stay where they are, and only so many are shown."""
DEADLINE = 3 * DAY
"""After its last day a life has so long to come to rest."""


@attrs.frozen(kw_only=True)
class Plan:
    """What is simulated."""

    days: float
    seed: int = 1
    quota: int = 0
    spring_and_autumn: bool = False
    """Half of the days around each change of daylight saving, with a long absence between them."""
    asked_a_day: float = 1.5
    """Requests for wakes, beside the eight slots."""
    day_usd: float = 0.0
    """What a day may cost; 0 is no limit."""
    git: bool = False
    """The home is a repository with a remote, kept by the real git: slower by far."""
    upsets: bool = True
    """Clock jumps, long absences, logins that run out, and operators."""
    crashes: bool = True
    spoil: Spoil | None = None


@attrs.frozen(kw_only=True)
class Report:
    """What came of it."""

    days: float
    sessions: int
    states: Mapping[str, int]
    lives: int
    cuts: int
    jumps: int
    letters: int
    asked: int
    mail: int
    own_wakes: int
    pauses: int
    points: Mapping[str, int]
    wrong: tuple[str, ...]
    """Broken promises; a good program has none."""


@attrs.define(eq=False)
class Simulation:
    """One home's."""

    plan: Plan
    folder: Path
    settings: Settings = attrs.field(init=False)
    world: World = attrs.field(init=False)
    points: Points = attrs.field(init=False)
    rng: Random = attrs.field(init=False)
    now_living: tuple[Process, trio.Nursery] | None = attrs.field(default=None, init=False)
    _prompter: Prompter | None = attrs.field(default=None, init=False)
    _ends: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        home = self.folder / "home"
        home.mkdir()
        options: dict[str, object] = {
            "home": home,
            "session.backend": "rehearsal",
            "world.weather_url": "",
            "world.kp_url": "",
            "budget.day_usd": self.plan.day_usd,
            "budget.session_usd": MOST_COST if self.plan.day_usd else 0.0,
        }
        self.settings = load_settings(options, {}).settings
        make_tree(self.settings.paths)
        (home / "memory" / "memory.md").write_text("The kettle is called Anton.\n")
        (home / "prompt" / "prompt.md").write_text("Remember the word larkspur.\n")
        for user in CORRESPONDENTS:
            (home / "mailbox" / user).mkdir()
        if self.plan.git:
            repository.make(home, self.folder / "remote.git")
        self.rng = Random(self.plan.seed)
        self.points = Points(Random(self.plan.seed + 1), quota=self.plan.quota, enabled=self.plan.crashes)

    async def run(self) -> Report:
        """All of it, then the reckoning."""
        clock, rng = WallClock(BEGIN), Random(self.plan.seed + 2)
        self.world = World(self.settings.home, clock, rng, upset=self.plan.upsets)
        self._ends = trio.current_time() + self.plan.days * DAY
        with patient():
            async with trio.open_nursery() as outside:
                outside.start_soon(self._visitors)
                outside.start_soon(self._askers)
                outside.start_soon(self._correspondents)
                outside.start_soon(self._resuming)
                if self.plan.upsets:
                    outside.start_soon(self._clock_smith)
                    outside.start_soon(self._operator)
                await self._lives()
                outside.cancel_scope.cancel()
            await self._rest()
        return Report(
            days=self.plan.days,
            sessions=sum(self.world.spawned.values()),
            states=await check_at_the_end(self.world, self.settings, BEGIN, upset=self.plan.upsets),
            lives=self.world.lives,
            cuts=self.world.cuts,
            jumps=self.world.jumps,
            letters=len(self.world.letters),
            asked=len(self.world.asked),
            mail=len(self.world.mail),
            own_wakes=self.world.own,
            pauses=self.world.pauses,
            points=self.points.table(),
            wrong=tuple(self.world.wrong),
        )

    async def _lives(self) -> None:
        half = self._ends - self.plan.days * DAY / 2 if self.plan.spring_and_autumn else None
        while trio.current_time() < self._ends and not self.world.wrong:
            until = min(self._ends, trio.current_time() + self.rng.uniform(2, 20) * DAY)
            until = until if half is None else min(until, half)
            await self._life(until)
            if half is not None and trio.current_time() >= half:
                half = None
                self.world.clock.jump(AUTUMN - self.world.clock())
            await trio.sleep(self._down())
            if self.world.lives % BEHIND == 0:
                await check_along_the_way(self.world, self.settings)

    def _down(self) -> float:
        """How long nothing runs; a machine comes back soon, mostly."""
        if not self.plan.upsets:
            return self.rng.uniform(1, 30)
        kind = self.rng.random()
        if kind < 0.9:
            return self.rng.uniform(1, 240)
        return self.rng.uniform(0.5 * HOUR, 6 * HOUR) if kind < 0.99 else self.rng.uniform(20 * HOUR, 60 * HOUR)

    async def _life(self, until: float, *, resting: bool = False) -> None:
        """One process, until its power fails or it is asked to end."""
        power = Power(self.points, self.settings.home, self.settings.paths.session_lock)
        process = Process(self.world, power, self.settings, self.plan.spoil, self._prompter)
        self.world.lives += 1
        try:
            with power.tapped():
                async with trio.open_nursery() as nursery:
                    await process.build()
                    self.now_living = (process, nursery)
                    nursery.start_soon(process.supervisor.run)
                    await process.supervisor.ready.wait()
                    if resting:
                        await self._at_rest(process)
                    else:
                        await trio.sleep_until(until)
                    self.now_living = None
                    process.supervisor.shut_down("the simulation's operator")
                await process.ledger.close()
        except BaseException as error:
            if not power.point or not _only_the_cut(error):
                raise
            self.world.cuts += 1
            if power.lock is not None:
                self.settings.paths.session_lock.write_bytes(power.lock)
        finally:
            self.now_living, self._prompter = None, process.prompter
            power.abandon()

    async def _at_rest(self, process: Process) -> None:
        """The last slots have come and gone, and nothing waits any more."""
        await process.resume()
        with trio.move_on_after(DEADLINE) as late:
            await trio.sleep(QUIET)
            while not await self._nothing_waits(process) or not self._between_slots(process):
                await process.resume()  # a login may be lost in the last life as well
                await trio.sleep(HOUR / 2)
        if late.cancelled_caught:
            waiting = [f"{wake.id} {wake.state}" for wake in await process.ledger.wakes.pending()]
            waiting += [f"letter {name}" for name in self.world.unshown()]
            self.world.note(f"never came to rest; still there: {', '.join(waiting) or 'own wakes or hooks'}")
        await process.resident.look_for_own()

    async def _nothing_waits(self, process: Process) -> bool:
        """Asked again when everybody has had this instant: a wake may be put into the queue in it."""
        if not await process.idle():
            return False
        await wait_all_tasks_blocked()
        return await process.idle()

    def _between_slots(self, process: Process) -> bool:
        """Over an hour behind the last slot, and well before the next."""
        local = self.world.clock().astimezone(self.settings.resident.zone)
        minutes = (local.hour % 3) * 60 + local.minute
        return 75 < minutes < 165

    async def _rest(self) -> None:
        """A last life without upsets, in which everything that is open comes to its end."""
        self.points.enabled = False
        await self._life(0, resting=True)

    # --- what happens outside

    async def _visitors(self) -> None:
        while True:
            await trio.sleep(self.rng.expovariate(1 / (0.7 * DAY)))
            if ARCHIVED or len(self.world.letters) < MOST:
                self.world.leave_letter()

    async def _askers(self) -> None:
        while True:
            await trio.sleep(self.rng.expovariate(self.plan.asked_a_day / DAY))
            if self.now_living is not None:
                process, nursery = self.now_living
                nursery.start_soon(process.ask)

    async def _correspondents(self) -> None:
        while True:
            await trio.sleep(self.rng.expovariate(1 / DAY))
            self.world.write_mail()

    async def _resuming(self) -> None:
        """An operator who looks every few hours whether scheduled wakes are paused."""
        while True:
            await trio.sleep(self.rng.expovariate(1 / (8 * HOUR)))
            if self.now_living is not None:
                process, nursery = self.now_living
                nursery.start_soon(process.resume)

    async def _clock_smith(self) -> None:
        while True:
            await trio.sleep(self.rng.expovariate(1 / (4 * DAY)))
            far = self.rng.choice([120.0, 1800.0, 1800.0, 3 * HOUR, 3 * HOUR, 30 * HOUR])
            by = self.rng.uniform(-min(far, 4 * HOUR), far)
            self.world.clock.jump(timedelta(seconds=by))
            self.world.jumps += 1

    async def _operator(self) -> None:
        while True:
            await trio.sleep(self.rng.expovariate(1 / (5 * DAY)))
            if self.now_living is not None:
                process, nursery = self.now_living
                nursery.start_soon(process.restart_session)


def _only_the_cut(error: BaseException) -> bool:
    """Whether nothing came up but the cut, and what it made of the dying program."""
    if isinstance(error, BaseExceptionGroup):
        return all(_only_the_cut(each) for each in error.exceptions)
    return isinstance(error, PowerCut)


def simulate(plan: Plan, folder: Path) -> Report:
    """Run a plan in an empty folder, as fast as it goes."""

    async def run() -> Report:
        return await Simulation(plan, folder).run()

    # trio mixes the order of tasks by chance; here by the seed, so that one seed is one life
    with mock.patch.multiple(trio._core._run, _r=Random(plan.seed), _ALLOW_DETERMINISTIC_SCHEDULING=True):
        return trio.run(run, clock=MockClock(autojump_threshold=0))
