"""One process from its first lock to its last: start, life, end (kernel: start and stop)."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TypeAlias

import attrs
import trio

from runner.cli.context import Start
from runner.clock import Now, system_now
from runner.control.server import ControlSocket
from runner.home import HomeLock, make_tree, require_home
from runner.kernel import Ended, Outcome, ShutdownReport
from runner.log import make_log
from runner.main.fault_injection import FaultInjection
from runner.main.runtime import Listeners, Runtime
from runner.main.sockets import listen, url_of
from runner.process.garbage import calm_collector
from runner.process.limits import raise_open_files
from runner.process.notify import Notifier, watchdog_seconds
from runner.process.signals import watch_signals
from runner.process.watchdog import Watchdog

Companion: TypeAlias = Callable[[Runtime], Awaitable[None]]
"""A task beside the tree, begun when everything is ready; tests drive faults with it."""

LAST_WORDS = 1.0
"""Seconds for which the end of an interrupted session may still be shown."""

SHUTDOWN_WITHIN = 25.0
"""Seconds from the beginning of the shutdown until the watchdog ends the process."""

TOOLS_MODE = 0o660


def run(
    start: Start,
    *,
    environ: Mapping[str, str],
    now: Now = system_now,
    fault_injection: FaultInjection | None = None,
    companion: Companion | None = None,
) -> int:
    """Serve one home until asked to end; the exit code says how that went.

    Raises RunnerError when it can't begin: settings, home, lock, sockets or ledger. Nothing is written before the
    home's lock is held.
    """
    settings = start.loaded.settings
    raise_open_files()
    require_home(settings.home)
    with ExitStack() as stack:
        calm = stack.enter_context(calm_collector())
        lock = HomeLock.acquire(settings.home, now=now())
        stack.callback(lock.release)
        make_tree(settings.paths)
        listening = stack.enter_context(listen(settings.http.host, settings.http.port, environ))
        control = ControlSocket.bind(settings.paths.control_socket)
        stack.callback(control.close)
        tools = ControlSocket.bind(settings.paths.tools_socket, mode=TOOLS_MODE)
        stack.callback(tools.close)
        lock.announce(url_of(listening))
        listeners = Listeners(listening, control, tools)
        return trio.run(
            partial(
                _live,
                start,
                listeners,
                calm,
                environ=environ,
                now=now,
                fault_injection=fault_injection or FaultInjection(),
                companion=companion,
            ),
            strict_exception_groups=True,
        )


async def _live(
    start: Start,
    listeners: Listeners,
    calm: Callable[[], None],
    *,
    environ: Mapping[str, str],
    now: Now,
    fault_injection: FaultInjection,
    companion: Companion | None,
) -> int:
    settings = start.loaded.settings
    form = settings.log.format if settings.log.format != "auto" else "text" if sys.stderr.isatty() else "json"
    log = make_log(sys.stderr, level=settings.log.level, form=form)
    notifier = Notifier.from_environ(environ)
    runtime = await Runtime.build(
        start, listeners, environ=environ, now=now, log=log, fault_injection=fault_injection, notifier=notifier
    )
    watchdog = Watchdog(
        notifier,
        on_event=runtime.note,
        stuck_for=runtime.supervisor.stuck_for,
        manager_seconds=watchdog_seconds(environ),
        dump_path=settings.paths.logs / "blocked.txt",
    )
    try:
        async with trio.open_nursery() as outermost:
            await outermost.start(watchdog.heart)
            outcome = await _run_tree(runtime, watchdog, notifier, calm, companion)
            await runtime.close()
            outermost.cancel_scope.cancel()
    finally:
        watchdog.close()
    return _told(runtime, outcome)


async def _run_tree(
    runtime: Runtime, watchdog: Watchdog, notifier: Notifier, calm: Callable[[], None], companion: Companion | None
) -> Outcome:
    ending = ProcessEnd(runtime, watchdog)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ending.carry_out)
        await nursery.start(
            partial(
                watch_signals,
                stop=ending.ask,
                hurry=ending.ask_again,
                reload=lambda: nursery.start_soon(runtime.reload_quietly),
            )
        )
        nursery.start_soon(_welcome, runtime, notifier, calm, companion)
        nursery.start_soon(_farewell, runtime, watchdog, notifier)
        outcome = await runtime.supervisor.run()
        nursery.cancel_scope.cancel()
    return outcome


@attrs.define(eq=False)
class ProcessEnd:
    """From the first signal to the shutdown; with `session.drain_seconds` the wake under way may end first."""

    runtime: Runtime
    watchdog: Watchdog
    _asked: trio.Event = attrs.field(factory=trio.Event, init=False)
    _patience: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _reason: str = attrs.field(default="", init=False)

    def ask(self, reason: str) -> None:
        """The first signal."""
        self._reason = reason
        if not self.runtime.settings.session.drain_seconds:
            self.runtime.supervisor.shut_down(reason)
        self._asked.set()

    def ask_again(self) -> None:
        """A second one: ends the waiting for a wake, or else all graces."""
        if self.runtime.supervisor.stopping.is_set():
            self.runtime.supervisor.hurry()
        self._patience.cancel()

    async def carry_out(self) -> None:
        """Wait for the wake under way where that is wished, then begin the shutdown."""
        await self._asked.wait()  # no deadline: this is the life of the process
        if self.runtime.supervisor.stopping.is_set():
            return
        seconds = self.runtime.settings.session.drain_seconds
        self.runtime.events.emit("shutdown.draining", cause=self._reason, seconds=seconds)
        self.watchdog.extend_shutdown(seconds + SHUTDOWN_WITHIN)
        with self._patience:
            await self.runtime.drained()
        self.runtime.supervisor.shut_down(self._reason)


async def _welcome(runtime: Runtime, notifier: Notifier, calm: Callable[[], None], companion: Companion | None) -> None:
    """Say that the house is open, to people and to the service manager."""
    await runtime.supervisor.ready.wait()  # no deadline: each child has a start limit of its own
    calm()
    for line in runtime.banner():
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the ready line is an interface, not a log line
    notifier.ready(f"serving {runtime.url}")
    if companion is not None:
        await companion(runtime)


async def _farewell(runtime: Runtime, watchdog: Watchdog, notifier: Notifier) -> None:
    """At the first moment of the end: tell the manager, bound the shutdown, and let streams end."""
    await runtime.supervisor.stopping.wait()  # no deadline: this is the life of the process
    watchdog.shutdown_begun(SHUTDOWN_WITHIN)
    notifier.stopping()
    with trio.move_on_after(LAST_WORDS):
        await runtime.session_shown_to_its_end()
    runtime.close_hub()


def _told(runtime: Runtime, outcome: Outcome) -> int:
    """Report how it ended, in one line where a person has to act."""
    report = runtime.supervisor.shutdown_report
    if report is not None:
        _report(runtime, report)
    if outcome.error is not None and (code := getattr(outcome.error, "exit_code", None)) is not None:
        print(f"claude-runner: {outcome.error}", file=sys.stderr)  # noqa: T201 - the one line that names the cause
        return int(code)
    if outcome.ended is not Ended.SHUT_DOWN:
        print(f"claude-runner: gave up: {outcome.reason}", file=sys.stderr)  # noqa: T201
    return outcome.exit_code


def _report(runtime: Runtime, report: ShutdownReport) -> None:
    runtime.log.info(
        "shutdown.report",
        cause=report.reason,
        seconds=round(report.seconds, 3),
        phases=", ".join(f"{phase.actor} {phase.seconds:.2f}s" for phase in report.phases),
        lost=", ".join(f"{lost.actor}: {lost.message} {lost.label}".strip() for lost in report.lost) or "nothing",
        overrun=report.overrun,
    )
