"""The session lock: one session at a time on a home, across all processes.

The kernel holds it by an open descriptor, so it can never be stale. The file's content says who holds it, for display
alone; readers never take the lock to find out.
"""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.offload import RunSync
from runner.session.errors import SessionLockedError

RETRY_EVERY = 0.25
"""flock has no waiting that a cancellation could end, so a waiter tries again."""


@attrs.frozen
class SessionLock:
    """`path` is always taken; `shared` too, when it can be opened: the predecessor's own lock."""

    path: Path
    run_sync: RunSync
    shared: Path | None = None

    @asynccontextmanager
    async def held(self, facts: Mapping[str, Any], *, wait: float = 0) -> AsyncIterator["SessionLock"]:
        """Hold the lock for the body; SessionLockedError when it is not free within the wait.

        What the body is given is this lock for sessions inside it: a command can put right what it finds, take its
        wake and run it, with no other process between the two.
        """
        until = trio.current_time() + wait
        while True:
            try:
                descriptors = await self.run_sync(lambda: self._take(facts))
                break
            except SessionLockedError:
                if trio.current_time() >= until:
                    raise
            await trio.sleep(min(RETRY_EVERY, max(0, until - trio.current_time())))
        try:
            yield _HeldLock(self.path, self.run_sync, self.shared, descriptors)
        finally:
            for descriptor in descriptors:
                _let_go(descriptor)

    def holder(self) -> dict[str, Any] | None:
        """Who holds the lock by its own words; None when nobody does. Blocking; a glance, not a promise."""
        try:
            value = json.loads(self.path.read_bytes() or b"null")
        except (OSError, ValueError):
            return None
        return value if isinstance(value, dict) else None

    def _take(self, facts: Mapping[str, Any]) -> tuple[int, ...]:
        taken: list[int] = []
        try:
            taken.append(_open_locked(self.path, self.holder))
            if self.shared is not None:
                # on another machine than the predecessor's /run may be closed to us: then nobody else uses it either
                with contextlib.suppress(PermissionError, FileNotFoundError, IsADirectoryError):
                    taken.append(_open_locked(self.shared, self.holder))
            _say(taken, facts)
        except BaseException:
            for descriptor in taken:
                os.close(descriptor)
            raise
        return tuple(taken)


@attrs.frozen
class _HeldLock(SessionLock):
    """A lock that its process holds already; whoever takes it only says what for."""

    descriptors: tuple[int, ...] = ()

    def _take(self, facts: Mapping[str, Any]) -> tuple[int, ...]:
        _say(self.descriptors, facts)
        return ()


def _say(descriptors: Iterable[int], facts: Mapping[str, Any]) -> None:
    content = json.dumps({"pid": os.getpid(), **facts}).encode() + b"\n"
    for descriptor in descriptors:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)


def _open_locked(path: Path, holder: Any) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise
        found = holder() or {}
        known = [f"{name} {found[name]}" for name in ("session_id", "type", "pid", "started_at") if found.get(name)]
        raise SessionLockedError(", ".join(known) or f"lock {path}") from None
    return descriptor


def _let_go(descriptor: int) -> None:
    """Two system calls that wait for no disk; done at once, so that a cancellation can't leave the lock held."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
    os.close(descriptor)
