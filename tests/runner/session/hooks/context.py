"""A session that is over, as its hooks are given it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import attrs

from runner.ledger import Ledger
from runner.session.hooks.base import HookContext
from runner.session.kinds import kind_of
from tests.runner.session.stage import settings_for
from tests.support.ledger import inline

ZONE = ZoneInfo("America/New_York")
BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=ZONE)
ENDED = BEGAN + timedelta(minutes=20, seconds=5)
SESSION = "20260302-090000"


def context_for(home: Path, overrides: Mapping[str, object] | None = None, **changes: Any) -> HookContext:
    """Overrides are settings, changes are fields. Without a `ledger` among them the hook had better not ask it."""
    place = home / "data" / "tmp" / SESSION
    place.mkdir(parents=True, exist_ok=True)
    made = HookContext(
        session_id=SESSION,
        kind=kind_of("custom"),
        settings=settings_for(home, **(overrides or {})),
        ended=ENDED,
        began=BEGAN,
        stream=place / "stream.jsonl",
        message="a question",
        sender="mira",
        reply="an answer",
        exit_code=0,
        run_sync=inline,
        ledger=cast("Ledger", None),
    )
    return attrs.evolve(made, **changes)


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes; what a second run must leave as it is."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "tmp" not in path.relative_to(folder).parts
    }


def one_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    value = json.loads(path.read_text())
    assert isinstance(value, dict)
    return value
