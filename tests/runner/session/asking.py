"""A wake to gather context for: Monday noon in New York, in a home of the test's own."""

import os
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from runner.offload import RunSync
from runner.schedule import load_schedule
from runner.session.kinds import kind_of
from runner.session.sources.base import Ask
from tests.runner.session.stage import settings_for
from tests.support.ledger import inline

ZONE = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 12, 5, tzinfo=ZONE)


def ask_for(
    home: Path,
    kind: str = "noon",
    now: datetime = NOON,
    *,
    message: str = "",
    sender: str = "",
    keep: bool = True,
    run_sync: RunSync = inline,
    **overrides: Any,
) -> Ask:
    """Settings by dotted key, with `__` for the dot."""
    settings = settings_for(home, **overrides)
    return Ask(kind_of(kind), now, settings, load_schedule(ZONE), run_sync, message, sender, keep)


def write(path: Path, text: str, *, mtime: datetime | None = None) -> Path:
    """A file with its folders, as old as wanted."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if mtime is not None:
        os.utime(path, (mtime.timestamp(), mtime.timestamp()))
    return path
