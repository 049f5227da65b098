"""Entries found in another way than by their words: shown like hits, and blended with them."""

from collections.abc import Sequence

import attrs

from runner.content import Catalogue, Entry
from runner.search.excerpt import excerpt
from runner.search.query import BODY_TOKENS, Found, Hit, SearchQuery, hit_of
from runner.search.text import as_read
from runner.search.tokens import FoldedLetters

RANK = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke, Büttcher: SIGIR 2009): how little first ranks stand out."""

DEEPEST = 200
"""Ranks of each list that are blended; a page beyond them is empty."""


def deep(wanted: SearchQuery) -> SearchQuery:
    """The question whose hits are enough to blend the page that is wanted."""
    return attrs.evolve(wanted, offset=0, limit=min(wanted.offset + wanted.limit, DEEPEST))


def blend(wanted: SearchQuery, *rankings: Sequence[Hit]) -> Found:
    """One list of several: who is near the top of many of them comes first.

    Scores are negative and ascend, as those of words do: minus the sum of 1 / (60 + rank) over the lists.
    """
    scores: dict[tuple[str, str], float] = {}
    hits: dict[tuple[str, str], Hit] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            key = hit.result_type, hit.slug
            scores[key] = scores.get(key, 0.0) - 1 / (RANK + rank)
            hits.setdefault(key, hit)  # the first list's marks are kept
    order = sorted(scores, key=lambda key: (scores[key], key))
    page = order[wanted.offset : wanted.offset + wanted.limit]
    return Found(tuple(attrs.evolve(hits[key], score=round(scores[key], 4)) for key in page), len(order))


def as_hits(catalogue: Catalogue, keys: Sequence[tuple[str, str]]) -> tuple[Hit, ...]:
    """Entries by kind and slug as hits with the beginning of their text, nothing marked; what is gone is left out."""
    found, letters = [], FoldedLetters()
    for kind, slug in keys:
        shelf = catalogue.shelf(kind)
        entry = None if shelf is None else shelf.entries.get(slug)
        if shelf is not None and entry is not None:
            found.append(_hit(entry, shelf.kind.singular, letters))
    return tuple(found)


def _hit(entry: Entry, result_type: str, letters: FoldedLetters) -> Hit:
    title, body = as_read(entry)
    return hit_of(entry, result_type, title=title, snippet=excerpt(letters.atoms(body), {}, BODY_TOKENS), score=0.0)
