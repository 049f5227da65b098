"""`events`: what happens in the process, as it happens."""

from typing import Annotated, Any

import typer

from runner.cli.context import AsJson, CliContext, Config, Home, shell_of
from runner.control.protocol import EventsParams

__all__ = ["register"]


class _EnoughError(Exception):
    """The wished number of events has been shown."""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("events")
    def _events(
        context: typer.Context,
        recent: Annotated[int, typer.Option("--recent", metavar="N", min=0, help="Begin with the last N.")] = 0,
        count: Annotated[int, typer.Option("--count", metavar="N", min=0, help="End after N; 0: never.")] = 0,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what happens in the process, until Ctrl-C.

        With --json one object a line, as it happens.
        """
        shell = shell_of(context)
        socket = shell.load(home, config).settings.paths.control_socket
        shown = 0

        def show(event: dict[str, Any]) -> None:
            nonlocal shown
            if as_json:
                shell.line(event)
            else:
                _print(shell, event)
            shown += 1
            if shown == count:
                raise _EnoughError

        try:
            shell.ask(socket, "events", EventsParams(recent), within=None, on_progress=show)
        except (_EnoughError, KeyboardInterrupt):
            return


def _print(shell: CliContext, event: dict[str, Any]) -> None:
    rest = dict(event)
    at, name = str(rest.pop("at", "")), str(rest.pop("name", ""))
    rest.pop("number", None)
    fields = " ".join(f"{key}={_short(value)}" for key, value in rest.items() if value not in (None, ""))
    shell.say(f"{at} {name} {fields}".strip())
    shell.out.flush()


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 200 else text[:199] + "…"
