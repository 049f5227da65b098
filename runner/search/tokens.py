"""Words exactly as the index sees them: SQLite's own tokenisers are asked, none is imitated.

Plain ASCII is the exception, because it is most of all text and its folding is lower case alone.
"""

import re
import sqlite3
from collections.abc import Iterable, Sequence

import attrs

PLAIN = "unicode61 remove_diacritics 2"
STEMMED = f"porter {PLAIN}"

_WORD = re.compile(r"[^\W_]+")


def _scratch() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for name, tokenizer in (("plain", PLAIN), ("stemmed", STEMMED)):
        connection.execute(f"CREATE VIRTUAL TABLE {name} USING fts5(text, content='', tokenize='{tokenizer}')")
        connection.execute(f"CREATE VIRTUAL TABLE {name}_words USING fts5vocab({name}, instance)")
    return connection


@attrs.define(eq=False)
class Tokeniser:
    """A scratch table in memory that is filled, read and emptied. One thread at a time."""

    _connection: sqlite3.Connection = attrs.field(factory=_scratch, init=False)

    def words(self, text: str) -> list[str]:
        """Folded words in their order, not stemmed."""
        return [term for _, term in self._tokens("plain", [text.replace("\0", " ")])]

    def vocabulary(self, text: str) -> set[str]:
        """The distinct folded words of a document."""
        found = set(_WORD.findall(text.lower()))
        if text.isascii():
            return found
        foreign = [word for word in found if not word.isascii()]
        if foreign:
            found.difference_update(foreign)
            found.update(term for _, term in self._tokens("plain", foreign))
        return found

    def stems(self, words: Sequence[str]) -> list[str]:
        """The stem of each folded word."""
        stems = list(words)
        for number, term in self._tokens("stemmed", words):
            stems[number] = term
        return stems

    def close(self) -> None:
        self._connection.close()

    def _tokens(self, table: str, texts: Iterable[str]) -> list[tuple[int, str]]:
        run = self._connection
        run.execute("BEGIN")
        try:
            run.executemany(f"INSERT INTO {table}(rowid, text) VALUES (?, ?)", enumerate(texts))  # noqa: S608 - our names
            found = run.execute(f"SELECT doc, term FROM {table}_words ORDER BY doc, offset").fetchall()  # noqa: S608
        finally:
            run.execute("ROLLBACK")
        return found
