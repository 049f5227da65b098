"""`talk`: a conversation with the resident in this terminal, under the session lock.

Nothing of it is shown to viewers and nothing is saved but its record; after a clean end the life is committed.
"""

import shlex
import signal
import sys
import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, TextIO

import attrs
import trio
import typer

from runner.cli import offline
from runner.cli.shell import Config, Home, Shell, shell_of
from runner.control.protocol import EXIT_WRONG, WakeParams
from runner.errors import RunnerError
from runner.ledger import Ledger, WakeRequest
from runner.schedule import load_schedule
from runner.session.backends.claude_cli import ClaudeCli
from runner.session.engine import make_engine
from runner.session.errors import SessionLockedError
from runner.session.performance import EndedSession
from runner.session.terminal import TerminalCli, talk_arguments
from runner.settings import Settings
from runner.storage import jsonl

__all__ = ["register"]

SOON = timedelta(minutes=10)
ONLY_HERE = timedelta(seconds=1)
EXIT_INTERRUPTED = 130


class NoTalk(RunnerError):
    """A conversation can't be begun here; the text says why."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("talk")
    def _talk(
        context: typer.Context,
        go_on: Annotated[bool, typer.Option("--continue", "-c", help="Go on with the last conversation.")] = False,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Print the system prompt and the command, and begin nothing.")
        ] = False,
        no_cron_check: Annotated[
            bool, typer.Option("--no-cron-check", help="Begin also when a scheduled wake is near.")
        ] = False,
        home: Home = None,
        config: Config = None,
    ) -> None:
        """Talk with the resident in this terminal.

        Exit codes: 0 a clean end, 1 no terminal or no model's program, 75 a session runs, 130 interrupted, else the
        program's own.
        """
        shell = shell_of(context)
        settings = shell.load(home, config).settings
        if dry_run:
            _show(shell, settings, go_on=go_on)
            return
        if not (_is_terminal(sys.stdin) and _is_terminal(shell.out)):
            raise NoTalk("a conversation needs a terminal for reading and writing; run `talk` in one, with no pipe")
        if not no_cron_check and not _goes_ahead(shell, settings):
            return
        began = time.monotonic()
        code = trio.run(partial(_run, shell, settings, go_on=go_on))
        shell.note(f"the conversation took {timedelta(seconds=round(time.monotonic() - began))}")
        raise typer.Exit(code)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def _goes_ahead(shell: Shell, settings: Settings) -> bool:
    """When a slot is near, ask: it would have to wait for the conversation's end."""
    now = shell.now()
    slot = load_schedule(settings.resident.zone).next_slot(now)
    if not settings.schedule.enabled or slot.at - now > SOON:
        return True
    minutes = max(1, round((slot.at - now).total_seconds() / 60))
    return typer.confirm(f"{slot.type} comes in {minutes} min and would wait. Talk all the same?", default=False)


def _show(shell: Shell, settings: Settings, *, go_on: bool) -> None:
    prompts = offline.dry_run(shell, settings, WakeParams("talk"), without_network=True)
    shell.say("=== SYSTEM PROMPT ===")
    shell.say(prompts.system)
    shell.say("=== COMMAND ===")
    argv = [settings.session.claude_bin, "--model", settings.session.model, "--system-prompt-file", "FILE"]
    shell.say(shlex.join(talk_arguments(argv, go_on=go_on)))


async def _run(shell: Shell, settings: Settings, *, go_on: bool) -> int:
    run_sync = offline.Thread()
    chosen = await offline.choose_backend(shell, settings, run_sync)
    if not isinstance(chosen.backend, ClaudeCli):
        raise NoTalk(f"a conversation needs the Claude Code program, and here is {chosen.name}: {chosen.reason}")
    backend = TerminalCli(chosen.backend, shell.environ, run_sync, go_on=go_on)
    ledger = await Ledger.open(settings.paths.ledger, run_sync=run_sync, zone=settings.resident.zone)
    try:
        engine = make_engine(
            settings=settings,
            ledger=ledger,
            chosen=attrs.evolve(chosen, backend=backend),
            now=shell.now,
            publish=lambda _: None,
            run_sync=run_sync,
            environ=shell.environ,
        )
        # asked before anything is queued: a busy lock leaves no row behind
        async with engine.lock.held({"waiting": "talk"}):
            pass
        # only this terminal can run it: should it ever come back into the queue, it is missed there
        request = WakeRequest(type="talk", source="command", expires_at=shell.now() + ONLY_HERE)
        wake = await ledger.wakes.take(request, shell.now())
        log = settings.paths.logs / f"talk-{wake.id}.log"
        await run_sync(partial(_note, log, engine.local_now(), f"Talk started, session {wake.id}"))
        ended: list[EndedSession] = []
        asked: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_heed, nursery.cancel_scope, asked)
            try:
                ended.append(await engine.run(wake, why_cancelled=lambda: next(iter(asked), "cancelled")))
            except SessionLockedError as error:  # somebody was quicker between our look and our run
                await ledger.wakes.refuse(wake.id, str(error), shell.now())
                ended.append(
                    EndedSession(state="refused", ended_at=shell.now(), reason=str(error), exit_code=error.exit_code)
                )
            nursery.cancel_scope.cancel()
        if not ended and await ledger.sessions.get(wake.id) is None:  # the end came before the program was begun
            await ledger.wakes.refuse(wake.id, f"interrupted ({asked[0]})", shell.now())
        code = EXIT_INTERRUPTED if not ended else _code(shell, ended[0])
        await run_sync(partial(_note, log, engine.local_now(), f"Talk ended, exit code: {code}"))
        return code
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()


def _code(shell: Shell, ended: EndedSession) -> int:
    if ended.reason:
        shell.note(ended.reason)
    if ended.state == "completed":
        return 0
    return ended.exit_code or EXIT_WRONG


async def _heed(scope: trio.CancelScope, asked: list[str]) -> None:
    """The terminal's interrupt is the program's own affair; a hang-up or an order to end is for both."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
        async for number in received:  # no deadline: the conversation's end cancels it
            if number != signal.SIGINT:
                asked.append(signal.Signals(number).name)
                scope.cancel()


def _note(path: Path, now: datetime, text: str) -> None:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    jsonl.append_line(path, f"=== {text}: {now:%a %b %d %H:%M:%S %Z %Y} ===".encode(), mode=0o640)
