"""The resident's commands for whoever calls: the operator in a terminal, or a running session through its shell."""

from pathlib import Path

from runner.cli.context import CliContext
from runner.errors import UsageError
from runner.schedule import load_schedule
from runner.tools.commands import ResidentCommands
from runner.tools.grants import of_caller

__all__ = ["errands_of"]


def errands_of(shell: CliContext, home: Path | None, config: Path | None) -> ResidentCommands:
    """The commands of the home that is meant; in a session, of its own home and no more than it may."""
    settings = shell.load(home, config).settings
    grant = of_caller(shell.environ, settings.paths.tmp)
    if grant is not None and (home is not None or config is not None):
        raise UsageError("a session's commands are for its own home; leave --home and --config away")
    return ResidentCommands(settings, load_schedule(settings.resident.zone), shell.now, grant)
