"""One life of the process: the shipped scheduler, session actor, engine, hooks and ledger under the shipped supervisor.

What is not shipped here is the model, the clock, the executors, and the power that may fail.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeAlias
from unittest import mock

import attrs

import actors.scheduler
import actors.session
from actors.indexer import CurrentCatalogue
from actors.protocol import Work
from actors.scheduler import Scheduler
from actors.session import SessionActor
from runner import resources
from runner.content import Catalogue, read_kinds
from runner.kernel import Actor, ChildSpec, DeadLetters, EventRing, Intensity, Supervisor
from runner.ledger import Ledger, WakeRequest
from runner.live import Hub
from runner.main.actors import Factories, Mailboxes, RestartBudget, child_specs
from runner.schedule import load_schedule
from runner.session.choose import Chosen
from runner.session.engine import Engine, make_engine
from runner.session.hooks.base import Hook, HookContext, Verdict
from runner.session.prompt import Prompter
from runner.settings import Settings
from runner.tools.commands import ResidentCommands
from runner.triggers.pause import PAUSED
from runner.triggers.triggers import Triggers
from tests.simulation.model import ScriptedModel
from tests.simulation.power import Power
from tests.simulation.resident import Resident
from tests.simulation.world import World

LOOK_AGAIN = 3600.0
"""Seconds between two looks of an idle actor. The shipped 20 s would be 4,320 looks a day that see nothing."""

Spoil: TypeAlias = Callable[["Process"], None]
"""Breaks a process that has been built: the suite has to notice."""


@contextmanager
def patient() -> Iterator[None]:
    """Idle actors look less often; nothing else of them is changed."""
    with (
        mock.patch.object(actors.session, "LOOK_AGAIN", LOOK_AGAIN),
        mock.patch.object(actors.scheduler, "LOOK_AGAIN", timedelta(seconds=LOOK_AGAIN)),
        mock.patch.object(actors.scheduler, "ASK_AROUND", timedelta(seconds=LOOK_AGAIN)),
    ):
        yield


@attrs.define(eq=False)
class Process:
    """See the module."""

    world: World
    power: Power
    settings: Settings
    spoil: Spoil | None = None
    prompter: Prompter | None = None
    """Templates that are compiled already; compiling them would be most of a short life's work."""
    ledger: Ledger = attrs.field(init=False)
    boxes: Mailboxes = attrs.field(init=False)
    supervisor: Supervisor = attrs.field(init=False)
    resident: Resident = attrs.field(init=False)
    events: EventRing = attrs.field(init=False)
    engine_of: Callable[[Engine], Engine] = attrs.field(default=lambda engine: engine, init=False)
    """How an engine that has been made is changed before it is used."""

    async def build(self) -> None:
        """Everything; nothing runs yet."""
        zone = self.settings.resident.zone
        self.ledger = await Ledger.open(
            self.settings.paths.ledger, run_sync=self.power.writes, run_read=self.power.reads, zone=zone
        )
        resident_commands = ResidentCommands(self.settings, load_schedule(zone), self.world.clock)
        self.resident = Resident(self.world, self.power, resident_commands, self.ledger)
        self.events = EventRing(self.world.clock)
        letters = DeadLetters(now=self.world.clock)
        kinds = read_kinds(resources.config_dir() / "content.toml")
        shelf = CurrentCatalogue(Catalogue.empty(kinds, self.world.home))
        self.boxes = Mailboxes.make(Hub("simulated"), shelf, letters, self.events)
        if self.spoil is not None:
            self.spoil(self)
        self.supervisor = Supervisor(
            "root",
            self._specs(),
            rng=random.Random(self.world.rng.random()),
            events=self.events,
            dead_letters=letters,
        )

    async def ask(self) -> None:
        """Somebody wants a wake, through a door: only what the ledger has answered for counts as asked."""
        token = self.world.token()
        request = WakeRequest(type="custom", source="api", message=f"Have you seen the {token}?")
        wake = await self.ledger.wakes.enqueue(request, self.world.clock())
        self.world.asked[wake.id] = token
        self.boxes.scheduler.ref.tell(Work())

    async def restart_session(self) -> None:
        """The operator restarts the session actor, whatever it is doing."""
        await self.supervisor.restart("session", by="the simulation")

    async def resume(self) -> None:
        """The operator lets scheduled wakes go on, when they are paused."""
        if await self.ledger.meta.drop(PAUSED):
            self.world.pauses += 1
            self.boxes.scheduler.ref.tell(Work())

    async def idle(self) -> bool:
        """Nothing waits, nothing runs, and nothing is left that has to wake somebody."""
        return not (
            self.world.unshown()
            or self.resident.own_due()
            or await self.ledger.wakes.pending()
            or await self.ledger.sessions.unfinished()
            or await self.ledger.hooks.unfinished_sessions()
        )

    def _specs(self) -> tuple[ChildSpec, ...]:
        factories = Factories(
            control=_absent,
            broadcaster=_absent,
            moderator=_absent,
            indexer=_absent,
            session=self._session,
            watcher=_absent,
            telegram=_absent,
            scheduler=self._scheduler,
            web=_absent,
        )
        specs = child_specs(factories, self.boxes, RestartBudget(Intensity(6, 60)), telegram_off="not simulated")
        return tuple(spec for spec in specs if spec.name in {"session", "scheduler"})

    def _scheduler(self) -> Actor:
        return Scheduler(
            self.boxes.scheduler,
            self.boxes.session.ref,
            self.ledger,
            self.resident.resident_commands.schedule,
            self.settings,
            self.world.clock,
            Triggers.make(self.settings, self.ledger, self.resident.resident_commands.schedule, self.power.files),
            self.events,
        )

    def _session(self) -> Actor:
        made = make_engine(
            settings=self.settings,
            ledger=self.ledger,
            chosen=Chosen(ScriptedModel(self.world, self.power, self.resident), "the simulation's"),
            now=self.world.clock,
            publish=lambda _event: None,
            run_sync=self.power.files,
        )
        self.prompter = self.prompter or made.prompter
        engine = attrs.evolve(
            made,
            prompter=self.prompter,
            hooks=tuple(self._watched(hook) for hook in made.hooks),
        )
        return SessionActor(self.boxes.session, self.engine_of(engine), self.ledger, self.world.clock, self.events)

    def _worked(self, which: tuple[str, str]) -> None:
        self.power.check()
        self.world.worked[which] += 1
        self.world.look_for_letters()

    def _watched(self, hook: Hook) -> Hook:
        """The same hook; the world counts its work."""

        async def run(context: HookContext) -> Verdict:
            which = (context.session_id, hook.name)
            self.power.check()
            self.world.begun[which] += 1
            if self.world.begun[which] > 2:
                self.world.note(f"hook {hook.name} of {context.session_id} was begun {self.world.begun[which]} times")
            try:
                verdict = await hook.run(context)
            except Exception:  # its own words for an end: not due, or failed
                self._worked(which)
                raise
            self._worked(which)
            return verdict

        return attrs.evolve(hook, run=run)


def _absent() -> Actor:
    raise AssertionError("this actor is not simulated")
