"""Databases are opened durable, private, and with readers that can't write."""

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from runner.storage import sqlite


def test_writer(tmp_path: Path) -> None:
    """The writer uses the write-ahead log, full durability and five seconds of patience, in a private file."""
    path = tmp_path / "a?b#c%.db"
    connection = sqlite.open_writer(path)
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "busy_timeout")
    }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000}
    connection.close()
    assert path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_reader(tmp_path: Path) -> None:
    """A reader sees what is committed, can't write, and makes no database."""
    path = tmp_path / "a.db"
    with pytest.raises(sqlite3.OperationalError):
        sqlite.open_reader(path)
    assert not path.exists()
    writer = sqlite.open_writer(path)
    writer.execute("CREATE TABLE t (n)")
    reader = sqlite.open_reader(path)
    with sqlite.transaction(writer) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        assert reader.execute("SELECT COUNT(*) FROM t").fetchone()[0] == 0
    assert reader.execute("SELECT n FROM t").fetchone()["n"] == 1
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (2)")
    sqlite.checkpoint(writer)
    reader.close()
    writer.close()
    assert [item.name for item in tmp_path.iterdir()] == ["a.db"]


def test_transaction_rolls_back(tmp_path: Path) -> None:
    """An error inside takes everything back, and the connection goes on working."""
    connection = sqlite.open_writer(tmp_path / "a.db")
    connection.execute("CREATE TABLE t (n)")

    def fail(statement: str) -> None:
        with sqlite.transaction(connection):
            connection.execute(statement)
            raise RuntimeError

    # the second as SQLite itself does it when the disk is full
    for statement in ("INSERT INTO t VALUES (1)", "ROLLBACK"):
        with pytest.raises(RuntimeError):
            fail(statement)
    with sqlite.transaction(connection):
        connection.execute("INSERT INTO t VALUES (2)")
    assert [row["n"] for row in connection.execute("SELECT n FROM t")] == [2]
    connection.close()


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Two processes' writers take turns instead of failing."""
    path = tmp_path / "a.db"
    first = sqlite.open_writer(path)
    first.execute("CREATE TABLE t (n)")

    def add() -> None:
        connection = sqlite.open_writer(path)
        for _ in range(20):
            with sqlite.transaction(connection):
                count = connection.execute("SELECT COUNT(*) FROM t").fetchone()[0]
                connection.execute("INSERT INTO t VALUES (?)", (count,))
        connection.close()

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [row["n"] for row in first.execute("SELECT n FROM t ORDER BY n")] == list(range(60))
    first.close()


def test_no_database(tmp_path: Path) -> None:
    """A file that is none is refused when opened, and left as it was."""
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database, not even nearly one" * 40)
    before = path.read_bytes()
    with pytest.raises(sqlite3.DatabaseError):
        sqlite.open_writer(path)
    assert path.read_bytes() == before
