"""One writer at a time on files that several programs change: a lock beside them, held for a few lines of work."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at *path*, made where it is missing. Blocking: holders read and write small files and leave.

    The lock is not the file it guards: that one is replaced by rename, and a lock on a replaced file guards nothing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
