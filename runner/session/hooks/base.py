"""What a hook is given, and what it says."""

import enum
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import attrs

from runner.ledger import RunSync
from runner.session.kinds import Kind
from runner.settings import Paths


class Verdict(enum.Enum):
    """How a hook ended, as the ledger knows it."""

    DONE = "done"
    NOT_DUE = "not_due"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"
    TIMED_OUT = "timed_out"


@attrs.frozen(kw_only=True)
class HookContext:
    """The session that is over, as far as its hooks may know it. The same after a restart of the process."""

    session_id: str
    kind: Kind
    paths: Paths
    now: datetime
    """In the home's zone."""
    began: datetime
    stream: Path
    """The session's raw lines; missing when nothing was ever written."""
    message: str
    sender: str
    reply: str
    exit_code: int | None
    run_sync: RunSync


Run: TypeAlias = Callable[[HookContext], Awaitable[Verdict]]


@attrs.frozen
class Hook:
    """One row of the table. Edges are names: `needs` gates, `after` only orders."""

    name: str
    run: Run
    within: float
    """Seconds."""
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    reduced: bool = False
    """Runs after the small sessions too."""
