"""What the session is doing, for the public: from memory where the session actor says it, else from its file."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from runner.clock import Now
from runner.offload import RunSync

PUBLIC = ("type", "started_at", "session_id", "phase")


def public_status(document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The fields the public may see, absent instead of null; a duration that is never negative."""
    if document.get("active") is not True:
        return {"active": False}
    status: dict[str, Any] = {"active": True}
    for name in PUBLIC:
        value = document.get(name)
        if isinstance(value, str) and value:
            status[name] = value
    if "started_at" in status:
        status["duration_seconds"] = _seconds_since(status["started_at"], now)
    return status


def _seconds_since(text: str, now: datetime) -> int:
    try:
        started = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if started.tzinfo is None:
        started = started.replace(tzinfo=UTC)
    return max(0, int((now - started).total_seconds()))


@attrs.define(eq=False)
class SessionStatus:
    """Reads the status file when it has changed; a torn or odd one leaves the last good word standing."""

    path: Path
    now: Now
    run_sync: RunSync
    memory: Callable[[], Mapping[str, Any] | None] = lambda: None
    _stamp: tuple[int, int, int] | None = attrs.field(default=None, init=False)
    _document: Mapping[str, Any] = attrs.field(factory=dict, init=False)

    async def current(self) -> dict[str, Any]:
        known = self.memory()
        if known is None:
            known = await self._from_file()
        return public_status(known, self.now())

    async def _from_file(self) -> Mapping[str, Any]:
        try:
            info = self.path.stat()  # one stat of a small local file: cheaper than a thread
        except OSError:
            self._stamp, self._document = None, {}
            return self._document
        stamp = (info.st_mtime_ns, info.st_size, info.st_ino)
        if stamp != self._stamp:
            document = await self.run_sync(lambda: _read(self.path))
            if document is not None:
                self._stamp, self._document = stamp, document
        return self._document


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
