"""Texts as words, one way for all: what the index is given, what a question asks, what is looked through and marked.

A text is cut into *atoms*: words between gaps, single units of scripts that have no blanks, single symbols. Each has
one *token*, which is what the index holds. The token of a word or a symbol is itself. That of a unit is the unit and
the one after it, if there is one at once: so a word within a run is found as tokens in a row, of which few are
frequent, and a single unit as what tokens begin with.

Plain ASCII has a way of its own, because it is most of all text: its words are as they are, in lower case.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import add
from typing import TypeAlias

import attrs

from runner.search.letters import Folds, Shape, Shapes

STEMMED = "porter ascii"
"""Words end at blanks, and what is not ASCII stays as it is."""

_ASCII = bytes(range(0x80))
_FOLDED = bytes(ord(chr(byte).lower()) if chr(byte).isalnum() else ord(" ") for byte in _ASCII) + bytes(
    range(0x80, 0x100)
)
"""Bytes of UTF-8: those beyond ASCII are as they are."""

_FEW = 24
"""So many different letters are sooner replaced each in the whole text than the text letter by letter."""

_UNIT = re.compile("u[xsjb]*")
_SYMBOL = "(?:rr|[er])[xs]*(?:j+[er][xs]*)*"
_CUT = re.compile(f"(?P<run>u[uxsjb]*)|{_SYMBOL}")
_ATOM = re.compile(f"[wx][wxsj]*|{_UNIT.pattern}|{_SYMBOL}")
_PLAIN_WORD = re.compile("[A-Za-z0-9]+")
_CUTTING, _SHRINKING = frozenset("uer"), frozenset("sj")

Span: TypeAlias = tuple[int, int]


@attrs.frozen(eq=False)
class Atoms:
    """Those of one text, in their order. Where they stand is looked for when it is needed."""

    text: str
    tokens: Sequence[str]
    _shapes: Shapes

    def places(self, first: int, last: int) -> list[Span]:
        """Where the atoms from the one to the other stand, the second left out."""
        return [match.span() for match in self._matches(first, last)]

    def shapes(self) -> list[Shape]:
        """LETTER for a word, UNIT, or SYMBOL."""
        if self.text.isascii():
            return [Shape.LETTER] * len(self.tokens)
        kinds = {"u": Shape.UNIT, "e": Shape.SYMBOL, "r": Shape.SYMBOL}
        return [kinds.get(match[0][0], Shape.LETTER) for match in self._matches(0, len(self.tokens))]

    def _matches(self, first: int, last: int) -> Iterator[re.Match[str]]:
        if self.text.isascii():
            return islice(_PLAIN_WORD.finditer(self.text), first, last)
        return islice(_ATOM.finditer(self.text.translate(self._shapes)), first, last)


@attrs.define(eq=False)
class FoldedLetters:
    """Texts without a database: what is needed to index them, and to mark what was found."""

    _shapes: Shapes = attrs.field(factory=Shapes, init=False)
    _folds: Folds = attrs.field(factory=Folds, init=False)

    def form(self, text: str) -> str:
        """The tokens with blanks between: for the index, and to look through. Text is composed already (`line`)."""
        if text.isascii():
            return text.encode().translate(_FOLDED).decode()
        letters = "".join(set(text.encode(errors="replace").translate(None, _ASCII).decode()))
        shapes = letters.translate(self._shapes)
        if _CUTTING.isdisjoint(shapes):
            return self._plain(text, letters)
        aligned = _SHRINKING.isdisjoint(shapes) and len(letters.translate(self._folds)) == len(letters)
        folded = self._plain(text, letters) if aligned else ""
        parts, begin = [], 0
        for match in _CUT.finditer(text.translate(self._shapes)):
            start, end = match.span()
            if start > begin:
                parts.append(folded[begin:start] if aligned else self._plain(text[begin:start]))
            parts += self._tokens(text[start:end], match, folded[start:end])
            begin = end
        parts.append(folded[begin:] if aligned else self._plain(text[begin:]))
        return " ".join(parts)

    def vocabulary(self, form: str) -> set[str]:
        """The distinct words of a form, and the single units."""
        tokens = set(form.split())
        if form.isascii():
            return tokens
        units = {head for head in {token[0] for token in tokens} if self._shapes[ord(head)] == "u"}
        words = {token for token in tokens if token[0] not in units}
        if units and "x" in "".join(set(form)).translate(self._shapes):  # else each of them is one character
            units = {self._first(token) for token in tokens - words}
        return words | units

    def atoms(self, text: str) -> Atoms:
        """The same tokens, each with its place in the text."""
        return Atoms(text, self.form(text).split(), self._shapes)

    def _plain(self, text: str, foreign: str = "") -> str:
        """Letter by letter; what is `foreign` in it, if it is known already."""
        if not text.isascii():
            if foreign and len(foreign) <= _FEW:
                for letter in foreign:
                    text = text.replace(letter, self._folds[ord(letter)])
            else:
                text = text.translate(self._folds)
        return text.encode(errors="replace").translate(_FOLDED).decode()

    def _tokens(self, text: str, match: re.Match[str], folded: str) -> list[str]:
        """Those of a run or of a symbol, whose shapes the match has; `folded` is the text, if nothing moved by it."""
        shapes = match[0]
        if match["run"] is None:
            return ["".join([letter for letter, shape in zip(text, shapes, strict=True) if shape != Shape.SILENT])]
        if folded and shapes.count("u") == len(shapes):
            return [*map(add, folded, folded[1:]), folded[-1]]
        units = [self._unit(text[unit.start() : unit.end()]) for unit in _UNIT.finditer(shapes)]
        return [*map(add, units, units[1:]), units[-1]]

    def _first(self, token: str) -> str:
        found = _UNIT.match(token.translate(self._shapes))
        return token[: found.end()] if found is not None else token

    def _unit(self, cluster: str) -> str:
        folded = cluster.translate(self._folds).replace(" ", "")
        return folded if len(cluster) == 1 else unicodedata.normalize("NFC", folded)


def _scratch() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(f"CREATE VIRTUAL TABLE stemmed USING fts5(text, content='', tokenize='{STEMMED}')")
    connection.execute("CREATE VIRTUAL TABLE stemmed_words USING fts5vocab(stemmed, instance)")
    return connection


@attrs.define(eq=False)
class Tokeniser(FoldedLetters):
    """And their stems, for which SQLite is asked: a scratch table that is filled, read and emptied.

    One thread at a time.
    """

    _connection: sqlite3.Connection = attrs.field(factory=_scratch, init=False)

    def stems(self, words: Iterable[str]) -> list[str]:
        """The stem of each token."""
        stems = list(words)
        run = self._connection
        run.execute("BEGIN")
        try:
            run.executemany("INSERT INTO stemmed(rowid, text) VALUES (?, ?)", enumerate(stems))
            for number, term in run.execute("SELECT doc, term FROM stemmed_words").fetchall():
                stems[number] = term
        finally:
            run.execute("ROLLBACK")
        return stems

    def close(self) -> None:
        self._connection.close()
