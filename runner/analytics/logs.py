"""Session logs of the predecessor and of sessions that the ledger does not know: one result each, from their end."""

import json
import math
import os
import re
import stat
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from runner.analytics.sums import SessionFigures
from runner.content import Stamp

NAME = re.compile(r"session-((\d{4})(\d{2})(\d{2})[^/]*)\.log", re.ASCII)
RESULT = b'"type":"result"'
TOKENS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
BLOCK = 256 * 1024
MOST = 64 * 1024 * 1024
"""Bytes from the end of a log that are looked through for its result."""


class OddLogError(Exception):
    """A log with a result that can't be counted; its text says why."""


@attrs.frozen
class LogReading:
    """What a log came to when it was read: a session, nothing yet, or a problem."""

    stamp: Stamp
    session: SessionFigures | None
    problem: str | None = None


@attrs.define(eq=False)
class LogShelf:
    """All logs of a folder, each read once for each state it was in. Its methods block; one caller at a time."""

    folder: Path
    _read: dict[str, LogReading] = attrs.field(factory=dict, init=False)

    def sessions(self, known: Collection[str]) -> tuple[SessionFigures, ...]:
        """The sessions that the logs tell of, but for those with a `known` id."""
        found: dict[str, LogReading] = {}
        for name, stamp in self._listing():
            match = NAME.fullmatch(name)
            if match is None or match[1] in known:
                continue
            last = self._read.get(name)
            found[name] = last if last is not None and last.stamp == stamp else self._look(name, stamp)
        self._read = found
        return tuple(read.session for _, read in sorted(found.items()) if read.session is not None)

    def problems(self) -> dict[str, str]:
        """Logs that are left out, and why."""
        return {name: read.problem for name, read in self._read.items() if read.problem is not None}

    def _listing(self) -> Iterator[tuple[str, Stamp]]:
        try:
            with os.scandir(self.folder) as listing:
                for entry in listing:
                    if entry.name.startswith("session-") and entry.name.endswith(".log"):
                        try:
                            info = entry.stat(follow_symlinks=False)
                        except OSError:
                            continue
                        if stat.S_ISREG(info.st_mode):
                            yield entry.name, Stamp.of(info)
        except OSError:
            return

    def _look(self, name: str, stamp: Stamp) -> LogReading:
        try:
            return LogReading(stamp, read_log(self.folder / name))
        except OddLogError as error:
            return LogReading(stamp, None, str(error))
        except OSError as error:
            return LogReading(stamp, None, error.strerror or "can't be read")


def read_log(path: Path) -> SessionFigures | None:
    """The session of a log, None where it has no result; `OddLogError` where that can't be counted."""
    match = NAME.fullmatch(path.name)
    assert match is not None
    try:
        day = date(int(match[2]), int(match[3]), int(match[4])).isoformat()
    except ValueError:
        raise OddLogError("its name holds no real day") from None
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        for line in lines_from_the_end(file):
            if RESULT in line and (result := _parsed(line)) is not None:
                return _session(day, result)
    return None


def lines_from_the_end(file: BinaryIO, *, block: int = BLOCK, most: int = MOST) -> Iterator[bytes]:
    """Lines, last first, as far as `most` bytes reach."""
    end = file.seek(0, os.SEEK_END)
    floor = max(0, end - most)
    pieces: list[bytes] = []  # of the line whose beginning is not yet read, last piece first
    while end > floor:
        start = max(floor, end - block)
        file.seek(start)
        first, *whole = file.read(end - start).split(b"\n")
        end = start
        if whole:
            yield b"".join([whole.pop(), *reversed(pieces)])
            yield from reversed(whole)
            pieces = []
        pieces.append(first)
    if floor == 0:
        yield b"".join(reversed(pieces))


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _session(day: str, result: dict[str, Any]) -> SessionFigures:
    usage = result.get("usage", {})
    if not isinstance(usage, dict):
        raise OddLogError("its usage is no table")
    return SessionFigures(
        date=day,
        duration_ms=_number(result, "duration_ms"),
        turns=int(_number(result, "num_turns")),
        cost_usd=_number(result, "total_cost_usd"),
        tokens=sum(int(_number(usage, name)) for name in TOKENS),
    )


def _number(values: dict[str, Any], name: str) -> float:
    value = values.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(_bounded(value)):
        raise OddLogError(f"its {name} is {str(value)[:40]!r}, which is no number")
    return float(value)


def _bounded(value: float) -> float:
    """A whole number may be larger than any float."""
    return math.inf if abs(value) > 1e18 else value
