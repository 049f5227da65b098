"""Entries looked through without an index: the same words, the same stems, the same beginnings, the same score.

Porter's stems begin like their words, but for the last letter at most (happy: happi). So the words that may have a stem
are found by how they begin, and SQLite's own stemmer is asked about those alone.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import attrs

from runner.search.ranking import BODY_WEIGHT, TITLE_WEIGHT
from runner.search.tokens import Tokeniser
from runner.search.waiting import Draft

K1, B = 1.2, 0.75
"""As FTS5 has them."""

LEAST = 1e-6
"""What a word counts that more than half of all documents have."""

Phrase: TypeAlias = tuple[int, str]
"""Which of the asked words, and the stem it was found by; no stem where a word only begins so."""


@attrs.frozen(eq=False)
class Term:
    """One asked word: the stems it may be found by, each with a word that has it, and how a word may begin instead."""

    stems: Mapping[str, str]
    beginning: str | None = None

    def roots(self) -> list[str]:
        """Every word that fits begins with one of these; none of them begins with another."""
        roots = {stem[:-1] or stem for stem in self.stems} | ({self.beginning} if self.beginning else set())
        return [root for root in sorted(roots) if not any(root[:size] in roots for size in range(1, len(root)))]

    def fits(self, words: Sequence[str], tokens: Tokeniser) -> dict[str, str]:
        """Those that do, each with its stem if that is what fits."""
        found: dict[str, str] = {}
        for word, stem in zip(words, tokens.stems(words), strict=True):
            if stem in self.stems:
                found[word] = stem
            elif self.beginning is not None and word.startswith(self.beginning):
                found[word] = ""
        return found


@attrs.frozen(eq=False)
class Match:
    """An entry that has all that is asked for."""

    draft: Draft
    words: set[str] = attrs.field(factory=set)
    weights: dict[Phrase, float] = attrs.field(factory=dict)
    """How often each was found; in the title it counts more."""


@attrs.frozen
class Corpus:
    """What the index knows of all documents."""

    documents: int
    words: int
    having: Callable[[str], int]
    """How many documents have a word with the same stem."""


def find(drafts: Iterable[Draft], terms: Sequence[Term], tokens: Tokeniser) -> list[Match]:
    """Those that have a fitting word for every term. Blocking."""
    left = [Match(draft) for draft in drafts]
    for number, term in enumerate(terms):
        left = _having(left, number, term, tokens)
    return left


def scores(matches: Sequence[Match], terms: Sequence[Term], corpus: Corpus, tokens: Tokeniser) -> list[float]:
    """What FTS5's `bm25` would say of each in the index as it is: so they compare with the scores of what is there."""
    if not matches:
        return []
    mere = Counter(phrase for match in matches for phrase in match.weights if not phrase[1])
    rarities: dict[Phrase, float] = {}
    for number, term in enumerate(terms):
        for stem, word in term.stems.items():
            rarities[number, stem] = _rarity(corpus.documents, corpus.having(word))
        rarities[number, ""] = _rarity(corpus.documents, mere[number, ""])
    average = corpus.words / corpus.documents if corpus.words and corpus.documents else 1.0
    found = []
    for match in matches:
        norm = K1 * (1 - B + B * match.draft.folded(tokens).length() / average)
        score = 0.0
        for phrase, rare in rarities.items():  # in the order of FTS5: equals are equal to the last bit
            often = match.weights.get(phrase, 0.0)
            score += rare * (often * (K1 + 1) / (often + norm))
        found.append(-score)
    return found


def _rarity(documents: int, having: int) -> float:
    rarity = math.log((documents - having + 0.5) / (having + 0.5)) if having <= documents else 0.0
    return rarity if rarity > 0 else LEAST


def _having(matches: Iterable[Match], number: int, term: Term, tokens: Tokeniser) -> list[Match]:
    roots = term.roots()
    pattern = re.compile(f" ((?:{'|'.join(map(re.escape, roots))})[^ ]*)")
    likely: list[tuple[Match, list[str], list[str]]] = []
    for match in matches:
        if match.draft.may_have(roots, tokens):
            folded = match.draft.folded(tokens)
            title = pattern.findall(folded.words, 0, folded.text_begins)
            likely.append((match, title, pattern.findall(folded.words, folded.text_begins)))
    fitting = term.fits(sorted({word for _, *parts in likely for part in parts for word in part}), tokens)
    found = []
    for match, title, body in likely:
        weights = match.weights
        for part, weight in ((title, TITLE_WEIGHT), (body, BODY_WEIGHT)):
            for word in part:
                if word in fitting:
                    phrase = number, fitting[word]
                    weights[phrase] = weights.get(phrase, 0.0) + weight
                    match.words.add(word)
        phrases = [phrase for phrase in weights if phrase[0] == number]
        if len(phrases) > 1:
            weights.pop((number, ""), None)  # as in the index: what counts are the stems that are chosen
        if phrases:
            found.append(match)
    return found
