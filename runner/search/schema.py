"""The tables of `data/search.db`, and how the file is opened. It is a cache: another version is thrown away."""

import sqlite3
import unicodedata

from runner.search.tokens import STEMMED
from runner.storage.cache import Cache

VERSION = 4
"""Goes up when the tables, or what is made of a text, become other ones."""

UNICODE = int(unicodedata.unidata_version.replace(".", ""))
"""Words are taken out of the index as they were put in: another version of Unicode's table may cut them otherwise."""

TABLES = (
    # goes up with each commit: readers tell by it what their snapshot shows
    "CREATE TABLE commits (number INTEGER NOT NULL)",
    "INSERT INTO commits VALUES (0)",
    # the position of a kind in this table is in the number of each of its documents
    "CREATE TABLE kinds (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE docs (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, slug TEXT NOT NULL, etag TEXT NOT NULL, result_type TEXT NOT NULL,
        date TEXT NOT NULL, mood TEXT, dream_type TEXT, UNIQUE (kind, slug)
    )""",
    # as they are read, and beside it the index of their tokens, which keeps no text of its own
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL)",
    f"CREATE VIRTUAL TABLE words USING fts5(title, body, content='', tokenize='{STEMMED}')",
    # prefixes are looked up among the words as they are written, which the stemmed table does not know
    """CREATE TABLE vocabulary (
        word TEXT PRIMARY KEY, stem TEXT NOT NULL, docs INTEGER NOT NULL
    ) WITHOUT ROWID""",
)

KIND_BITS, SEQUENCE_BITS = 6, 24


def document_number(day: int, sequence: int, kind: int) -> int:
    """Newer days have greater numbers, and the kind can be told without looking: ranking reads no other table."""
    return ((day << SEQUENCE_BITS | sequence & (1 << SEQUENCE_BITS) - 1) << KIND_BITS) | kind


def _look(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT count(*) FROM docs").fetchone()
    connection.execute("SELECT rowid FROM words WHERE words MATCH 'a' LIMIT 1").fetchone()


CACHE = Cache(VERSION * 100_000 + UNICODE, TABLES, _look)
