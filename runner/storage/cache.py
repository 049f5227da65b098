"""SQLite files that may be thrown away at any time: what is damaged, or of another version, is begun anew."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from runner.storage import sqlite

__all__ = ["Cache"]


@attrs.frozen
class Cache:
    """What such a file holds. `version` goes up whenever the tables, or what their rows mean, become other ones."""

    version: int
    tables: Sequence[str]
    look: Callable[[sqlite3.Connection], object]
    """Reads a little of everything: damage is to show when the file is opened."""

    def open(self, path: Path) -> sqlite3.Connection:
        """The writing connection, to a file that can be used."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._open(path)
        except sqlite3.OperationalError:
            raise  # busy, full, not allowed: no reason to throw it away
        except sqlite3.DatabaseError:
            self.remove(path)
            return self._open(path)

    def remove(self, path: Path) -> None:
        """Away with it; readers keep what they have open until they notice."""
        for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
            name.unlink(missing_ok=True)

    def _open(self, path: Path) -> sqlite3.Connection:
        connection = sqlite.open_writer(path)
        try:
            connection.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes is found again by comparing
            self._make_tables(connection)
            self.look(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == self.version:
            return
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError(f"version {version}; this program writes {self.version}")
        with sqlite.transaction(connection):
            for statement in self.tables:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={self.version}")
