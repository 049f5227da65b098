"""The index's one writer: entries in, entries out, the vocabulary beside them. Blocking; one thread at a time."""

import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TypeAlias

import attrs

from runner.content import Entry
from runner.search import schema, text
from runner.search.text import said
from runner.search.tokens import Tokeniser
from runner.storage import sqlite

PIECES = 6
"""As many of them are no trouble; small changes make and merge some all the time."""

Key: TypeAlias = tuple[str, str]
"""Kind and slug."""


@attrs.define(eq=False)
class Writer:
    """Holds the connection that writes."""

    _connection: sqlite3.Connection
    _tokens: Tokeniser = attrs.field(factory=Tokeniser, init=False)

    @classmethod
    def open(cls, path: Path) -> "Writer":
        return cls(schema.CACHE.open(path))

    def stored(self) -> dict[Key, str]:
        """What the index holds, each with the tag of the answer it was made from."""
        rows = self._connection.execute("SELECT kind, slug, etag FROM docs")
        return {(kind, slug): etag for kind, slug, etag in rows}

    def write(self, entries: Iterable[tuple[Entry, str]], gone: Iterable[Key]) -> None:
        """Put these entries in, each with its kind's word for results, and take those out: all in one transaction."""
        counts: Counter[str] = Counter()
        with sqlite.transaction(self._connection):
            for key in gone:
                counts.subtract(self._take_out(key))
            # ascending numbers, else the index begins a new piece with each
            for entry, result_type in sorted(entries, key=lambda pair: pair[0].date):
                before = self._take_out((entry.kind, entry.slug))
                after = self._put_in(entry, result_type)
                counts.subtract(before - after)
                counts.update(after - before)
            self._count(counts)
            self._connection.execute("UPDATE commits SET number = number + 1")

    def tidy(self) -> bool:
        """Join the pieces of the index where there are many: each question looks into all of them."""
        if self._connection.execute("SELECT count(DISTINCT segid) FROM words_idx").fetchone()[0] <= PIECES:
            return False
        self._connection.execute("INSERT INTO words(words) VALUES ('optimize')")
        sqlite.checkpoint(self._connection)
        return True

    def close(self) -> None:
        self._connection.close()
        self._tokens.close()

    def _take_out(self, key: Key) -> set[str]:
        row = self._connection.execute("SELECT id FROM docs WHERE kind = ? AND slug = ?", key).fetchone()
        if row is None:
            return set()
        read = self._connection.execute("SELECT title, body FROM texts WHERE id = ?", (row[0],)).fetchone()
        title, body = map(self._tokens.form, read)
        self._connection.execute(
            "INSERT INTO words (words, rowid, title, body) VALUES ('delete', ?, ?, ?)", (row[0], title, body)
        )
        self._connection.execute("DELETE FROM texts WHERE id = ?", (row[0],))
        self._connection.execute("DELETE FROM docs WHERE id = ?", (row[0],))
        return self._tokens.vocabulary(f"{title} {body}")

    def _put_in(self, entry: Entry, result_type: str) -> set[str]:
        title, body = text.as_read(entry)
        number = self._number(entry)
        self._connection.execute(
            "INSERT INTO docs (id, kind, slug, etag, result_type, date, mood, dream_type)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                entry.kind,
                entry.slug,
                entry.etag,
                result_type,
                entry.date,
                said(entry, "mood"),
                said(entry, "type"),
            ),
        )
        self._connection.execute("INSERT INTO texts (id, title, body) VALUES (?, ?, ?)", (number, title, body))
        title, body = self._tokens.form(title), self._tokens.form(body)
        self._connection.execute("INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)", (number, title, body))
        return self._tokens.vocabulary(f"{title} {body}")

    def _number(self, entry: Entry) -> int:
        kind = self._kind(entry.kind)
        day = date.fromisoformat(entry.date).toordinal()
        sequence = zlib.crc32(f"{entry.kind}/{entry.slug}".encode())
        while True:
            number = schema.document_number(day, sequence, kind)
            if self._connection.execute("SELECT 1 FROM docs WHERE id = ?", (number,)).fetchone() is None:
                return number
            sequence += 1

    def _kind(self, name: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO kinds (name) VALUES (?)", (name,))
        return int(self._connection.execute("SELECT number FROM kinds WHERE name = ?", (name,)).fetchone()[0])

    def _count(self, counts: Counter[str]) -> None:
        """In how many documents each word is; one that is in none is forgotten."""
        run = self._connection
        fresh: list[str] = []
        less: list[tuple[str]] = []
        for word, change in sorted(counts.items()):
            if change == 0:
                continue
            if change < 0:
                less.append((word,))
            if not run.execute("UPDATE vocabulary SET docs = docs + ? WHERE word = ?", (change, word)).rowcount:
                fresh.append(word)
        run.executemany("DELETE FROM vocabulary WHERE word = ? AND docs <= 0", less)
        run.executemany(
            "INSERT INTO vocabulary (word, stem, docs) VALUES (?, ?, ?)",
            [
                (word, stem, counts[word])
                for word, stem in zip(fresh, self._tokens.stems(fresh), strict=True)
                if counts[word] > 0
            ],
        )
