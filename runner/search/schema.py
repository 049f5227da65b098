"""The tables of `data/search.db`, and how the file is opened. It is a cache: another version is thrown away."""

import sqlite3
from pathlib import Path

from runner.search.tokens import STEMMED
from runner.storage import sqlite

VERSION = 1

TABLES = (
    # the position of a kind in this table is in the number of each of its documents
    "CREATE TABLE kinds (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE docs (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, slug TEXT NOT NULL, etag TEXT NOT NULL, result_type TEXT NOT NULL,
        date TEXT NOT NULL, mood TEXT, dream_type TEXT, UNIQUE (kind, slug)
    )""",
    f"CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize='{STEMMED}')",
    # prefixes are looked up among the words as they are written, which the stemmed table does not know
    """CREATE TABLE vocabulary (
        word TEXT PRIMARY KEY, stem TEXT NOT NULL, docs INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

KIND_BITS, SEQUENCE_BITS = 6, 24


def document_number(day: int, sequence: int, kind: int) -> int:
    """Newer days have greater numbers, and the kind can be told without looking: ranking reads no other table."""
    return ((day << SEQUENCE_BITS | sequence & (1 << SEQUENCE_BITS) - 1) << KIND_BITS) | kind


def open_index(path: Path) -> sqlite3.Connection:
    """The writing connection; a database that is damaged, or of another version, is replaced by an empty one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise  # busy, full, not allowed: no reason to throw it away
    except sqlite3.DatabaseError:
        remove(path)
        return _open(path)


def remove(path: Path) -> None:
    """Away with it; readers keep what they have open until they notice."""
    for name in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        name.unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite.open_writer(path)
    try:
        connection.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes is found again by comparing
        _make_tables(connection)
        connection.execute("SELECT count(*) FROM docs").fetchone()
        connection.execute("SELECT rowid FROM words WHERE words MATCH 'a' LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _make_tables(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == VERSION:
        return
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise sqlite3.DatabaseError(f"version {version}; this program writes {VERSION}")
    with sqlite.transaction(connection):
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
