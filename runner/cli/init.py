"""`init`: make a home."""

from typing import Annotated

import typer

from runner.cli.context import AsJson, Config, Home, shell_of
from runner.home import init_home

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("init")
    def _init(
        context: typer.Context,
        demo: Annotated[bool, typer.Option("--demo", help="Put a small believable life into it.")] = False,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a home with its folders and starter pages. A file that exists is never touched."""
        shell = shell_of(context)
        settings = shell.load(home, config, must_exist=False, in_checkout=False).settings
        with shell.busy(f"making {settings.home}"):
            report = init_home(settings, now=shell.now(), demo=demo, environ=shell.environ)
        if as_json:
            shell.json(report)
            return
        for line in report.lines():
            shell.say(line)
