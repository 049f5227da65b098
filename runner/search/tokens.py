"""Texts as words, one way for all: what the index is given, what a question asks, what is looked through and marked.

A text is cut into *atoms*: words between gaps, single units of scripts that have no blanks, single symbols. Each has one
*token*, which is what the index holds. The token of a word or a symbol is itself. That of a unit is the unit and the one
after it, if there is one at once: so a word within a run is found as tokens in a row, of which few are frequent, and a
single unit as what tokens begin with.

Plain ASCII has a way of its own, because it is most of all text: its words are as they are, in lower case.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, pairwise
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
_WORD = "[wx][wxsj]*"
_RUN = "u[uxsjb]*"
_SYMBOL = "(?:rr|[er])[xs]*(?:j+[er][xs]*)*"
_CUT = re.compile(f"(?P<run>{_RUN})|{_SYMBOL}")
_ATOMS = re.compile(f"(?P<word>{_WORD})|(?P<run>{_RUN})|{_SYMBOL}")
_PLAIN_WORDS = re.compile("[a-z0-9]+")
_CUTTING = frozenset((Shape.UNIT, Shape.SYMBOL, Shape.FLAG))


Span: TypeAlias = tuple[int, int]


@attrs.frozen(eq=False)
class Atoms:
    """Those of one text, in their order."""

    tokens: Sequence[str]
    shapes: Sequence[Shape]
    """LETTER, UNIT or SYMBOL."""
    spans: Callable[[int, int], Sequence[Span]]
    """Where the atoms from the one to the other stand, the second left out; not made before it is needed."""


@attrs.define(eq=False)
class Letters:
    """Texts without a database: what is needed to index them, and to mark what was found."""

    _shapes: Shapes = attrs.field(factory=Shapes, init=False)
    _folds: Folds = attrs.field(factory=Folds, init=False)

    def form(self, text: str) -> str:
        """The tokens with blanks between: for the index, and to look through. Text is composed already (`line`)."""
        if text.isascii():
            return text.encode().translate(_FOLDED).decode()
        foreign = text.encode(errors="replace").translate(None, _ASCII).decode()
        letters = set(foreign)
        if _CUTTING.isdisjoint(map(self._shapes.__getitem__, map(ord, letters))):
            return self._plain(text, letters)
        parts, begin = [], 0
        for match in _CUT.finditer(text.translate(self._shapes)):
            if (start := match.start()) > begin:
                parts.append(self._plain(text[begin:start]))
            begin = match.end()
            parts += self._tokens(text[start:begin], match)
        parts.append(self._plain(text[begin:]))
        return " ".join(parts)

    def vocabulary(self, form: str) -> set[str]:
        """The distinct words of a form, and the single units."""
        tokens = set(form.split())
        return tokens if form.isascii() else {self._first(token) for token in tokens}

    def atoms(self, text: str) -> Atoms:
        """The same tokens, each with its place in the text."""
        if text.isascii():
            lower = text.lower()
            tokens = _PLAIN_WORDS.findall(lower)
            return Atoms(
                tokens,
                [Shape.LETTER] * len(tokens),
                lambda first, last: [match.span() for match in islice(_PLAIN_WORDS.finditer(lower), first, last)],
            )
        tokens, shapes, spans = [], [], []
        for match in _ATOMS.finditer(text.translate(self._shapes)):
            begin, end = match.span()
            if match["word"] is not None:
                tokens.append(self._plain(text[begin:end]))
                shapes.append(Shape.LETTER)
                spans.append((begin, end))
            else:
                tokens += self._tokens(text[begin:end], match)
                if match["run"] is None:
                    shapes.append(Shape.SYMBOL)
                    spans.append((begin, end))
                else:
                    places = [(begin + unit.start(), begin + unit.end()) for unit in _UNIT.finditer(match[0])]
                    shapes += [Shape.UNIT] * len(places)
                    spans += places
        return Atoms(tokens, shapes, lambda first, last: spans[first:last])

    def _plain(self, text: str, foreign: set[str] | None = None) -> str:
        if not text.isascii():
            if foreign is not None and len(foreign) <= _FEW:
                for letter in foreign:
                    text = text.replace(letter, self._folds[ord(letter)])
            else:
                text = text.translate(self._folds)
        return text.encode(errors="replace").translate(_FOLDED).decode()

    def _tokens(self, text: str, match: re.Match[str]) -> list[str]:
        """Those of a run or of a symbol, whose shapes the match has."""
        shapes = match[0]
        if match["run"] is None:
            return ["".join([letter for letter, shape in zip(text, shapes, strict=True) if shape != Shape.SILENT])]
        folded = text.translate(self._folds)
        units: Sequence[str] = folded
        if shapes.count(Shape.UNIT) != len(shapes) or len(folded) != len(text):
            units = [self._unit(text[unit.start() : unit.end()]) for unit in _UNIT.finditer(shapes)]
        return [*map("".join, pairwise(units)), units[-1]]

    def _unit(self, cluster: str) -> str:
        folded = cluster.translate(self._folds).replace(" ", "")
        return folded if len(cluster) == 1 else unicodedata.normalize("NFC", folded)

    def _first(self, token: str) -> str:
        if token.isascii() or self._shapes[ord(token[0])] != Shape.UNIT:
            return token
        found = _UNIT.match(token.translate(self._shapes))
        return token[: found.end()] if found is not None else token


def _scratch() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.execute(f"CREATE VIRTUAL TABLE stemmed USING fts5(text, content='', tokenize='{STEMMED}')")
    connection.execute("CREATE VIRTUAL TABLE stemmed_words USING fts5vocab(stemmed, instance)")
    return connection


@attrs.define(eq=False)
class Tokeniser(Letters):
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
