"""One process serves a home at a time. The kernel frees the lock with its holder, so it is never stale."""

import fcntl
import json
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Self

import attrs

from runner.errors import HomeInUse, UnusableHome
from runner.storage import files

__all__ = ["Holder", "HomeLock", "read_holder"]

HOLDER_LIMIT = 4096


@attrs.frozen(kw_only=True)
class Holder:
    """Who says it holds a home: for display, never for decisions."""

    pid: int | None = None
    started_at: str | None = None
    url: str | None = None

    def __str__(self) -> str:
        words = [f"process {self.pid}" if self.pid else "a process that has not said which"]
        if self.started_at:
            words.append(f"since {self.started_at}")
        if self.url:
            words.append(f"at {self.url}")
        return " ".join(words)


@attrs.define(eq=False)
class HomeLock:
    """The lock on a home, held from before anything is written there until the end."""

    path: Path
    _descriptor: int | None
    _started_at: datetime

    @classmethod
    def acquire(cls, home: Path, *, now: datetime) -> Self:
        """Take the lock of an existing home at once, or raise HomeInUse naming who has it."""
        path = home / "data" / "runner.lock"
        try:
            # the one thing made before the lock is held is the folder it lies in
            files.make_folder(path.parent, mode=0o700)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UnusableHome(f"the home's lock {path} can't be opened: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            holder = read_holder(home) or Holder()
            raise HomeInUse(
                f"the home {home} is in use by {holder}; stop that one first, or name another --home"
            ) from None
        lock = cls(path, descriptor, now)
        lock.announce(None)
        return lock

    def announce(self, url: str | None) -> None:
        """Write who holds the home, for others to show."""
        assert self._descriptor is not None, "the lock was released"
        said = {"pid": os.getpid(), "started_at": self._started_at.isoformat(timespec="seconds"), "url": url}
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, (json.dumps(said) + "\n").encode(), 0)

    def release(self) -> None:
        """Let go of the home. The file stays: to remove it would let two processes lock two files of one name."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def read_holder(home: Path) -> Holder | None:
    """What the holder of a home wrote about itself; None when nobody did. It does not touch the lock."""
    try:
        said = files.read_json(home / "data" / "runner.lock", limit=HOLDER_LIMIT)
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict):
        return None
    pid, started_at, url = (said.get(key) for key in ("pid", "started_at", "url"))
    return Holder(
        pid=pid if isinstance(pid, int) else None,
        started_at=started_at if isinstance(started_at, str) else None,
        url=url if isinstance(url, str) else None,
    )
