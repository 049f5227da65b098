"""Everything that outlives actors, built once and in order; actors, routes and commands are handed parts of it."""

import json
import os
import random
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from socket import socket

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from actors.broadcaster import Broadcaster
from actors.control import Control
from actors.indexer import CacheKeeper, CurrentCatalogue, Indexer, Searching
from actors.moderator import Moderator
from actors.protocol import CurrentSession, Drain, Meaning, Publish, Work
from actors.scheduler import Scheduler
from actors.session import HOOK_FAILING, SessionActor
from actors.telegram import Telegram
from actors.watcher import Watcher
from runner import resources
from runner.cli.context import Start
from runner.clock import Now
from runner.content import Catalogue, CatalogueCache, read_kinds
from runner.control.protocol import CommandError, Commands, ReloadResult
from runner.control.server import ControlSocket
from runner.errors import RunnerError
from runner.kernel import Actor, Backoff, DeadLetters, Event, EventRing, Intensity, KernelError, Supervisor
from runner.ledger import LOOKED_AT, Ledger, failing_hooks
from runner.ledger.budget import limits_of
from runner.live import Hub
from runner.live.frames import END, SESSION
from runner.main.actors import MODERATOR_HANDS, Factories, Mailboxes, RestartBudget, child_specs
from runner.main.fault_injection import FaultInjection
from runner.main.import_titles import REGISTRY, import_registry
from runner.main.restore_stream import show_again, shown_session
from runner.main.sockets import url_of
from runner.main.web import Web
from runner.offload import RunSync, limited
from runner.operator.commands import Operator
from runner.operator.wakes import Admission
from runner.process.notify import Notifier
from runner.retention.nightly import Nightly
from runner.schedule import Schedule, Slot, load_schedule
from runner.search import Found, SearchIndex, SearchQuery
from runner.session.choose import Chosen, Surroundings, choose
from runner.session.engine import make_engine
from runner.settings import Settings, diff, without_waiting
from runner.stream.events import PublicEvent
from runner.triggers.intake import Intake
from runner.triggers.triggers import Triggers
from web.services import Services
from web.status import SessionStatus

CACHE_CLOSED_WITHIN = 2.0

READERS = 4
"""Threads for short reads of files at the most: the disk is one, and so is the processor for the loop."""

MEANING_WITHIN = 2.0

SEARCHERS = 2
"""Threads for searches at the most."""

SLOTS_SHOWN = 8
QUIET_EVENTS = ("actor.starting", "actor.ready")
LOUD_EVENTS = (
    "actor.crashed",
    "actor.hung",
    "actor.stuck",
    "actor.failed",
    "supervisor.giving_up",
    "loop.blocked",
    HOOK_FAILING,
)


@attrs.frozen
class Listeners:
    """The listening sockets: the root's."""

    http: socket
    control: ControlSocket
    tools: ControlSocket


async def _chosen(settings: Settings, ledger: Ledger, environ: Mapping[str, str], run_sync: RunSync) -> Chosen:
    """What runs the sessions, by the settings in force."""
    ran = await ledger.sessions.ran_backends()
    return await choose(settings, Surroundings(environ, ran, run_sync, as_root=os.geteuid() == 0))


@attrs.define(eq=False, kw_only=True)
class Runtime:
    """See the module. Built by `build`, ended by `close`; `supervisor.run()` is its life."""

    start: Start
    settings: Settings
    listeners: Listeners
    environ: Mapping[str, str]
    now: Now
    log: FilteringBoundLogger
    fault_injection: FaultInjection
    notifier: Notifier
    boot: str
    began: datetime
    events: EventRing
    dead_letters: DeadLetters
    ledger: Ledger
    hub: Hub
    shelf: CurrentCatalogue
    full_text: SearchIndex
    kept: CatalogueCache
    schedule: Schedule
    mailboxes: Mailboxes
    run_sync: RunSync
    chosen: Chosen
    supervisor: Supervisor = attrs.field(init=False)
    current_session: CurrentSession = attrs.field(factory=CurrentSession, init=False)
    hub_closed: trio.Event = attrs.field(factory=trio.Event, init=False)
    search_threads: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(SEARCHERS), init=False)
    index_thread: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1), init=False)
    _published: int = attrs.field(default=0, init=False)
    _reloading: trio.Lock = attrs.field(factory=trio.Lock, init=False)

    @classmethod
    async def build(
        cls,
        start: Start,
        listeners: Listeners,
        *,
        environ: Mapping[str, str],
        now: Now,
        log: FilteringBoundLogger,
        fault_injection: FaultInjection,
        notifier: Notifier,
    ) -> "Runtime":
        """Open the ledger and make everything else; nothing runs yet."""
        settings = start.loaded.settings
        boot = secrets.token_hex(4)
        events = EventRing(now, listener=partial(log_event, log))
        letters = DeadLetters(now=now)
        hub = Hub(boot)
        run_sync = limited(trio.CapacityLimiter(READERS))
        shown = await run_sync(lambda: shown_session(settings, now(), timedelta(seconds=hub.limits.session_kept)))
        if shown is not None:
            show_again(hub, *shown)
        ledger = await Ledger.open(
            settings.paths.ledger,
            run_sync=limited(trio.CapacityLimiter(1)),
            run_read=limited(trio.CapacityLimiter(1)),
            zone=settings.resident.zone,
        )
        await import_registry(ledger.titles, settings.paths.data / REGISTRY, run_sync, log)
        kinds = await run_sync(lambda: read_kinds(resources.config_dir() / "content.toml"))
        shelf = CurrentCatalogue(Catalogue.empty(kinds, settings.home, settings.resident.zone))
        runtime = cls(
            start=start,
            settings=settings,
            listeners=listeners,
            environ=environ,
            now=now,
            log=log,
            fault_injection=fault_injection,
            notifier=notifier,
            boot=boot,
            began=now(),
            events=events,
            dead_letters=letters,
            ledger=ledger,
            hub=hub,
            shelf=shelf,
            full_text=SearchIndex(settings.paths.search_db),
            kept=CatalogueCache(settings.paths.catalogue_db),
            schedule=await run_sync(lambda: load_schedule(settings.resident.zone)),
            mailboxes=Mailboxes.make(hub, shelf, letters, events),
            run_sync=run_sync,
            chosen=await _chosen(settings, ledger, environ, run_sync),
        )
        runtime.supervisor = runtime._make_supervisor()
        return runtime

    @property
    def url(self) -> str:
        """Where the web listens."""
        return url_of(self.listeners.http)

    def note(self, name: str, fields: Mapping[str, object]) -> None:
        """Something the watchdog has seen."""
        self.events.emit(name, **fields)

    def banner(self) -> tuple[str, ...]:
        """What a person reads at the start; the last line says that it serves."""
        lines = [f"home {self.settings.home}", f"model {self.chosen.name}: {self.chosen.reason}"]
        if not self.settings.http.api_key:
            lines.append("no API_KEY: gated routes answer programs on this machine only")
        lines.append("moderation unscreened: not configured")
        return (*lines, f"ready {self.url}")

    async def session_shown_to_its_end(self) -> None:
        """Wait until the session that viewers see has said its last word; at once when there is none."""
        shown = self.hub.session()
        if shown is None or shown.ended:
            return
        with self.hub.subscribe([SESSION], only=frozenset({END})) as end:
            await end.receive()

    async def drained(self) -> None:
        """Let the wake under way end, begin no other, and come back then; at once when the session actor is down."""
        with suppress(KernelError):
            await Drain().ask(self.mailboxes.session.ref, within=self.settings.session.drain_seconds)

    def close_hub(self) -> None:
        """End all streams."""
        self.hub.close()
        self.hub_closed.set()

    async def close(self) -> None:
        """What comes after the last actor."""
        self.close_hub()
        await self.ledger.close()
        with trio.move_on_after(CACHE_CLOSED_WITHIN):  # caches: what is lost with them is made again
            await self.run_sync(self.full_text.close)
            await self.run_sync(self.kept.close)

    async def reload(self) -> ReloadResult:
        """Read and check all settings; put them in force and restart whom they concern. A wrong one changes nothing."""
        async with self._reloading:
            self.notifier.reloading()
            try:
                loaded = await self.run_sync(self.start.reread)
                changes = diff(self.settings, loaded.settings)
                settings = without_waiting(self.settings, loaded.settings)
                actors = sorted({change.actor for change in changes if change.actor})
                if "session" in actors:
                    self.chosen = await _chosen(settings, self.ledger, self.environ, self.run_sync)
            except RunnerError as error:
                self.events.emit("settings.refused", cause=str(error))
                raise CommandError("settings", str(error), exit_code=error.exit_code) from error
            finally:
                self.notifier.ready(f"serving {self.url}")
            self.settings = settings
            self.events.emit("settings.reloaded", changed=", ".join(change.key for change in changes) or "nothing")
            for actor in actors:
                await self.supervisor.restart(actor, by="settings reload")
            return ReloadResult(
                live=tuple(change.key for change in changes if change.applies == "live"),
                restarted=tuple(actors),
                waiting=tuple(change.key for change in changes if change.applies == "process"),
            )

    async def reload_quietly(self) -> None:
        """The same for a signal, which nobody waits for: what is wrong is an event."""
        try:
            await self.reload()
        except (CommandError, KernelError) as error:
            self.log.warning("settings.refused", cause=str(error))

    # --- inside

    def _make_supervisor(self) -> Supervisor:
        supervision, fault_injection = self.settings.supervision, self.fault_injection
        budget = RestartBudget(
            fault_injection.child_intensity or Intensity(supervision.restarts, supervision.window_seconds),
            fault_injection.child_backoff or Backoff(),
        )
        specs = child_specs(self._factories(), self.mailboxes, budget, telegram_off=telegram_off(self.settings))
        if fault_injection.fault is not None:
            for spec in specs:
                if spec.mailbox is not None:
                    spec.mailbox.fault = fault_injection.fault
        return Supervisor(
            "root",
            specs,
            intensity=fault_injection.root_intensity or Intensity(40, 60),
            revive_after=supervision.revive_after_seconds,
            rng=random.Random(),  # noqa: S311 - jitter of back-offs, no secret
            events=self.events,
            dead_letters=self.dead_letters,
        )

    def _factories(self) -> Factories:
        boxes = self.mailboxes
        return Factories(
            control=lambda: Control(
                self.listeners.control,
                self.listeners.tools,
                self._operator().commands(),
                self._tool_commands(),
                self._mishap,
            ),
            broadcaster=lambda: Broadcaster(boxes.broadcaster, self.hub),
            moderator=lambda: Moderator(boxes.moderator, MODERATOR_HANDS),
            indexer=lambda: Indexer(
                boxes.indexer,
                self.shelf,
                boxes.broadcaster.ref,
                self.run_sync,
                self.now,
                f"indexer-{self.boot}",
                self.events,
                Searching(self.full_text, limited(self.index_thread), self.events),
                CacheKeeper(self.kept, limited(self.index_thread), self.events),
            ),
            session=self._session,
            watcher=lambda: Watcher(
                boxes.watcher, self._watched_folders, boxes.indexer.ref, self.settings.events.debounce_ms
            ),
            telegram=lambda: Telegram(
                boxes.telegram, self.settings.telegram.api_base, self.settings.telegram.bot_token
            ),
            scheduler=self._scheduler,
            web=lambda: Web(self._services(), self.listeners.http, self.log, self.hub_closed),
        )

    def _session(self) -> Actor:
        engine = make_engine(
            settings=self.settings,
            ledger=self.ledger,
            chosen=self.chosen,
            now=self.now,
            publish=self._publish,
            run_sync=self.run_sync,
            environ=self.environ,
        )
        return SessionActor(
            self.mailboxes.session,
            engine,
            self.ledger,
            self.now,
            self.events,
            self.current_session,
            lambda: self.settings,
        )

    def _scheduler(self) -> Actor:
        return Scheduler(
            self.mailboxes.scheduler,
            self.mailboxes.session.ref,
            self.ledger,
            self.schedule,
            self.settings,
            self.now,
            Triggers.make(self.settings, self.ledger, self.schedule, self.run_sync, lambda: self.settings),
            self.events,
            Nightly(self.settings, self.ledger, self.run_sync),
            lambda: self.settings,
        )

    def _publish(self, event: PublicEvent) -> None:
        self._published += 1
        origin, data = f"session-{self.boot}", json.dumps(event.data, ensure_ascii=False).encode()
        self.mailboxes.broadcaster.ref.tell(
            Publish(SESSION, event.name, data, origin, self._published, event.session_id)
        )

    def _watched_folders(self) -> tuple[Path, ...]:
        kinds = self.shelf.catalogue.kinds
        return (*(self.settings.home / kind.folder for kind in kinds), self.settings.paths.mailbox)

    def _operator(self) -> Operator:
        return Operator(
            supervisor=lambda: self.supervisor,
            events=self.events,
            dead_letters=self.dead_letters,
            ledger=self.ledger,
            intake=self._intake(),
            hub=self.hub,
            session=self.mailboxes.session.outside,
            current_session=self.current_session,
            scheduler=self.mailboxes.scheduler.outside,
            now=self.now,
            url=lambda: self.url,
            home=str(self.settings.home),
            backend=lambda: self.chosen.name,
            started_at=self.began,
            reload=self.reload,
            limits=lambda: limits_of(self.settings.budget),
        )

    def _tool_commands(self) -> Commands:
        """The resident's verbs; they come with the tools."""
        return {}

    def _mishap(self, where: str, error: Exception) -> None:
        self.events.emit("control.error", where=where, cause=f"{type(error).__name__}: {error}"[:500])

    def _services(self) -> Services:
        return Services(
            settings=self.settings,
            hub=self.hub,
            log=self.log,
            now=self.now,
            run_sync=self.run_sync,
            catalogue=lambda: self.shelf.catalogue,
            status=SessionStatus(self.settings.paths.session_status, self.now, self.run_sync),
            titles=self.ledger.titles,
            figures=self.ledger.sessions.figures,
            actors=self.supervisor.children,
            upcoming=self._upcoming,
            ledger_check=self._ledger_check,
            failing_hooks=self._failing_hooks,
            admit=self._admission().admit,
            stopping=self.supervisor.stopping.is_set,
            rehearsal=lambda: self.chosen.name == "rehearsal",
            search=self._search,
            meaning=self._meaning,
        )

    def _intake(self) -> Intake:
        """For askers from outside: both who look at the queue are told at once."""

        def nudge() -> None:
            self.mailboxes.scheduler.outside.tell(Work())
            self.mailboxes.session.outside.tell(Work())

        return Intake(self.ledger, lambda: self.settings, nudge)

    def _admission(self) -> Admission:
        return Admission(
            intake=self._intake(),
            ledger=self.ledger,
            logs=self.settings.paths.logs,
            session=self.mailboxes.session.outside,
            actors=self.supervisor.children,
            now=self.now,
        )

    async def _search(self, wanted: SearchQuery) -> Found:
        return await limited(self.search_threads)(partial(self.full_text.search, wanted))

    async def _meaning(self, wanted: SearchQuery) -> Sequence[tuple[str, str]]:
        question = Meaning(wanted.text, wanted.kinds, wanted.offset + wanted.limit)
        return await question.ask(self.mailboxes.indexer.outside, within=MEANING_WITHIN)

    def _upcoming(self) -> Sequence[Slot]:
        if not self.settings.schedule.enabled:
            return ()
        return self.schedule.upcoming(self.now(), SLOTS_SHOWN)

    async def _failing_hooks(self) -> Mapping[str, int]:
        newest = await self.ledger.sessions.list(LOOKED_AT)
        return {hook.name: hook.sessions for hook in failing_hooks(newest)}

    async def _ledger_check(self) -> str | None:
        try:
            await self.ledger.wakes.next_due(self.now())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the ledger is what readiness has to say
            return f"{type(error).__name__}: {error}"
        return None


def telegram_off(settings: Settings) -> str | None:
    """Why the bot is not started, if it is not."""
    if settings.telegram.bot_token and settings.telegram.chat_id:
        return None
    missing = [
        name
        for name, value in (
            ("TELEGRAM_BOT_TOKEN", settings.telegram.bot_token),
            ("TELEGRAM_CHAT_ID", settings.telegram.chat_id),
        )
        if not value
    ]
    return f"{' and '.join(missing)} not set"


def log_event(log: FilteringBoundLogger, event: Event) -> None:
    """One log line for each life-cycle event, none per message."""
    if event.name in QUIET_EVENTS:
        log.debug(event.name, **event.fields)
    elif event.name in LOUD_EVENTS:
        log.warning(event.name, **event.fields)
    else:
        log.info(event.name, **event.fields)
