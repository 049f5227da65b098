"""Opening SQLite databases the same way everywhere: WAL, durable commits, one writer, readers that can't write."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

__all__ = ["BUSY_SECONDS", "checkpoint", "open_reader", "open_writer", "passing", "transaction", "unless_passing"]

BUSY_SECONDS = 5.0

_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""What is wrong with the machine and not with the statement: locked by somebody, a full or failing disk."""


def open_writer(
    path: Path, *, mode: int = 0o600, factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """The connection that writes. Made in autocommit, so that `transaction` alone decides where one begins and ends.

    It may be used from any thread, but by one at a time: its owner's limiter sees to that.
    """
    # made with its permissions, which the WAL and shared-memory files beside it then copy
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))
    connection = _connect(path, "rw", factory)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    """A connection that can only read; the file has to exist."""
    connection = _connect(path, "ro", factory)
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


def passing(error: sqlite3.Error) -> bool:
    """Whether the same statement may well succeed later, with nothing of ours changed."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _PASSING


@contextmanager
def unless_passing() -> Iterator[None]:
    """Go on behind the body when it fails for what passes by itself: for what is tried once and needn't succeed."""
    try:
        yield
    except sqlite3.Error as error:
        if not passing(error):
            raise


def _connect(path: Path, mode: str, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=factory,
    )
    connection.row_factory = sqlite3.Row
    return connection


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move what the write-ahead log holds into the database file; a reader in the way only leaves some for later."""
    with closing(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")) as cursor:
        cursor.fetchall()
