"""`resume`: wakes go on after the failure that paused them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio
import typer

from runner.cli.context import AsJson, Config, Home, shell_of
from runner.control.client import NoProcessError
from runner.control.protocol import ResumeResult, plain
from runner.ledger import Ledger
from runner.settings import Settings
from runner.triggers.pause import PAUSED, Pause

__all__ = ["register"]

T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("resume")
    def _resume(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
        """Let wakes go on after a failed login or a reached limit has paused them.

        Works with no process running; saying it again does no harm.
        """
        shell = shell_of(context)
        settings = shell.load(home, config).settings
        try:
            found = shell.ask(settings.paths.control_socket, "resume").result
        except NoProcessError:
            found = plain(trio.run(partial(_offline, settings)))
        assert isinstance(found, dict)
        if as_json:
            shell.json(found)
        elif found["resumed"]:
            shell.say(f"scheduled wakes go on; they were paused by: {found['reason']}")
        else:
            shell.say("scheduled wakes were not paused")


async def _offline(settings: Settings) -> ResumeResult:
    if not settings.paths.ledger.exists():
        return ResumeResult(resumed=False)
    ledger = await Ledger.open(settings.paths.ledger, run_sync=_here, zone=settings.resident.zone)
    try:
        pause = Pause.load(await ledger.meta.get(PAUSED))
        await ledger.meta.drop(PAUSED)
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()
    return ResumeResult(resumed=pause is not None, reason="" if pause is None else pause.reason)


async def _here(work: Callable[[], T], /) -> T:
    """One short piece of work in a program that does nothing else."""
    return work()
