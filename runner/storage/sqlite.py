"""Opening SQLite databases the same way everywhere: WAL, durable commits, one writer, readers that can't write."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

__all__ = ["BUSY_SECONDS", "checkpoint", "open_reader", "open_writer", "transaction"]

BUSY_SECONDS = 5.0


def open_writer(path: Path, *, mode: int = 0o600) -> sqlite3.Connection:
    """The connection that writes. Made in autocommit, so that `transaction` alone decides where one begins and ends.

    It may be used from any thread, but by one at a time: its owner's limiter sees to that.
    """
    # made with its permissions, which the WAL and shared-memory files beside it then copy
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))
    connection = _connect(path, "rw")
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read; the file has to exist."""
    connection = _connect(path, "ro")
    try:
        connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All or nothing. It takes the write lock at its beginning, so that it never fails halfway for want of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move what the write-ahead log holds into the database file; a reader in the way only leaves some for later."""
    with closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
        cursor.fetchall()
