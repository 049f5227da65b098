"""Titles of texts by the texts' hashes: the first one written stays."""

import sqlite3
from collections.abc import Iterable

import attrs

from runner.ledger import meta

__all__ = ["Title", "add", "get", "import_once"]

IMPORTED = "titles.imported"


@attrs.frozen
class Title:
    """What a text was called, by whom, when, and where it lay."""

    hash: str
    title: str
    model: str
    created: str
    original_path: str


def get(connection: sqlite3.Connection, key: str) -> Title | None:
    row = connection.execute("SELECT * FROM titles WHERE hash = ?", (key,)).fetchone()
    return None if row is None else Title(**row)


def add(connection: sqlite3.Connection, title: Title) -> tuple[Title, bool]:
    """The entry that counts, and whether it is this one."""
    is_new = _insert(connection, title)
    found = get(connection, title.hash)
    assert found is not None
    return found, is_new


def import_once(connection: sqlite3.Connection, titles: Iterable[Title]) -> int | None:
    """Take over the predecessor's registry; None when that has been done before."""
    if not meta.put_new(connection, IMPORTED, "done"):
        return None
    return sum(_insert(connection, title) for title in titles)


def _insert(connection: sqlite3.Connection, title: Title) -> bool:
    cursor = connection.execute(
        "INSERT OR IGNORE INTO titles (hash, title, model, created, original_path) VALUES (?, ?, ?, ?, ?)",
        attrs.astuple(title),
    )
    return cursor.rowcount == 1
