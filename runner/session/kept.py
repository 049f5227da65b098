"""How a session ended, kept beside its raw record until the ledger has it: data/tmp/<id>/outcome.json (0600).

Room for it is taken before the model runs, so that a disk that has become full meanwhile still holds it. All of it
blocks.
"""

import contextlib
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from runner.children.reap import start_time
from runner.session.run import EndedSession

ROOM = 64 * 1024
REPLY_LIMIT = 12_000
"""Characters of the reply that always find room, whatever script they are in."""
_ROWS = ("files_written", "files_read", "hooks")


@attrs.frozen
class Kept:
    """The one file. It holds one line of JSON; what stands behind that is room."""

    path: Path

    def reserve(self) -> None:
        """Take the room, and note whose session this is. A file system that gives none gets the file all the same."""
        with self._opened() as descriptor, contextlib.suppress(OSError):
            os.posix_fallocate(descriptor, 0, ROOM)
        self._write({"owner": _ourselves()})

    def keep(self, ended: EndedSession) -> None:
        """Write it in place of what stood there; the essence alone when not all of it finds room."""
        value = attrs.asdict(ended, filter=attrs.filters.exclude("verdicts"))
        value["ended_at"] = ended.ended_at.isoformat()
        try:
            self._write({"owner": _ourselves(), "ended": value})
        except OSError:
            value |= {"files_written": [], "files_read": [], "tools": {}, "reply": ended.reply[:REPLY_LIMIT]}
            self._write({"owner": _ourselves(), "ended": value})

    def ended(self) -> EndedSession | None:
        """How it ended; None when nobody has said so."""
        found = self._read().get("ended")
        if not isinstance(found, dict):
            return None
        try:
            rows = {name: tuple(map(str, found[name])) for name in _ROWS}
            return EndedSession(**{**found, **rows, "ended_at": datetime.fromisoformat(found["ended_at"])})
        except (TypeError, ValueError, KeyError):
            return None  # written by another version

    def is_ours(self) -> bool:
        """Whether this very process lives, or lived, the session."""
        return self._read().get("owner") == _ourselves()

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open("rb") as file:
                value = json.loads(file.readline())
        except (OSError, ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def _write(self, value: object) -> None:
        data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        with self._opened() as descriptor:
            at = 0
            while at < len(data):
                at += os.pwrite(descriptor, data[at:], at)

    @contextlib.contextmanager
    def _opened(self) -> Any:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _ourselves() -> list[int | None]:
    return [os.getpid(), start_time(os.getpid())]
