import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.site import NOON, in_thread
from web.status import SessionStatus, public_status


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({}, {"active": False}),
        ({"active": "yes"}, {"active": False}),
        ({"active": True}, {"active": True}),
        ({"active": True, "type": None, "session_id": 3, "phase": ""}, {"active": True}),
        (
            {"active": True, "started_at": "2026-02-03T17:14:00"},
            {"active": True, "started_at": "2026-02-03T17:14:00", "duration_seconds": 60},
        ),
        (
            {"active": True, "started_at": "2026-02-03T18:14:00Z"},
            {"active": True, "started_at": "2026-02-03T18:14:00Z", "duration_seconds": 0},
        ),
        (
            {"active": True, "started_at": "lunch"},
            {"active": True, "started_at": "lunch", "duration_seconds": 0},
        ),
    ],
)
def test_what_the_public_sees(document: dict[str, Any], status: dict[str, Any]) -> None:
    """Absent instead of null, never a negative duration, a naive stamp taken as UTC."""
    assert public_status(document, NOON) == status


def reader(path: Path, memory: dict[str, Any] | None = None) -> SessionStatus:
    return SessionStatus(path, lambda: NOON, in_thread, lambda: memory)


async def test_memory_comes_before_the_file(tmp_path: Path) -> None:
    """What the process knows itself is newer than what it wrote."""
    path = tmp_path / "status.json"
    path.write_text('{"active": true, "type": "dusk"}')
    assert await reader(path, {"active": False}).current() == {"active": False}
    assert (await reader(path).current())["type"] == "dusk"


@pytest.mark.parametrize("torn", [b"", b'{"act', b"[1]", b"\xff"])
async def test_a_torn_file_leaves_the_last_good_word(tmp_path: Path, torn: bytes) -> None:
    """A half-written or odd file is passed over, and read again when it is whole."""
    path = tmp_path / "status.json"
    path.write_text('{"active": true, "type": "dusk"}')
    status = reader(path)
    assert (await status.current())["active"] is True
    path.write_bytes(torn)
    assert (await status.current())["type"] == "dusk"
    path.write_text(json.dumps({"active": True, "type": "evening"}))
    assert (await status.current())["type"] == "evening"
    path.unlink()
    assert await status.current() == {"active": False}


async def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    """Asking again costs a stat, not a read."""
    path = tmp_path / "status.json"
    path.write_text('{"active": true, "type": "dusk"}')
    os.utime(path, ns=(5, 5))
    calls = 0

    async def counting(work: Any) -> Any:
        nonlocal calls
        calls += 1
        return work()

    status = SessionStatus(path, lambda: datetime.now(UTC), counting)
    for _ in range(3):
        await status.current()
    assert calls == 1
