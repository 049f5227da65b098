"""A wake without a running process: the same engine, the same lock, the same ledger."""

from collections.abc import Callable
from typing import Any

import attrs

from runner.cli.shell import Shell
from runner.control.protocol import Answer, CommandError, WakeParams
from runner.settings import Settings

__all__ = ["Prompts", "dry_run", "wake"]


@attrs.frozen
class Prompts:
    """What a session would be told."""

    system: str
    user: str


def wake(
    shell: Shell,
    settings: Settings,
    params: WakeParams,
    step: Callable[[dict[str, Any]], None],
    *,
    without_network: bool,
) -> Answer:
    """Run one wake to its end in this very process."""
    raise CommandError("not_ready", "the engine is being built")


def dry_run(shell: Shell, settings: Settings, params: WakeParams, *, without_network: bool) -> Prompts:
    """Gather and render, with no side effect at all."""
    raise CommandError("not_ready", "the engine is being built")
