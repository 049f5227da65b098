"""Small facts about the home itself, by name."""

import sqlite3

__all__ = ["drop", "get", "put", "put_new"]


def get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


def put(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))


def put_new(connection: sqlite3.Connection, key: str, value: str) -> bool:
    """Write a fact that nobody has written yet; False when there is one."""
    cursor = connection.execute("INSERT OR IGNORE INTO meta (key, value) VALUES (?, ?)", (key, value))
    return cursor.rowcount == 1


def drop(connection: sqlite3.Connection, key: str) -> bool:
    """Forget a fact; False when there was none."""
    return connection.execute("DELETE FROM meta WHERE key = ?", (key,)).rowcount == 1
