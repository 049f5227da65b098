"""What a hook is given, and what it says."""

import enum
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import attrs

from runner.ledger import Ledger
from runner.offload import RunSync
from runner.session.content_snapshot import ContentSnapshot
from runner.session.errors import HookFailedError, NotDueError
from runner.session.kinds import SessionKind
from runner.settings import Paths, Settings


class Verdict(enum.Enum):
    """How a hook ended, as the ledger knows it."""

    DONE = "done"
    NOT_DUE = "not_due"
    FAILED = "failed"
    UPSTREAM_FAILED = "upstream_failed"
    TIMED_OUT = "timed_out"


__all__ = [
    "Hook",
    "HookContext",
    "HookFailedError",
    "NoIndex",
    "NotDueError",
    "Run",
    "SemanticIndex",
    "Step",
    "Verdict",
]

Step: TypeAlias = Literal["memory_index", "graph_update", "resonance", "echoes"]


class SemanticIndex(Protocol):
    """Who holds the vectors. Each step is safe to repeat."""

    async def perform(self, step: Step, *, session_id: str) -> None:
        """Do one step for an ended session; NotDueError when it has nothing to do, or there are no vectors."""


class NoIndex:
    """Stands in where nobody holds vectors."""

    async def perform(self, step: Step, *, session_id: str) -> None:
        raise NotDueError(f"no semantic index yet: {step} of {session_id} has to wait")


@attrs.frozen(kw_only=True)
class HookContext:
    """The session that is over, as far as its hooks may know it. The same after a restart of the process."""

    session_id: str
    kind: SessionKind
    settings: Settings
    ended: datetime
    """When its record was written, in the home's zone."""
    began: datetime
    stream: Path
    """The session's raw lines; missing when nothing was ever written."""
    message: str
    sender: str
    reply: str
    exit_code: int | None
    run_sync: RunSync
    ledger: Ledger
    index: SemanticIndex = attrs.field(factory=NoIndex)
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """What the process was started with; a hook that starts a program hands on little of it."""
    failed_before: tuple[str, ...] = ()
    """Predecessors that only order and that came to no good end."""

    @property
    def paths(self) -> Paths:
        return self.settings.paths

    @property
    def before(self) -> ContentSnapshot:
        """What was so before the model ran."""
        return ContentSnapshot(self.stream.parent)


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
