"""Words exactly as the index sees them: SQLite's own tokenisers are asked, none is imitated.

Plain ASCII is the exception, because it is most of all text and its folding is lower case alone. They look at
one letter at a time, so each other letter is asked for once.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import attrs

PLAIN = "unicode61 remove_diacritics 2"
STEMMED = f"porter {PLAIN}"

SILENT = "\x03"
"""Stands for a letter that is dropped within a word: an accent of its own."""

_ASCII = bytes(range(0x80))
_FOLDED = bytes(
    ord(chr(byte).lower()) if chr(byte).isalnum() else byte if chr(byte) == SILENT else ord(" ") for byte in _ASCII
) + bytes(range(0x80, 0x100))
"""Bytes of UTF-8: those beyond ASCII are as they are."""


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
    _letters: dict[str, str] = attrs.field(factory=dict, init=False)
    """What each letter beyond ASCII that was met is folded to."""

    def words(self, text: str) -> list[str]:
        """Folded words in their order, not stemmed."""
        return [term for _, term in self._tokens("plain", [text.replace("\0", " ")])]

    def vocabulary(self, text: str) -> set[str]:
        """The distinct folded words of a document."""
        return set(self.folded(text).replace(SILENT, "").split())

    def folded(self, text: str) -> str:
        """The text letter by letter as the index has it: blanks between words, `SILENT` for what is dropped in them.

        It is as long as the text, which has to be without control characters.
        """
        foreign = set(text.encode(errors="replace").translate(None, _ASCII).decode())
        if new := sorted(foreign - self._letters.keys()):
            self._letters |= zip(new, self._fold(new), strict=True)
        for letter in foreign:
            if letter != (folded := self._letters[letter]):  # most letters of most scripts stay as they are
                text = text.replace(letter, folded)
        return text.encode(errors="replace").translate(_FOLDED).decode()

    def _fold(self, letters: Sequence[str]) -> list[str]:
        found: list[list[str]] = [[] for _ in letters]
        for number, term in self._tokens("plain", [f"a{letter}b" for letter in letters]):
            found[number].append(term)
        return [" " if len(terms) > 1 else terms[0][1:-1] or SILENT for terms in found]

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
