"""`up`: the whole process in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.context import CliContext, Config, Home, Start, shell_of
from runner.home import init_home
from runner.settings import Loaded

__all__ = ["Host", "Port", "register", "start"]

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Listen here (API_HOST; else 127.0.0.1).")]
Port = Annotated[
    int | None, typer.Option("--port", metavar="N", help="Listen on this port (API_PORT; else 8000; 0: any free one).")
]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("up")
    def _up(
        context: typer.Context, home: Home = None, config: Config = None, host: Host = None, port: Port = None
    ) -> None:
        """Start the whole process in the foreground. It serves when it prints `ready http://HOST:PORT`."""
        raise typer.Exit(start(shell_of(context), home, config, host, port))


def start(shell: CliContext, home: Path | None, config: Path | None, host: str | None, port: int | None) -> int:
    """Check the settings, tell what is odd about them, and hand over to the composition root."""
    overrides = {"http.host": host, "http.port": port}

    def load() -> Loaded:
        return shell.load(home, config, overrides=overrides, serving=True)

    _make_home_of_checkout(shell, home, config)
    loaded = load()
    for warning in loaded.warnings:
        shell.note(f"warning: {warning}")
    return shell.up(Start(loaded, load))


def _make_home_of_checkout(shell: CliContext, home: Path | None, config: Path | None) -> None:
    """In a checkout of the program, with no home named and none there, `up` makes one, as `make run` does."""
    loaded = shell.load(home, config, must_exist=False, in_checkout=False)
    if loaded.sources["home"] != "default":
        return
    nearby = shell.home_of_checkout(loaded)
    if nearby is not None and not nearby.exists():
        settings = shell.load(nearby, config, must_exist=False).settings
        for line in init_home(settings, now=shell.now(), demo=True, environ=shell.environ).lines():
            shell.note(line)
