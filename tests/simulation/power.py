"""The power of a simulated process: every durable operation passes through it, and after any of them it can be cut.

Work reaches SQLite and the disk only through the executors here, which run it inline. What it does there is seen at the
doors of the operating system, so a piece of work that writes several files can be cut between any two of them.
"""

import builtins
import io
import os
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, TypeVar
from unittest import mock

import attrs
import trio

from runner.storage.files import is_temporary

T = TypeVar("T")

EVERY = 3
"""A session in so many is cut."""
FALLEN = 0.25
"""How often a recovery is cut again."""
RECOVERY = 16
"""How many operations of a recovery may pass before that."""
PATIENCE = 3
"""Sessions until a chosen point that does not come is given up for a random one."""
UNNAMED = frozenset({"write", "_write", "read", "run_sync", "_until_done"})
GIT = ("git update-index", "git write-tree", "git commit-tree", "git update-ref", "git push")
"""The commands of git that change something."""
UNSEEN = frozenset({"LineFiles.run", *GIT})
"""Work that writes through descriptors it opened before, or in a process of its own."""


class PowerCut(BaseException):
    """The process is gone. Not an Exception: nothing of the product may take it for a failure of its own."""


@attrs.define(eq=False)
class Points:
    """Decides where to cut, and counts it. Outlives the processes."""

    rng: Random
    quota: int = 0
    """A point that was cut less often than this is cut whenever it comes, beyond the sessions' turns."""
    enabled: bool = True
    seen: Counter[str] = attrs.field(factory=Counter)
    hits: Counter[str] = attrs.field(factory=Counter)
    sessions: int = 0
    _countdown: int | None = None
    _target: str | None = None
    _waited: int = 0
    _since: int = 0
    _length: int = 20

    def claimed(self) -> None:
        """A session's turn has come."""
        self.sessions += 1
        self._length, self._since = max(5, self._since), 0
        if self._target is not None:
            self._waited += 1
        if self._waited > PATIENCE:
            self._target, self._waited = None, 0
            self._countdown = self.rng.randrange(self._length)
        elif self.sessions % EVERY == 0 and self._countdown is None and self._target is None:
            if self.rng.random() < 0.5 and self.seen:
                fewest = min(self.hits[point] for point in self.seen)
                self._target = self.rng.choice([point for point in sorted(self.seen) if self.hits[point] == fewest])
            else:
                self._countdown = self.rng.randrange(self._length)

    def passed(self, point: str) -> bool:
        """Whether the power fails just behind this operation."""
        self.seen[point] += 1
        self._since += 1
        if not self.enabled:
            return False
        cut = self._target == point or self.hits[point] < self.quota
        if self._countdown is not None:
            self._countdown -= 1
            cut = cut or self._countdown < 0
        if cut:
            self.hits[point] += 1
            self._target, self._waited = None, 0
            self._countdown = self.rng.randrange(RECOVERY) if self.rng.random() < FALLEN else None
        return cut

    def table(self) -> dict[str, int]:
        """Every named point, with how often the power was cut just behind it."""
        return {point: self.hits[point] for point in sorted(self.seen)}


@attrs.define(eq=False)
class Power:
    """One process's."""

    points: Points
    home: Path
    lock_path: Path
    on: bool = True
    lock: bytes | None = None
    """What the session lock said when the power failed, where there was one: a dead process takes it back no more."""
    ledger: sqlite3.Connection | None = None
    """The writing connection, once the ledger is open."""
    opened: list[sqlite3.Connection] = attrs.field(factory=list)
    point: str = ""
    _work: str = ""
    _marks: int = 0
    _labels: dict[int, str] = attrs.field(factory=dict)

    def check(self) -> None:
        """A process without power does nothing any more."""
        if not self.on:
            raise PowerCut(self.point)

    def passed(self, point: str) -> None:
        """This has happened for good; perhaps nothing else will."""
        self.check()
        self._marks += 1
        if self.points.passed(point):
            self.on, self.point = False, point
            with suppress(FileNotFoundError):
                self.lock = self.lock_path.read_bytes()
            raise PowerCut(point)

    # --- executors

    async def files(self, work: Callable[[], T], /) -> T:
        """For reading and writing files."""
        name = _who(sys._getframe(1))
        self.check()
        await trio.lowlevel.checkpoint()
        self.check()
        marks, self._work = self._marks, name
        try:
            value = work()
        finally:
            self._work = ""
        if self._marks != marks or name in UNSEEN:
            self.passed(name)
        return value

    async def writes(self, work: Callable[[], T], /) -> T:
        """For the ledger's transactions: a cut comes before them or after their commit."""
        name = _who(sys._getframe(1))
        self.check()
        await trio.lowlevel.checkpoint()
        self.check()
        before = self.ledger.total_changes if self.ledger is not None else -1
        value = work()
        if self.ledger is None:
            assert isinstance(value, tuple)
            self.opened = list(value)
            self.ledger = self.opened[0]
            self.passed(name)
        elif name.startswith("LedgerGateway"):
            pass  # it has been closed
        elif self.ledger.total_changes != before:
            if name == "Wakes.claim":
                self.points.claimed()
            self.passed(name)
        return value

    async def reads(self, work: Callable[[], T], /) -> T:
        """For the ledger's reads."""
        self.check()
        await trio.lowlevel.checkpoint()
        self.check()
        return work()

    def abandon(self) -> None:
        """What a kill leaves of open files and locks: nothing. SQLite itself forgets what was not committed."""
        self.on = False
        for descriptor in self._labels:
            with suppress(OSError):  # most have been closed, and their numbers may be somebody else's by now
                found = str(Path(f"/proc/self/fd/{descriptor}").readlink()).removesuffix(" (deleted)")
                if found.startswith(f"{self.home}/") and found.endswith((".lock", ".jsonl")):
                    os.close(descriptor)
        for connection in reversed(self.opened):
            connection.close()

    # --- the doors of the operating system

    @contextmanager
    def tapped(self) -> Iterator[None]:
        """See what work does on the disk, for as long as the body runs."""
        changes = {
            "mkdir": "make",
            "rmdir": "remove",
            "unlink": "remove",
            "remove": "remove",
            "truncate": "truncate",
            "replace": "rename",
            "rename": "rename",
            "link": "link",
        }
        taps: dict[str, Any] = {name: self._changing(getattr(os, name), verb) for name, verb in changes.items()}
        taps["open"] = self._opening(os.open)
        taps["write"] = self._writing(os.write, "append")
        taps["pwrite"] = self._writing(os.pwrite, "write")
        taps["ftruncate"] = self._writing(os.ftruncate, "truncate")
        with mock.patch.multiple(os, **taps):
            opening = self._whole(io.open)
            with mock.patch.object(io, "open", opening), mock.patch.object(builtins, "open", opening):
                yield

    def _changing(self, real: Callable[..., Any], verb: str) -> Callable[..., Any]:
        def tap(*args: Any, **kwargs: Any) -> Any:
            if not self._work:
                return real(*args, **kwargs)
            self.check()
            value = real(*args, **kwargs)
            self.passed(f"{self._work}: {verb} {self._label(args[1] if verb in ('rename', 'link') else args[0])}")
            return value

        return tap

    def _opening(self, real: Callable[..., int]) -> Callable[..., int]:
        def tap(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if not self._work or not flags & (os.O_CREAT | os.O_TRUNC):
                return real(path, flags, *args, **kwargs)
            self.check()
            new = bool(flags & os.O_TRUNC) or not os.path.lexists(path)
            descriptor = real(path, flags, *args, **kwargs)
            self._labels[descriptor] = self._label(path)
            if new:
                try:
                    self.passed(f"{self._work}: create {self._labels[descriptor]}")
                except PowerCut:
                    os.close(descriptor)
                    raise
            return descriptor

        return tap

    def _writing(self, real: Callable[..., Any], verb: str) -> Callable[..., Any]:
        def tap(descriptor: int, *args: Any) -> Any:
            if not self._work:
                return real(descriptor, *args)
            self.check()
            value = real(descriptor, *args)
            self.passed(f"{self._work}: {verb} {self._labels.get(descriptor, 'a file')}")
            return value

        return tap

    def _whole(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def tap(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if not self._work or not set(mode) & set("wax+") or isinstance(file, int):
                return real(file, mode, *args, **kwargs)
            self.check()
            opened = real(file, mode, *args, **kwargs)
            try:
                self.passed(f"{self._work}: create {self._label(file)}")
            except PowerCut:
                opened.close()
                raise
            return opened

        return tap

    def _label(self, path: Any) -> str:
        """What kind of file it is, without what is one session's own."""
        found, text = f"{self.home}/", os.fsdecode(path)
        if not text.startswith(found):
            return "in a folder"
        parts = text.removeprefix(found).split("/")
        if is_temporary(parts[-1]):
            parts[-1] = parts[-1][1:].rsplit(".", 2)[0] + " (new)"
        if parts[0] != "data":
            return parts[0]
        return f"data/{parts[1] if len(parts) > 1 else ''}"


def _who(frame: Any) -> str:
    """Who waits for this work, by its name in the program."""
    while frame.f_code.co_name in UNNAMED and frame.f_back is not None:
        frame = frame.f_back
    name = str(frame.f_code.co_qualname)
    if name == "Commands.run":
        words = iter(frame.f_locals["command"][1:])
        return f"git {next(word for word in words if not (word == '-c' and next(words)))}"
    if name == "run":  # a hook's
        name = f"hook {str(frame.f_globals['__name__']).rpartition('.')[2]}"
    return name.replace(".<locals>", "")
