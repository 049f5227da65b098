"""logs/session-<id>.log: few lines that people, and the analytics of the predecessor, read. All of it blocks."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

MODE = 0o640
_BEGUN = b"=== Session started: "
_ENDED = b"=== Session ended: "


def log_path(folder: Path, session_id: str) -> Path:
    return folder / f"session-{session_id}.log"


def begin(path: Path, *, kind: str, now: datetime) -> None:
    append(path, [f"=== Session started: {_moment(now)} ===", f"Type: {kind}", f"Log: {path}"])


def end(path: Path, *, exit_code: int, now: datetime) -> None:
    """The footer. It always comes last: readers look for the exit code in the last five lines."""
    append(path, [f"=== Session ended: {_moment(now)}, exit code: {exit_code} ==="])


def ended(path: Path) -> bool:
    """Whether the log has its footer; what began again after an earlier end has none yet."""
    lines = path.read_bytes().splitlines()
    begun = max((number for number, line in enumerate(lines) if line.startswith(_BEGUN)), default=0)
    return any(line.startswith(_ENDED) for line in lines[begun:])


def append(path: Path, lines: Sequence[str | bytes]) -> None:
    """Add whole lines in one write."""
    data = b"".join((line if isinstance(line, bytes) else line.encode("utf-8", "replace")) + b"\n" for line in lines)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _moment(now: datetime) -> str:
    return now.strftime("%a %b %d %H:%M:%S %Z %Y")
