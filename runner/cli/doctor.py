"""`doctor`: looks at everything a wake depends on and says what is wrong, with or without a process running."""

from typing import Any

import typer

from runner.cli.checks import Finding, examine
from runner.cli.context import AsJson, Config, Home, shell_of

__all__ = ["register"]

_MARKS = {"ok": "ok", "notice": "notice", "wrong": "WRONG"}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("doctor")
    def _doctor(context: typer.Context, home: Home = None, config: Config = None, as_json: AsJson = False) -> None:
        """Say what is wrong, if anything; exit 1 then.

        Looks at configuration, home, credentials, model, ledger, index, disk, clock, the last slots and the process.
        """
        shell = shell_of(context)
        findings: list[Finding] = []
        with shell.busy("looking"):
            findings.extend(examine(shell, home, config))
        if as_json:
            shell.json(findings)
        else:
            rows: list[tuple[Any, ...]] = [(_MARKS[found.verdict], found.what, found.text) for found in findings]
            shell.table(("", "what", "finding"), rows, empty="nothing to look at")
        if any(found.verdict == "wrong" for found in findings):
            raise typer.Exit(1)
