"""A wake without a running process: the same engine, the same lock, the same ledger, run to its end right here."""

import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from runner.cli.context import CliContext
from runner.control.protocol import EXIT_BUSY, EXIT_OK, EXIT_WRONG, Answer, WakeParams, WakeProgress, WakeResult, plain
from runner.ledger import Ledger, LedgerView, Wake
from runner.session.choose import Chosen, Surroundings, choose
from runner.session.engine import DryRun, Engine, make_engine
from runner.session.run import EndedSession
from runner.settings import Settings
from runner.stream.events import PublicEvent
from runner.triggers.intake import Intake

__all__ = ["Thread", "choose_backend", "chosen_backend", "dry_run", "until_signal", "wake"]

T = TypeVar("T")
Step = Callable[[dict[str, Any]], None]

EXIT_INTERRUPTED = 130


def wake(shell: CliContext, settings: Settings, params: WakeParams, step: Step) -> Answer:
    """Run one wake to its end in this very process."""
    return trio.run(partial(_wake, shell, settings, params, step))


def dry_run(shell: CliContext, settings: Settings, params: WakeParams, *, without_network: bool) -> DryRun:
    """Gather and render, with no side effect at all."""
    return trio.run(partial(_dry_run, shell, settings, params, without_network=without_network))


def chosen_backend(shell: CliContext, settings: Settings) -> Chosen:
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


async def choose_backend(
    shell: CliContext, settings: Settings, run_sync: Thread, ledger_path: Path | None = None
) -> Chosen:
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


async def _dry_run(shell: CliContext, settings: Settings, params: WakeParams, *, without_network: bool) -> DryRun:
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


async def _wake(shell: CliContext, settings: Settings, params: WakeParams, step: Step) -> Answer:
    run_sync = Thread()
    chosen = await choose_backend(shell, settings, run_sync)
    ledger = await Ledger.open(settings.paths.ledger, run_sync=run_sync, zone=settings.resident.zone)
    try:
        intake, request = Intake(ledger, lambda: settings), params.request()
        await intake.look(request, shell.now())  # who is told no does not wait for the lock first
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
        engine.waits = follower.waits
        # Held from before the row until after its session: a busy lock leaves no row behind, and no other command and
        # no process that starts meanwhile takes a claimed wake for one that its owner has left.
        async with engine.lock.held({"waiting": params.type}, wait=params.wait) as held:
            engine.lock = held
            await engine.recover()
            wake = await intake.admit(request, shell.now(), ledger.wakes.take)
            return await _run(engine, wake, shell, follower)
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()


async def _run(engine: Engine, wake: Wake, shell: CliContext, follower: "_Follower") -> Answer:
    """Run this one wake, whatever else waits: the rest was asked of a process, and is left to the next one."""
    follower.session_id = wake.id
    others = sum(other.id != wake.id for other in await engine.ledger.wakes.pending())
    if others:
        wakes = "1 other wake stays" if others == 1 else f"{others} other wakes stay"
        shell.note(f"{wakes} in the queue for a running process (see: queue)")
    if wake.state != "claimed":
        return Answer(plain(WakeResult(wake.id, wake.state, "it can't begin yet")), EXIT_BUSY)
    asked: list[str] = []

    async def work() -> EndedSession:
        return await engine.run(wake, report=follower.report, why_cancelled=lambda: next(iter(asked), "cancelled"))

    ended = await until_signal(work, asked)
    if ended is None:
        reason = f"interrupted ({asked[0]})"
        row = await engine.ledger.sessions.get(wake.id)
        if row is None:  # nothing had begun: the engine put the wake back, and nobody is here to run it later
            await engine.ledger.wakes.refuse(wake.id, reason, shell.now())
        state = row.state if row is not None else "refused"
        return Answer(plain(WakeResult(wake.id, state, reason)), EXIT_INTERRUPTED)
    result = WakeResult(wake.id, ended.state, ended.reason, ended.cost_usd, ended.num_turns)
    return Answer(plain(result), _exit_code(ended))


def _exit_code(ended: EndedSession) -> int:
    if ended.state == "completed":
        return EXIT_OK
    return ended.exit_code or EXIT_WRONG


async def until_signal(
    work: Callable[[], Awaitable[T]], asked: list[str], *, own: frozenset[signal.Signals] = frozenset()
) -> T | None:
    """The work's result; None when a signal ended it, whose name is put into `asked` first.

    Ctrl-C and its like end the model and leave a record, instead of breaking off anywhere. `own` are signals that the
    work's own program heeds: they are kept from this one. What the work raises is raised as it is, in no group.
    """
    found: list[T | Exception] = []

    async def heed(scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
            async for number in received:  # no deadline: the work's end cancels it
                if number not in own:
                    asked.append(signal.Signals(number).name)
                    scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heed, nursery.cancel_scope)
        try:
            found.append(await work())
        except Exception as error:  # noqa: BLE001 - raised again outside the nursery, which would put it into a group
            found.append(error)
        nursery.cancel_scope.cancel()
    for one in found:
        if isinstance(one, Exception):
            raise one
        return one
    return None


def _nobody(_: PublicEvent) -> None:
    """A dry run shows nothing to viewers."""


@attrs.define(eq=False)
class _Follower:
    """Turns what the engine tells into the steps that the running process would tell.

    A reader that leaves (`| head`) ends the telling and nothing else: the session goes on to its end and its hooks.
    """

    step: Step
    session_id: str = ""
    _streamed: bool = False
    _left: bool = False

    def waits(self, why: str) -> None:
        """The ledger keeps the session waiting; "" when that is over."""
        if why:
            self._tell(WakeProgress("waiting", self.session_id, detail=why))

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
        if self._left:
            return
        try:
            self.step(plain(progress))
        except OSError:
            self._left = True
