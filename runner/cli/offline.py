"""A wake without a running process: the same engine, the same lock, the same ledger, run to its end right here."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from runner.cli.shell import Shell
from runner.control.protocol import EXIT_OK, EXIT_WRONG, Answer, WakeParams, WakeProgress, WakeResult, plain
from runner.ledger import Ledger, LedgerView, WakeRequest
from runner.session.choose import Chosen, Surroundings, choose
from runner.session.engine import DryRun, Engine, make_engine
from runner.session.errors import SessionLockedError
from runner.session.events import PublicEvent
from runner.session.performance import EndedSession
from runner.settings import Settings

__all__ = ["Thread", "choose_backend", "chosen_backend", "dry_run", "wake"]

T = TypeVar("T")
Step = Callable[[dict[str, Any]], None]

EXIT_INTERRUPTED = 130


def wake(shell: Shell, settings: Settings, params: WakeParams, step: Step) -> Answer:
    """Run one wake to its end in this very process."""
    return trio.run(partial(_wake, shell, settings, params, step))


def dry_run(shell: Shell, settings: Settings, params: WakeParams, *, without_network: bool) -> DryRun:
    """Gather and render, with no side effect at all."""
    return trio.run(partial(_dry_run, shell, settings, params, without_network=without_network))


def chosen_backend(shell: Shell, settings: Settings) -> Chosen:
    """What would run a session now, and why."""

    async def look() -> Chosen:
        return await choose_backend(shell, settings, Thread())

    return trio.run(look)


class Thread:
    """Blocking work, one piece at a time, away from the loop."""

    def __init__(self) -> None:
        self._one = trio.CapacityLimiter(1)

    async def __call__(self, work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=self._one)


async def choose_backend(shell: Shell, settings: Settings, run_sync: Thread, ledger_path: Path | None = None) -> Chosen:
    def ran() -> frozenset[str]:
        with LedgerView.open(ledger_path or settings.paths.ledger) as ledger:
            return ledger.ran_backends()

    around = Surroundings(shell.environ, await run_sync(ran), run_sync, as_root=os.geteuid() == 0)
    return await choose(settings, around)


def _apart(settings: Settings, folder: Path) -> Path:
    """Where the ledger can be read without a trace: SQLite makes files beside one that has none. Blocking."""
    path = settings.paths.ledger
    log = path.with_name(f"{path.name}-wal")
    if not path.is_file() or (log.exists() and path.with_name(f"{path.name}-shm").exists()):
        return path
    if log.exists():
        shutil.copyfile(log, folder / "copy.db-wal")
    return Path(shutil.copyfile(path, folder / "copy.db"))


async def _dry_run(shell: Shell, settings: Settings, params: WakeParams, *, without_network: bool) -> DryRun:
    run_sync = Thread()
    # the engine wants a ledger; a dry run must not make one in the home, so it gets one that is thrown away
    with tempfile.TemporaryDirectory() as folder:
        chosen = await choose_backend(shell, settings, run_sync, await run_sync(lambda: _apart(settings, Path(folder))))
        ledger = await Ledger.open(Path(folder) / "sessions.db", run_sync=run_sync)
        try:
            engine = make_engine(
                settings=settings, ledger=ledger, chosen=chosen, now=shell.now, publish=_nobody, run_sync=run_sync
            )
            return await engine.dry_run(
                params.type,
                params.message,
                sender=params.sender or settings.resident.owner,
                image=params.image or "",
                offline=without_network,
            )
        finally:
            await ledger.close()


async def _wake(shell: Shell, settings: Settings, params: WakeParams, step: Step) -> Answer:
    run_sync = Thread()
    chosen = await choose_backend(shell, settings, run_sync)
    ledger = await Ledger.open(settings.paths.ledger, run_sync=run_sync, zone=settings.resident.zone)
    try:
        follower = _Follower(step)
        engine = make_engine(
            settings=settings,
            ledger=ledger,
            chosen=chosen,
            now=shell.now,
            publish=follower.publish,
            run_sync=run_sync,
            environ=shell.environ,
        )
        await engine.recover()
        # asked before anything is queued: a busy lock leaves no row behind
        async with engine.lock.held({"waiting": params.type}, wait=params.wait):
            pass
        return await _run(engine, shell, params, follower)
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()


async def _run(engine: Engine, shell: Shell, params: WakeParams, follower: "_Follower") -> Answer:
    request = WakeRequest(
        type=params.type,
        message=params.message,
        sender=params.sender or "",
        image=params.image,
        max_turns=params.max_turns,
    )
    queued = await engine.ledger.wakes.enqueue(request, shell.now())
    claimed = await engine.ledger.wakes.claim(shell.now(), only=queued.id)
    assert claimed is not None, "a wake that was just queued can be claimed"
    follower.session_id = claimed.id
    asked: list[str] = []
    outcome: list[EndedSession] = []  # stays empty when a signal ends the run
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_on_signal, nursery.cancel_scope, asked)
        try:
            outcome.append(
                await engine.run(claimed, report=follower.report, why_cancelled=lambda: next(iter(asked), "cancelled"))
            )
        except SessionLockedError as error:
            # somebody was quicker between our look and our run
            await engine.ledger.wakes.refuse(claimed.id, str(error), shell.now())
            refused = EndedSession(state="refused", ended_at=shell.now(), reason=str(error), exit_code=error.exit_code)
            outcome.append(refused)
        nursery.cancel_scope.cancel()
    if not outcome:
        row = await engine.ledger.sessions.get(claimed.id)
        if row is None:  # nothing had begun: the engine put the wake back, and nobody is here to run it later
            await engine.ledger.wakes.refuse(claimed.id, f"interrupted ({asked[0]})", shell.now())
        state = row.state if row is not None else "refused"
        return Answer(plain(WakeResult(claimed.id, state, f"interrupted ({asked[0]})")), EXIT_INTERRUPTED)
    (ended,) = outcome
    result = WakeResult(claimed.id, ended.state, ended.reason, ended.cost_usd, ended.num_turns)
    return Answer(plain(result), _exit_code(ended))


def _exit_code(ended: EndedSession) -> int:
    if ended.state == "completed":
        return EXIT_OK
    return ended.exit_code or EXIT_WRONG


async def _end_on_signal(scope: trio.CancelScope, asked: list[str]) -> None:
    """Ctrl-C and its like end the model and leave a record, instead of breaking off anywhere."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
        async for number in received:  # no deadline: the wake's end cancels it
            asked.append(signal.Signals(number).name)
            scope.cancel()


def _nobody(_: PublicEvent) -> None:
    """A dry run shows nothing to viewers."""


@attrs.define(eq=False)
class _Follower:
    """Turns what the engine tells into the steps that the running process would tell."""

    step: Step
    session_id: str = ""
    _streamed: bool = False

    def report(self, phase: str) -> None:
        match phase:
            case "gathering":
                self._tell(WakeProgress("started", self.session_id, detail=phase))
            case "hooks":
                self._tell(WakeProgress("hooks", self.session_id))
            case "ended":
                self._tell(WakeProgress("ended", self.session_id))
            case _:
                pass  # running: its words tell

    def publish(self, event: PublicEvent) -> None:
        match event.name:
            case "session.delta":
                self._streamed = True
                self._tell(WakeProgress("text", self.session_id, text=str(event.data["text"])))
            case "session.text":
                # the block as a whole: new only where nothing of it came in pieces
                text = "\n" if self._streamed else f"{event.data['text']}\n"
                self._streamed = False
                self._tell(WakeProgress("text", self.session_id, text=text))
            case "session.tool":
                self._tell(WakeProgress("tool", self.session_id, detail=str(event.data["tool_name"])))
            case _:
                pass

    def _tell(self, progress: WakeProgress) -> None:
        self.step(plain(progress))
