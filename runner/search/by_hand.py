"""Entries looked through without an index: the same words, the same stems, the same beginnings, the same score.

Words that may fit are found by how they begin, and SQLite's own stemmer is asked about those alone.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs

from runner.search.ranking import BODY_WEIGHT, TITLE_WEIGHT
from runner.search.terms import Row, Term
from runner.search.tokens import FoldedLetters, Tokeniser

K1, B = 1.2, 0.75
"""As FTS5 has them."""

LEAST = 1e-6
"""What a word counts that more than half of all documents have."""

Phrase: TypeAlias = tuple[int, str]
"""Which of the asked terms, and the stem it was found by; no stem where a word only begins so."""

Beginnings: TypeAlias = Sequence[Sequence[str]]


@attrs.define(eq=False)
class Folded:
    """A text's tokens with a blank before each; the title ends where the text begins."""

    words: str
    text_begins: int
    _length: int = attrs.field(default=-1, init=False)

    @classmethod
    def of(cls, title: str, text: str, letters: FoldedLetters) -> "Folded":
        return cls.joined(letters.form(title), letters.form(text))

    @classmethod
    def joined(cls, title: str, text: str) -> "Folded":
        """Of two forms."""
        return cls(f" {title} {text}", len(title) + 1)

    def length(self) -> int:
        """How many tokens it has, counted when somebody asks."""
        if self._length < 0:
            self._length = len(self.words.split())
        return self._length

    def may_have(self, beginnings: Beginnings) -> bool:
        """False only where, of one of the words, none begins as it has to."""
        return all(any(f" {beginning}" in self.words for beginning in word) for word in beginnings)


class FoldedText(Protocol):
    """What is looked through."""

    def may_have(self, beginnings: Beginnings, letters: FoldedLetters) -> bool:
        """Quick: False only where the words can't be in it."""
        ...

    def folded(self, letters: FoldedLetters) -> Folded:
        """Its words exactly."""
        ...


T = TypeVar("T", bound=FoldedText)


@attrs.frozen(eq=False)
class Match(Generic[T]):
    """One that has all that is asked for."""

    text: T
    found: dict[Row, int] = attrs.field(factory=dict)
    """Tokens in a row that fit, each with the number of atoms that they cover."""
    weights: dict[Phrase, float] = attrs.field(factory=dict)
    """How often each was found; in the title it counts more."""


@attrs.frozen
class Corpus:
    """What the index knows of all documents."""

    documents: int
    words: int
    having: Callable[[str], int]
    """How many documents have what FTS5 is asked for so."""


def find(texts: Iterable[T], terms: Sequence[Term], tokens: Tokeniser) -> list[Match[T]]:
    """Those that have what fits for every term. Blocking."""
    left = [Match(text) for text in texts]
    for number, term in enumerate(terms):
        left = _having(left, number, term, tokens)
    return left


def scores(matches: Sequence[Match[T]], terms: Sequence[Term], corpus: Corpus, letters: FoldedLetters) -> list[float]:
    """What FTS5's `bm25` would say of each in the index as it is: so they compare with the scores of what is there."""
    if not matches:
        return []
    mere = Counter(phrase for match in matches for phrase in match.weights if not phrase[1])
    rarities: dict[Phrase, float] = {}
    for number, term in enumerate(terms):
        phrases = term.phrases()
        for stem, asked in phrases.items():
            rarities[number, stem] = _rarity(corpus.documents, corpus.having(asked))
        if "" not in phrases:
            rarities[number, ""] = _rarity(corpus.documents, mere[number, ""])
    average = corpus.words / corpus.documents if corpus.words and corpus.documents else 1.0
    found = []
    for match in matches:
        norm = K1 * (1 - B + B * match.text.folded(letters).length() / average)
        score = 0.0
        for phrase, rare in rarities.items():  # in the order of FTS5: equals are equal to the last bit
            often = match.weights.get(phrase, 0.0)
            score += rare * (often * (K1 + 1) / (often + norm))
        found.append(-score)
    return found


def _rarity(documents: int, having: int) -> float:
    rarity = math.log((documents - having + 0.5) / (having + 0.5)) if having <= documents else 0.0
    return rarity if rarity > 0 else LEAST


def _having(matches: Iterable[Match[T]], number: int, term: Term, tokens: Tokeniser) -> list[Match[T]]:
    roots = term.roots()
    pattern = _pattern(roots)
    likely: list[tuple[Match[T], Mapping[Row, int], Mapping[Row, int]]] = []
    for match in matches:
        if match.text.may_have(roots, tokens):
            folded = match.text.folded(tokens)
            title = _rows(pattern, folded.words, 0, folded.text_begins)
            likely.append((match, title, _rows(pattern, folded.words, folded.text_begins, len(folded.words))))
    fitting = term.fits(sorted({row for _, *parts in likely for part in parts for row in part}), tokens)
    found = []
    for match, title, body in likely:
        weights = match.weights
        for part, weight in ((title, TITLE_WEIGHT), (body, BODY_WEIGHT)):
            for row, often in part.items():
                if row in fitting:
                    phrase = number, fitting[row]
                    weights[phrase] = weights.get(phrase, 0.0) + weight * often
                    match.found[row] = max(match.found.get(row, 0), term.atoms)
        phrases = [phrase for phrase in weights if phrase[0] == number]
        if len(phrases) > 1:
            weights.pop((number, ""), None)  # as in the index: what counts are the stems that are chosen
        if phrases:
            found.append(match)
    return found


def _pattern(roots: Beginnings) -> re.Pattern[str]:
    """The first token is taken and the others are looked at: rows may overlap."""
    first, *others = (f"((?:{'|'.join(map(re.escape, root))})[^ ]*)" for root in roots)
    return re.compile(f" {first}" + (f"(?= +{' +'.join(others)})" if others else ""))


def _rows(pattern: re.Pattern[str], words: str, begin: int, end: int) -> Mapping[Row, int]:
    """Each that may fit, and how often it is there."""
    found = Counter(pattern.findall(words, begin, end))
    return found if pattern.groups > 1 else {(word,): often for word, often in found.items()}
