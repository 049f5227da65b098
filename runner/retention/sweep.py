"""Carrying out what the plan says. Blocking; each step can be done alone, and again."""

import fcntl
import gzip
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

import attrs

from runner.retention.plan import CAPPED, LINES_KEPT, ROTATED, Action, FileFacts, RetentionRule, plan, rules, too_old
from runner.settings import Settings
from runner.storage import files, jsonl

__all__ = ["Result", "Step", "log", "steps"]

TURN_OVER = 5 * 1024 * 1024
GENERATIONS = 5
DEEPEST = 8
LEFTOVERS = "temporary files"


@attrs.frozen
class Result:
    """What one step did, or would do."""

    name: str
    count: int
    done: str
    failed: int = 0

    def line(self, *, dry_run: bool) -> str:
        """As the sweep's log has it."""
        would = {"pruned": "would prune", "packed": "would pack", "turned over": "would turn over", "cut": "would cut"}
        words = f"{self.name}: {would[self.done] if dry_run else self.done} {self.count}"
        return f"{words}, {self.failed} could not be" if self.failed else words


@attrs.frozen
class Step:
    """One part of a sweep, short enough to be waited for."""

    name: str
    run: Callable[[], Result]


def steps(settings: Settings, now: datetime, *, dry_run: bool = False) -> tuple[Step, ...]:
    """The whole sweep of a home, part by part."""
    paths = settings.paths
    found = [Step(rule.name, partial(_by_age, rule, now, dry_run=dry_run)) for rule in rules(settings)]
    found.append(Step("logs", partial(_turn_over, paths.logs, dry_run=dry_run)))
    found.append(Step("histories", partial(_cut, paths.data, dry_run=dry_run)))
    found.append(Step(LEFTOVERS, partial(_leftovers, paths.home, now, dry_run=dry_run)))
    found.append(Step("chat history", partial(_by_year, paths.chat_history, now.year, dry_run=dry_run)))
    return tuple(found)


def log(settings: Settings, now: datetime, text: str) -> None:
    """One line in the sweep's own log."""
    path = settings.paths.retention_log
    files.make_folder(path.parent)
    jsonl.append_line(path, f"[{now.isoformat(timespec='seconds')}] {text}".encode(), mode=0o640)


def _by_age(rule: RetentionRule, now: datetime, *, dry_run: bool) -> Result:
    due = plan(rule, _files(rule.folder, DEEPEST if rule.deep else 0), now)
    if dry_run:
        return Result(rule.name, len(due), rule.action.value)
    done = 0
    for path in due:
        with suppress(OSError):  # counted below: one file that can't go keeps no other
            if rule.action is Action.PACK:
                _pack(path)
            else:
                path.unlink(missing_ok=True)
            done += 1
    if rule.deep:
        _drop_empty(rule.folder, DEEPEST)
    return Result(rule.name, done, rule.action.value, len(due) - done)


def _files(folder: Path, depth: int) -> Iterator[FileFacts]:
    """Regular files, links never followed; a folder that is not there holds none."""
    try:
        with os.scandir(folder) as listing:
            entries = list(listing)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        try:
            facts = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(facts.st_mode) and depth > 0:
            yield from _files(Path(entry.path), depth - 1)
        elif stat.S_ISREG(facts.st_mode):
            yield FileFacts(Path(entry.path), facts.st_mtime)


def _drop_empty(folder: Path, depth: int) -> None:
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False) and depth > 0:
                _drop_empty(Path(entry.path), depth - 1)
                with suppress(OSError):  # not empty, which is the usual case
                    Path(entry.path).rmdir()


def _leftovers(home: Path, now: datetime, *, dry_run: bool) -> Result:
    """Files that were half written when the power went, a day ago or longer: nobody can be at them any more."""
    due = [
        facts.path
        for facts in _files(home, DEEPEST)
        if files.is_temporary(facts.path.name) and too_old(facts.modified, 0, now)
    ]
    done = 0
    for path in () if dry_run else due:
        with suppress(OSError):  # counted below, as above
            path.unlink(missing_ok=True)
            done += 1
    return Result(LEFTOVERS, len(due) if dry_run else done, Action.PRUNE.value, 0 if dry_run else len(due) - done)


def _pack(path: Path) -> None:
    """The file becomes its packed self, with the same time; a crash leaves one of the two whole."""
    facts = path.lstat()
    packed = path.with_name(path.name + ".gz")
    files.write_atomic(packed, gzip.compress(files.read_bytes(path), mtime=0), mode=stat.S_IMODE(facts.st_mode))
    os.utime(packed, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    path.unlink()


def _turn_over(folder: Path, *, dry_run: bool) -> Result:
    due = [path for name in ROTATED if (path := folder / name).is_file() and path.lstat().st_size > TURN_OVER]
    if not dry_run:
        for path in due:
            for number in range(GENERATIONS - 1, 0, -1):
                with suppress(FileNotFoundError):
                    path.with_name(f"{path.name}.{number}").replace(path.with_name(f"{path.name}.{number + 1}"))
            path.replace(path.with_name(f"{path.name}.1"))
    return Result("logs", len(due), "turned over")


def _cut(folder: Path, *, dry_run: bool) -> Result:
    cut = sum(_rewritten(folder / name, lambda lines: lines[-LINES_KEPT:], dry_run=dry_run) for name in CAPPED)
    return Result("histories", cut, "cut")


def _by_year(path: Path, year: int, *, dry_run: bool) -> Result:
    """Lines of earlier years go into a file of their year beside it."""

    def keep(lines: list[bytes]) -> list[bytes]:
        kept = []
        for line in lines:
            of = _year_of(line)
            if of is None or of >= year:
                kept.append(line)
            elif not dry_run:
                jsonl.append_line(path.with_name(f"{path.stem}-{of}{path.suffix}"), line, sync=False, mode=0o640)
        return kept

    return Result("chat history", _rewritten(path, keep, dry_run=dry_run), "cut")


def _year_of(line: bytes) -> int | None:
    _, found, rest = line.partition(b'"timestamp":')
    text = rest.strip()[1:5]
    return int(text) if found and text.isdigit() else None


def _rewritten(path: Path, keep: Callable[[list[bytes]], list[bytes]], *, dry_run: bool) -> int:
    """Leave only the lines to keep, under the lock that appenders take; how many went.

    In place, because an appender that waits for the lock holds this very file open. A copy lies beside it meanwhile.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    with os.fdopen(descriptor, "r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        content = opened.read()
        lines = content.splitlines()
        kept = keep(lines)
        if dry_run or len(kept) == len(lines):
            return len(lines) - len(kept)
        copy = path.with_name(f".{path.name}.before-sweep.tmp")
        files.write_atomic(copy, content, mode=0o600)
        opened.seek(0)
        opened.write(b"".join(line + b"\n" for line in kept))
        opened.truncate()
        opened.flush()
        os.fsync(opened.fileno())
        copy.unlink()
        return len(lines) - len(kept)
