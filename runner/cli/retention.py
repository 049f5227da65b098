"""`retention`: lets go of what is past its time, as the running process does each night."""

from typing import Annotated

import typer

from runner.cli.context import AsJson, Config, Home, shell_of
from runner.retention.sweep import log, steps

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("retention")
    def _retention(
        context: typer.Context,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Remove old archived messages and moderation records, pack and remove old transcripts, turn logs over.

        Conversations, letters and the resident's own work are never touched. Exit 1 when something could not go.
        """
        shell = shell_of(context)
        settings = shell.load(home, config).settings
        now = shell.now().astimezone(settings.resident.zone)
        log(settings, now, f"retention sweep begins{' (dry run)' if dry_run else ''}")
        results = []
        with shell.busy("sweeping"):
            for step in steps(settings, now, dry_run=dry_run):
                results.append(step.run())
                log(settings, now, results[-1].line(dry_run=dry_run))
        log(settings, now, "retention sweep is complete")
        if as_json:
            shell.json([{"name": one.name, "count": one.count, "failed": one.failed} for one in results])
        else:
            for one in results:
                shell.say(one.line(dry_run=dry_run))
        if any(one.failed for one in results):
            raise typer.Exit(1)
