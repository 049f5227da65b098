"""One wake from the lock to the last hook. No actor and no server: the session actor and the `wake` command share it.

Whatever happens on the way, what stays behind is told truly: a terminal record with a reason, or the wake back in the
queue when its model was never begun; the status idle; the log closed; the lock free; nothing of the model running.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import attrs
import trio

from runner.clock import Now
from runner.ledger import HookRow, Ledger, Waits, Wake
from runner.offload import RunSync
from runner.resources import prompts_dir
from runner.schedule import Schedule, load_schedule
from runner.session import conversation, sessionlog
from runner.session.backends.base import RunOrder, RunResult
from runner.session.budget_guard import BudgetGuard
from runner.session.choose import Chosen
from runner.session.close import Closing, SessionEnding
from runner.session.context import SOURCES, gather
from runner.session.errors import SessionLockedError, in_one_line
from runner.session.hooks import HOOKS, Hook, HookContext, NoIndex, SemanticIndex
from runner.session.kinds import KINDS, Deadline, SessionKind, kind_of
from runner.session.lock import SessionLock
from runner.session.pipeline import Pipeline
from runner.session.prompt import Prompter, PromptInput, Prompts
from runner.session.prompt_history import keep_life, keep_prompt
from runner.session.recovery import Recovered, Recovery
from runner.session.run import EndedSession, SessionRun
from runner.session.sources.base import Ask, Source
from runner.session.workspace import Workspace
from runner.settings import Settings
from runner.storage import sqlite
from runner.stream.events import Publish
from runner.stream.livefiles import LineFiles, StatusFile
from runner.stream.projection import Projection
from runner.stream.redact import Redactor
from runner.stream.summary import Summary
from runner.tools import grants
from runner.tools.capabilities import Capabilities, of_cli
from runner.tools.files import HomeTools
from runner.tools.links import leading_out

Progress: TypeAlias = Callable[[str], None]
"""Told each phase as it begins: gathering, running, hooks, ended."""


@attrs.frozen
class DryRun:
    """What a session would be told; nothing was changed to find out."""

    system: str
    user: str
    sections: Mapping[str, int]
    """Characters of each part."""
    missing: Mapping[str, str]
    """What could not be gathered, and why."""
    cuts: tuple[str, ...] = ()
    """What had to be left out of the prompt for its length."""


@attrs.define(eq=False, kw_only=True)
class Engine:
    """Runs wakes on one home, one at a time."""

    settings: Settings
    ledger: Ledger
    chosen: Chosen
    now: Now
    publish: Publish
    run_sync: RunSync
    prompter: Prompter
    schedule: Schedule
    hooks: tuple[Hook, ...] = HOOKS
    sources: tuple[Source, ...] = SOURCES
    index: SemanticIndex = attrs.field(factory=NoIndex)
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """What the process was started with, for programs that hooks run."""
    waits: Waits = lambda _why: None
    """Told what the ledger keeps a session waiting for, and "" when that is over."""
    patient: Ledger = attrs.field(init=False)
    """The same ledger, for all that a session must not lose; never under a shield, for it may wait for hours."""
    lock: SessionLock = attrs.field(init=False)
    pipeline: Pipeline = attrs.field(init=False)
    budget_guard: BudgetGuard = attrs.field(init=False)
    redactor: Redactor = attrs.field(init=False)
    status: StatusFile = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        paths = self.settings.paths
        self.lock = SessionLock(paths.session_lock, self.run_sync, paths.shared_session_lock)
        self.pipeline = Pipeline(self.hooks)
        self.patient = self.ledger.patiently(lambda why: self.waits(why))  # noqa: PLW0108 - it may be set later
        self.budget_guard = BudgetGuard(self.settings, self.patient, self.now)
        self.redactor = Redactor(self.settings.secret_values())
        self.status = StatusFile(paths.session_status, self.run_sync)

    async def run(
        self,
        wake: Wake,
        *,
        report: Progress = lambda _phase: None,
        why_cancelled: Callable[[], str] = lambda: "cancelled",
        wait: float = 0.0,
    ) -> EndedSession:
        """Run a claimed wake to its end, hooks included.

        SessionLockedError leaves the wake claimed: the caller knows whether to return it to the queue. A cancellation
        before the model is begun puts it back, uncounted; a later one ends the model and records `interrupted` with
        the reason that `why_cancelled` gives then. Hooks that a cancellation left without a verdict are run by
        `recover` or `finish_hooks`.
        """
        only_claimed = True  # until the session itself answers for the wake, it is on us what becomes of it
        try:
            kind, began = KINDS.get(wake.type), self.local_now()
            refusal = await self._refusal(wake)
            if kind is None or refusal is not None:
                refusal = refusal or f"unknown session type {wake.type!r}"
                await self.patient.wakes.refuse(wake.id, refusal, self.now())
                only_claimed = False
                report("ended")
                return EndedSession(state="refused", ended_at=self.now(), reason=refusal)
            facts = {"session_id": wake.id, "type": wake.type, "started_at": began.isoformat(timespec="seconds")}
            async with self.lock.held(facts, wait=wait):
                only_claimed = False
                session = _Session(self, wake, kind, began, Workspace(self.settings.paths.tmp / wake.id), why_cancelled)
                return await session.live(report)
        except SessionLockedError:
            only_claimed = False
            raise
        except Exception as failure:
            if only_claimed:
                only_claimed = False
                await self.give_back(wake, in_one_line(failure), counted=True, ledger=self.patient)
            raise
        finally:
            if only_claimed:
                with trio.CancelScope(shield=True):
                    await self.give_back_at_once(wake, why_cancelled())

    async def recover(self) -> tuple[Recovered, ...]:
        """Put right what an earlier life left behind; nothing when another process holds the session lock."""
        return await self._recovery().run()

    async def finish_hooks(self, session_id: str) -> Mapping[str, str]:
        """Run the hooks of an ended session that have no verdict yet."""
        return await self._recovery().finish_hooks(session_id)

    async def dry_run(
        self, kind_name: str, message: str = "", *, sender: str = "", image: str = "", offline: bool = False
    ) -> DryRun:
        """Both prompts as they would be now. No lock, nothing written; `offline` asks no source beyond this machine."""
        ask = self.ask_for(kind_of(kind_name), self.local_now(), message, sender, keep=False)
        context = await gather(ask, self.sources, offline=offline)
        wanted = self.wanted(ask.kind, message, sender, image)
        prompts = await self.run_sync(lambda: self.prompter.render(ask, context, wanted))
        return DryRun(prompts.system, prompts.user, prompts.sections, context.missing, prompts.cuts)

    async def give_back(self, wake: Wake, reason: str, *, counted: bool, ledger: Ledger) -> None:
        """The wake into the queue again; what ended meanwhile stays as it ended."""
        now = await ledger.wakes.get(wake.id)
        if now is not None and now.state == "claimed":
            await ledger.wakes.release(wake.id, self.now(), counted=counted, reason=reason)
            await ledger.spend.forget(wake.id)

    async def give_back_at_once(self, wake: Wake, reason: str) -> None:
        """The same uncounted and in one attempt, for the way out: what can't be written now the recovery does."""
        with sqlite.unless_passing():
            await self.give_back(wake, reason, counted=False, ledger=self.ledger)

    async def _refusal(self, wake: Wake) -> str | None:
        if self.chosen.backend is None:
            return self.chosen.reason
        return await self.budget_guard.refusal(wake)

    def wanted(self, kind: SessionKind, message: str, sender: str, image: str) -> PromptInput:
        """What was said, and by whom: over Telegram it is the owner who writes when nobody else is named."""
        usual = self.settings.resident.owner if kind.template.startswith("user_telegram") else ""
        return PromptInput(message, sender or usual, image)

    def ask_for(self, kind: SessionKind, moment: datetime, message: str, sender: str, *, keep: bool = True) -> Ask:
        return Ask(kind, moment, self.settings, self.schedule, self.run_sync, message, sender, keep)

    def local_now(self) -> datetime:
        return self.now().astimezone(self.settings.resident.zone)

    def closing(self) -> Closing:
        return Closing(
            settings=self.settings,
            ledger=self.ledger,
            patient=self.patient,
            pipeline=self.pipeline,
            redactor=self.redactor,
            now=self.now,
            run_sync=self.run_sync,
        )

    def _recovery(self) -> Recovery:
        return Recovery(
            settings=self.settings,
            ledger=self.patient,
            lock=self.lock,
            closing=self.closing(),
            pipeline=self.pipeline,
            status=self.status,
            now=self.now,
            run_sync=self.run_sync,
            index=self.index,
            environ=self.environ,
        )


def make_engine(
    *,
    settings: Settings,
    ledger: Ledger,
    chosen: Chosen,
    now: Now,
    publish: Publish,
    run_sync: RunSync,
    environ: Mapping[str, str] | None = None,
) -> Engine:
    """An engine with the shipped templates, hooks and schedule. Reads the schedule's file."""
    session = settings.session
    if chosen.name == "claude-cli":
        capabilities = of_cli(session.tools, session.allow, session.commands, dangerous=session.dangerous)
    else:
        capabilities = Capabilities(
            HomeTools(settings.home, session.tools).names(), commands=frozenset(session.commands)
        )
    return Engine(
        settings=settings,
        ledger=ledger,
        chosen=chosen,
        now=now,
        publish=publish,
        run_sync=run_sync,
        prompter=Prompter(prompts_dir(), capabilities),
        schedule=load_schedule(settings.resident.zone),
        environ=environ or {},
    )


@attrs.define(eq=False)
class _Session:
    """One wake under the lock."""

    engine: Engine
    wake: Wake
    kind: SessionKind
    began: datetime
    workspace: Workspace
    why_cancelled: Callable[[], str]
    session_run: SessionRun | None = None
    closing: Closing = attrs.field(init=False)
    began_clock: float = attrs.field(factory=trio.current_time)

    def __attrs_post_init__(self) -> None:
        self.closing = self.engine.closing()

    async def live(self, report: Progress) -> EndedSession:
        ended: EndedSession | None = None
        try:
            report("gathering")
            ended = await self._to_the_record(report)
            if ended is None:
                raise AssertionError("only a cancellation ends a session without a record, and it does not get here")
            report("hooks")
            verdicts = await self._hooks(ended)
            return attrs.evolve(ended, verdicts=verdicts)
        finally:
            with trio.CancelScope(shield=True):
                await self._leave(ended)
            report("ended")

    async def _to_the_record(self, report: Progress) -> EndedSession | None:
        """Up to the terminal record, on every way out: done, failed, or cancelled."""
        result: RunResult | None = None
        error: str | None = None
        ended: EndedSession | None = None
        written = False
        try:
            order = await self._prepare()
            self.session_run = self._performance(order, report)
            result = await self.session_run.run()
        except Exception as failure:  # noqa: BLE001 - a fault of ours must not leave a wake without its record
            error = f"internal error: {in_one_line(failure)}"
        finally:
            interrupted = self.why_cancelled() if result is None and error is None else None
            with trio.CancelScope(shield=True):
                ended = await self._judged(SessionEnding(result=result, error=error, interrupted=interrupted))
                if ended is not None:
                    written = await self.closing.written_at_once(self.wake.id, ended)
                    if written:
                        await self._noted(result)
        if ended is not None and not written:
            # only here, where a wished end is heeded: then the recovery finds what was kept, and goes on from there
            await self.closing.write(self.wake.id, ended)
            await self._noted(result)
        return ended

    async def _prepare(self) -> RunOrder:
        engine, wake, settings = self.engine, self.wake, self.engine.settings
        ask = engine.ask_for(self.kind, self.began, wake.message, wake.sender)
        context = await gather(ask, engine.sources)
        wanted = engine.wanted(self.kind, wake.message, wake.sender, wake.image or "")
        prompts = await engine.run_sync(lambda: engine.prompter.render(ask, context, wanted))
        links: tuple[str, ...] = ()
        if engine.chosen.name == "claude-cli":  # the others' tools follow no link at all
            links = await engine.run_sync(lambda: leading_out(grants.access_of(prompts.grant, settings.home)))
        notes = [f"Not gathered: {name} ({why})" for name, why in sorted(context.missing.items())]
        notes += [f"Left out of the prompt: {cut}" for cut in prompts.cuts]
        notes += [f"Closed to this session: the link {link}, for where it leads" for link in links]
        await engine.run_sync(lambda: self._set_up(prompts, notes, context.text("prompt_file_content")))
        deadlines = {
            Deadline.SESSION: settings.session.deadline_seconds,
            Deadline.TELEGRAM: settings.session.deadline_telegram_seconds,
            Deadline.TALK_OPEN: settings.session.deadline_talk_seconds,
        }
        budget_usd, budget_tokens = await engine.budget_guard.allowance(wake.id)
        return RunOrder(
            session_id=wake.id,
            kind=self.kind,
            system=prompts.system,
            user=prompts.user,
            home=settings.home,
            private=self.workspace.folder,
            model=settings.session.model,
            max_turns=wake.max_turns or settings.session.max_turns,
            deadline=deadlines[self.kind.deadline],
            now=self.began,
            budget_usd=budget_usd,
            budget_tokens=budget_tokens,
            withheld=prompts.withheld,
            grant=prompts.grant,
            links=links,
        )

    def _set_up(self, prompts: Prompts, notes: Sequence[str], prompt_file: str) -> None:
        """Folders, log header, the message's part of the conversation. Blocking."""
        paths, wake = self.engine.settings.paths, self.wake
        for folder in (paths.data, paths.logs, paths.conversations, paths.transcripts):
            folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.workspace.make()
        log = sessionlog.log_path(paths.logs, wake.id)
        sessionlog.begin(log, kind=wake.type, now=self.began)
        if notes:
            sessionlog.append(log, [self.engine.redactor.text(" ".join(note.split())) for note in notes])
        if self.kind.saves and wake.message:
            conversation.begin(
                paths.conversations, wake.id, kind=wake.type, sender=wake.sender, message=wake.message, now=self.began
            )
        if prompt_file:
            keep_prompt(paths.prompt_history, wake.id, prompt_file)
        keep_life(paths, wake.id)
        grants.keep(self.workspace.folder, prompts.grant)
        self.workspace.before.keep(paths.home, prompts.shown_visitors)

    def _performance(self, order: RunOrder, report: Progress) -> SessionRun:
        engine, paths = self.engine, self.engine.settings.paths
        assert engine.chosen.backend is not None
        record = [self.workspace.stream] + ([paths.live_stream] if self.kind.live else [])
        return SessionRun(
            order=order,
            backend=engine.chosen.backend,
            ledger=engine.patient,
            publish=engine.publish,
            now=engine.now,
            run_sync=engine.run_sync,
            status=engine.status,
            files=LineFiles(record, engine.run_sync),
            projection=Projection(order.session_id, order.home, engine.redactor, self.kind.private),
            summary=Summary(order.home),
            on_running=lambda: report("running"),
            on_end=self._model_ended,
        )

    async def _model_ended(self) -> None:
        """Where the raw record can't be written any more, how the model ended is kept in the room taken for that."""
        session_run = self.session_run
        if session_run is not None and session_run.files.trouble is not None:
            so_far = self.closing.ended(self.kind, session_run.summary, SessionEnding(result=RunResult(0)))
            await self.closing.keep(self.workspace, so_far)

    async def _judged(self, ending: SessionEnding) -> EndedSession | None:
        """How it ended, kept and shown; or, when nothing was begun and nothing failed, the wake back into the queue."""
        engine, session_run = self.engine, self.session_run
        begun = session_run is not None and session_run.spawned_yet
        if ending.interrupted is not None and not begun:
            await engine.give_back_at_once(self.wake, ending.interrupted)
            return None
        summary = session_run.summary if session_run is not None else Summary(engine.settings.home)
        duration = trio.current_time() - self.began_clock
        ended = self.closing.ended(self.kind, summary, ending, begun=begun, duration=duration)
        await self.closing.keep(self.workspace, ended)
        if session_run is not None and begun:
            session_run.show(
                session_run.projection.close(
                    model=summary.model or session_run.order.model,
                    duration_ms=round(duration * 1000),
                    num_turns=ended.num_turns or 0,
                    cost_usd=ended.cost_usd or 0.0,
                )
            )
        return ended

    async def _noted(self, result: RunResult | None) -> None:
        """What belongs behind the record: lines of the log, and the status of the hooks that now begin."""
        session_run = self.session_run
        await self.closing.note(self.wake.id, self._lines(result.stderr if result is not None else "", session_run))
        if self.kind.live and session_run is not None and session_run.spawned_yet and result is not None:
            await self._status_hooks()

    async def _status_hooks(self) -> None:
        started = self.began.isoformat(timespec="seconds")
        with contextlib.suppress(OSError):  # a full disk: the ledger has the record, and that is what counts
            await self.engine.status.active(
                kind=self.kind.name, session_id=self.wake.id, started_at=started, phase="hooks"
            )

    def _lines(self, stderr: str, session_run: SessionRun | None) -> list[str | bytes]:
        lines: list[str | bytes] = list(session_run.summary.result_lines) if session_run is not None else []
        if stderr.strip():
            lines.append("Error output, its end:")
            lines += [f"  {line}" for line in self.engine.redactor.text(stderr).splitlines()[-50:]]
        if session_run is not None and session_run.files.trouble is not None:
            lines.append(f"Record of lines: {session_run.files.trouble}")
        if session_run is not None and session_run.rejected:
            lines.append(f"Events that could not be shown: {session_run.rejected}")
        return lines

    async def _log(self, lines: list[str | bytes]) -> None:
        path = sessionlog.log_path(self.engine.settings.paths.logs, self.wake.id)
        with contextlib.suppress(OSError):  # as above
            await self.engine.run_sync(lambda: sessionlog.append(path, lines))

    async def _hooks(self, ended: EndedSession) -> Mapping[str, str]:
        if not ended.hooks:
            return {}
        engine = self.engine
        context = HookContext(
            session_id=self.wake.id,
            kind=self.kind,
            settings=engine.settings,
            ended=ended.ended_at.astimezone(engine.settings.resident.zone),
            began=self.began,
            stream=self.workspace.stream,
            message=self.wake.message,
            sender=self.wake.sender,
            reply=ended.reply,
            exit_code=ended.exit_code,
            run_sync=engine.run_sync,
            ledger=engine.patient,
            index=engine.index,
            environ=engine.environ,
        )
        verdicts = await engine.pipeline.run(context, ledger=engine.patient, now=engine.now)
        return {name: verdict.value for name, verdict in verdicts.items()}

    async def _leave(self, ended: EndedSession | None) -> None:
        """What has to be true whichever way we went. Each step for itself: none may keep the others from happening."""
        engine, log = self.engine, sessionlog.log_path(self.engine.settings.paths.logs, self.wake.id)
        code = ended.exit_code if ended is not None and ended.exit_code is not None else 1
        if self.kind.live and self.session_run is not None and self.session_run.spawned_yet:
            ended_at = engine.now().isoformat(timespec="seconds")
            with contextlib.suppress(OSError):  # a full or broken disk must not keep the rest from being done
                await engine.status.idle(
                    kind=self.kind.name, session_id=self.wake.id, ended_at=ended_at, exit_code=code
                )
        rows: tuple[HookRow, ...] = ()
        unfinished = True
        with contextlib.suppress(sqlite3.Error):  # a ledger that can't be read: what is not known to be over is kept
            rows = await engine.ledger.hooks.of(self.wake.id)
            row = await engine.ledger.sessions.get(self.wake.id)
            unfinished = any(each.verdict is None for each in rows) or (row is not None and not row.ended)
        lines = [f"Hook {row.name}: {row.verdict or 'later'}{f' ({row.error})' if row.error else ''}" for row in rows]
        if lines:
            await self._log([engine.redactor.text(" ".join(line.split())) for line in lines])

        def tidy() -> None:
            # the log first: while there is a workspace, a later life looks whether its log has an end
            if log.exists():
                sessionlog.end(log, exit_code=code, now=engine.local_now())
            if unfinished:
                self.workspace.forget_prompts()
            else:
                self.workspace.wipe()

        with contextlib.suppress(OSError):  # as above
            await engine.run_sync(tidy)
