"""Files of JSON lines: appended under a lock, one whole line at a time; read with bad lines skipped and counted."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

__all__ = ["LINE_LIMIT", "LineTooLong", "Records", "append", "append_line", "read", "tail"]

LINE_LIMIT = 64 * 1024


class LineTooLong(ValueError):
    """A record does not fit into one line of the file."""


@attrs.frozen
class Records:
    """What a file of JSON lines holds: its objects in order, and how many lines were none."""

    items: tuple[dict[str, Any], ...]
    bad: int = 0


def append(
    path: Path, record: Mapping[str, object], *, sync: bool = False, mode: int = 0o600, limit: int = LINE_LIMIT
) -> None:
    """Append one object. With *sync* it is on disk when this returns."""
    line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    if len(line) >= limit:
        raise LineTooLong(f"a record for {path.name} has {len(line)} bytes; at most {limit - 1} fit into a line")
    append_line(path, line, sync=sync, mode=mode)


def append_line(path: Path, line: bytes, *, sync: bool = False, mode: int = 0o600) -> None:
    """Append one line, given without its end. A line another writer left unfinished is closed first."""
    if b"\n" in line:
        raise ValueError("a line can't hold a line break")
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # held by other appenders for one write only
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = (b"\n" if torn else b"") + line + b"\n"
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        except OSError:
            os.ftruncate(descriptor, size)  # a full disk must not leave half a line for the next writer
            raise
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> Records:
    """All objects of the file; a missing file is empty. A last line without its end counts when it is whole."""
    try:
        with path.open("rb") as opened:
            return _collect(opened)
    except FileNotFoundError:
        return Records(())


def tail(path: Path, count: int, *, window: int = 4 * 1024 * 1024) -> Records:
    """The last *count* objects, looking at no more than the last *window* bytes; what is bad is counted among them."""
    try:
        with path.open("rb") as opened:
            size = opened.seek(0, os.SEEK_END)
            start = max(0, size - window)
            opened.seek(max(0, start - 1))
            if start and opened.read(1) != b"\n":
                opened.readline()  # the window begins inside a line
            lines = opened.readlines()
    except FileNotFoundError:
        return Records(())
    items: list[dict[str, Any]] = []
    bad = 0
    while lines and len(items) < count:  # from the end: a history may be long, and reading its lines is what costs
        found = _collect(iter((lines.pop(),)))
        items += found.items
        bad += found.bad
    return Records(tuple(reversed(items)), bad)


def _collect(lines: Iterator[bytes]) -> Records:
    items: list[dict[str, Any]] = []
    bad = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            items.append(value)
        else:
            bad += 1
    return Records(tuple(items), bad)
