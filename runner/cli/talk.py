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
from runner.cli.context import CliContext, Config, Home, shell_of
from runner.control.protocol import EXIT_WRONG, WakeParams
from runner.errors import RunnerError
from runner.ledger import Ledger, Wake, WakeRequest
from runner.schedule import load_schedule
from runner.session.backends.claude_cli import ClaudeCli
from runner.session.engine import Engine, make_engine
from runner.session.run import EndedSession
from runner.session.terminal import TerminalCli, talk_arguments
from runner.settings import Settings
from runner.storage import jsonl
from runner.triggers.intake import Intake

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


def _goes_ahead(shell: CliContext, settings: Settings) -> bool:
    """When a slot is near, ask: it would have to wait for the conversation's end."""
    now = shell.now()
    slot = load_schedule(settings.resident.zone).next_slot(now)
    if not settings.schedule.enabled or slot.at - now > SOON:
        return True
    minutes = max(1, round((slot.at - now).total_seconds() / 60))
    return typer.confirm(f"{slot.type} comes in {minutes} min and would wait. Talk all the same?", default=False)


def _show(shell: CliContext, settings: Settings, *, go_on: bool) -> None:
    prompts = offline.dry_run(shell, settings, WakeParams("talk"), without_network=True)
    shell.say("=== SYSTEM PROMPT ===")
    shell.say(prompts.system)
    shell.say("=== COMMAND ===")
    argv = [settings.session.claude_bin, "--model", settings.session.model, "--system-prompt-file", "FILE"]
    shell.say(shlex.join(talk_arguments(argv, go_on=go_on)))


async def _run(shell: CliContext, settings: Settings, *, go_on: bool) -> int:
    run_sync = offline.Thread()
    chosen = await offline.choose_backend(shell, settings, run_sync)
    if not isinstance(chosen.backend, ClaudeCli):
        raise NoTalk(f"a conversation needs the Claude Code program, and here is {chosen.name}: {chosen.reason}")
    backend = TerminalCli(chosen.backend, shell.environ, run_sync, go_on=go_on)
    ledger = await Ledger.open(settings.paths.ledger, run_sync=run_sync, zone=settings.resident.zone)
    try:
        intake, request = Intake(ledger, lambda: settings), WakeRequest(type="talk", source="terminal")
        await intake.look(request, shell.now())
        engine = make_engine(
            settings=settings,
            ledger=ledger,
            chosen=attrs.evolve(chosen, backend=backend),
            now=shell.now,
            publish=lambda _: None,
            run_sync=run_sync,
            environ=shell.environ,
        )
        # held from before the row on: a busy lock leaves no row behind, and nobody takes the wake for one left behind
        async with engine.lock.held({"waiting": "talk"}) as held:
            engine.lock, now = held, shell.now()
            # only this terminal can run it: should it ever come back into the queue, it is missed there
            only_here = attrs.evolve(request, expires_at=now + ONLY_HERE)
            wake = await intake.admit(only_here, now, ledger.wakes.take)
            log = settings.paths.logs / f"talk-{wake.id}.log"
            await run_sync(partial(_note, log, engine.local_now(), f"Talk started, session {wake.id}"))
            code = await _talk(shell, engine, wake)
            await run_sync(partial(_note, log, engine.local_now(), f"Talk ended, exit code: {code}"))
            return code
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()


async def _talk(shell: CliContext, engine: Engine, wake: Wake) -> int:
    asked: list[str] = []

    async def work() -> EndedSession:
        return await engine.run(wake, why_cancelled=lambda: next(iter(asked), "cancelled"))

    # the terminal's interrupt is the program's own affair; a hang-up or an order to end is for both
    ended = await offline.until_signal(work, asked, own=frozenset({signal.SIGINT}))
    if ended is not None:
        return _code(shell, ended)
    if await engine.ledger.sessions.get(wake.id) is None:  # the end came before the program was begun
        await engine.ledger.wakes.refuse(wake.id, f"interrupted ({asked[0]})", shell.now())
    return EXIT_INTERRUPTED


def _code(shell: CliContext, ended: EndedSession) -> int:
    if ended.reason:
        shell.note(ended.reason)
    if ended.state == "completed":
        return 0
    return ended.exit_code or EXIT_WRONG


def _note(path: Path, now: datetime, text: str) -> None:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    jsonl.append_line(path, f"=== {text}: {now:%a %b %d %H:%M:%S %Z %Y} ===".encode(), mode=0o640)
