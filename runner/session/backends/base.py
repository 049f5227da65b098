"""What every backend is given, what it tells while it runs, and what it says at the end."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import attrs

from runner.children.group import DEADLINE_EXIT, NOT_FOUND_EXIT, RunListener, RunResult
from runner.session.kinds import SessionKind
from runner.tools.capabilities import Grant

__all__ = [
    "DEADLINE_EXIT",
    "NOT_FOUND_EXIT",
    "Backend",
    "RunListener",
    "RunOrder",
    "RunResult",
    "as_line",
]


@attrs.frozen
class RunOrder:
    """One run of a model, complete: nothing is looked up elsewhere."""

    session_id: str
    kind: SessionKind
    system: str
    user: str
    home: Path
    private: Path
    """A folder of this session alone (0700), wiped by whoever made it."""
    model: str
    max_turns: int
    deadline: float
    """Seconds for the whole run."""
    now: datetime
    """When the session began, in the home's zone."""
    cli_session_id: str | None = None
    resume: str | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None
    """Watched by whoever listens, whatever the backend; None is no limit."""
    withheld: tuple[str, ...] = ()
    """Commands and tools that carry words out of the house, and that this session must not have."""
    grant: Grant = attrs.field(factory=Grant)
    """The resident's commands that this session may call, and whose words it may read."""
    links: tuple[str, ...] = ()
    """Links in the home that lead to places this session may not look at; by their paths in the home."""


class Backend(Protocol):
    """Runs a model once. Cancelling `run` leaves nothing behind."""

    @property
    def name(self) -> str: ...

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult: ...


def as_line(record: Mapping[str, Any]) -> bytes:
    """A record as the CLI would write it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
