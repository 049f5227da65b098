"""One question to the index: words as the index has them, the last one as a beginning, best hits first."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from operator import itemgetter
from typing import TypeAlias

import attrs

from runner.content import Entry
from runner.search import by_hand
from runner.search.by_hand import Beginnings, Corpus, Folded, Match
from runner.search.excerpt import excerpt
from runner.search.pending import Draft, PendingEntries
from runner.search.ranking import FIRST, Orders, RankedQuestion, Row, name, place
from runner.search.schema import KIND_BITS
from runner.search.terms import Term, terms_of
from runner.search.text import as_read, line, marked, said
from runner.search.tokens import Atoms, FoldedLetters, Tokeniser

EXPANSIONS = 24
"""Distinct stems that the beginning of a word may stand for."""

POSTINGS = 8_000
"""How many documents the word and its expansions may name together; it bounds the time, not small homes."""

MANY = 2_500
"""A word in as many documents is ranked ahead of time; in a home with fewer documents nothing is."""

PREPARED = 600
"""Such words at the most."""

NOTHING_WAITS = PendingEntries()

Place: TypeAlias = tuple[float, int, tuple[str, str]]
"""Score, day and name: the order of hits wherever they come from."""

DOCUMENT = "SELECT slug, result_type, date, mood, dream_type, title, body FROM docs JOIN texts USING (id) WHERE id = ?"

TITLE_TOKENS, BODY_TOKENS = 16, 32


@attrs.frozen(kw_only=True)
class SearchQuery:
    """What is looked for. `kinds` are names of content kinds."""

    text: str
    kinds: tuple[str, ...]
    limit: int
    offset: int


@attrs.frozen(kw_only=True)
class Hit:
    """One document; title and snippet are HTML with no other tag than `<mark>`."""

    slug: str
    title: str
    result_type: str
    date: str
    snippet: str
    score: float
    mood: str | None
    dream_type: str | None


@attrs.frozen
class Found:
    """A page of hits and how many there are in all."""

    hits: tuple[Hit, ...] = ()
    total: int = 0


class NoMeaningError(Exception):
    """Searching by meaning is not possible now; the text says why."""


@attrs.frozen(eq=False)
class _Stored:
    """A document of the index that was found: no word of it has to be looked for quickly."""

    entry: sqlite3.Row
    score: float
    title: Atoms
    body: Atoms
    words: Folded

    def may_have(self, beginnings: Beginnings, letters: FoldedLetters) -> bool:  # noqa: ARG002 - it has them
        return True

    def folded(self, letters: FoldedLetters) -> Folded:  # noqa: ARG002 - it is
        return self.words


def run(
    connection: sqlite3.Connection,
    tokens: Tokeniser,
    orders: Orders,
    wanted: SearchQuery,
    waiting: PendingEntries = NOTHING_WAITS,
) -> Found:
    """Rank all, then look closely at the page's hits alone. Blocking; one snapshot for all statements.

    What waits must have been read before: of what was committed since, the older answer is as good as the newer one.
    """
    if not wanted.kinds:
        return Found()
    with _snapshot(connection):
        terms = terms_of(line(wanted.text), tokens, partial(_beginning, connection, tokens))
        if not terms:
            return Found()
        expression = " AND ".join(term.expression() for term in terms)
        asked = RankedQuestion(_state(connection), expression, _among(connection, wanted.kinds), waiting.keys())
        end = wanted.offset + wanted.limit
        order = orders.of(connection, asked, end)
        if not waiting.drafts:
            return Found(tuple(_hits(connection, order.places(wanted.offset, end), terms, tokens)), order.total)
        matches = by_hand.find(waiting.of(wanted.kinds), terms, tokens)
        scores = by_hand.scores(matches, terms, _corpus(connection), tokens)
        places: list[tuple[Place, Row | Match[Draft]]] = [
            ((*place(row), name(connection, row[0])), row) for row in order.places(0, end)
        ]
        places += [(_place_of(match.text.entry, score), match) for match, score in zip(matches, scores, strict=True)]
        places.sort(key=itemgetter(0))
        page = places[wanted.offset : end]
        taken_in = _hits(connection, [there for _, there in page if not isinstance(there, Match)], terms, tokens)
        hits = (
            _hit_by_hand(there, where[0], tokens) if isinstance(there, Match) else next(taken_in)
            for where, there in page
        )
        return Found(tuple(hits), order.total + len(matches))


def frequent(connection: sqlite3.Connection) -> list[str]:
    """The words that it takes long to rank, those in most documents first."""
    rows = connection.execute(
        "SELECT word FROM vocabulary WHERE docs >= ? ORDER BY docs DESC LIMIT ?", (MANY, PREPARED)
    )
    return [row[0] for row in rows]


def prepare(
    connection: sqlite3.Connection, tokens: Tokeniser, orders: Orders, asked: str, kinds: Sequence[str]
) -> None:
    """Have the order ready in which this word's first pages are. Blocking."""
    with _snapshot(connection):
        terms = terms_of(asked, tokens, partial(_beginning, connection, tokens))
        expression = " AND ".join(term.expression() for term in terms)
        orders.of(connection, RankedQuestion(_state(connection), expression, _among(connection, kinds)), FIRST)


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def _state(connection: sqlite3.Connection) -> int:
    """Which commit the snapshot shows."""
    return int(connection.execute("SELECT number FROM commits").fetchone()[0])


def _beginning(connection: sqlite3.Connection, tokens: Tokeniser, word: str) -> dict[str, str]:
    """The word itself and the words that begin with it, the frequent ones first, each stem once: words by stem."""
    own = tokens.stems([word])[0]
    rows = connection.execute(
        "SELECT stem, min(word), sum(docs) AS places FROM vocabulary WHERE word >= ? AND word < ?"
        " GROUP BY stem ORDER BY stem = ? DESC, places DESC, stem LIMIT ?",
        (word, word + "\U0010ffff", own, EXPANSIONS),
    )
    chosen = {own: word}
    left, found = POSTINGS, False
    for stem, longer, places in rows:
        left -= places
        if stem == own:
            found = True
            continue  # the word itself, always looked for
        if left < 0 and (found or len(chosen) > 1):
            break  # the word is there itself, or has one that it may stand for: enough, where there is so much
        chosen[stem] = longer
    return chosen


def _corpus(connection: sqlite3.Connection) -> Corpus:
    """The index keeps its sums under this number: rows, then the words of each column."""
    row = connection.execute("SELECT block FROM words_data WHERE id = 1").fetchone()
    documents, *lengths = _numbers(row[0]) if row is not None and row[0] else (0,)
    return Corpus(documents, sum(lengths), partial(_having, connection))


def _having(connection: sqlite3.Connection, phrase: str) -> int:
    found = connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (phrase,))
    return int(found.fetchone()[0])


def _numbers(block: bytes) -> list[int]:
    """SQLite's varints: seven bits a byte, the highest first; none of ours is so long that it has a ninth."""
    found, number = [], 0
    for byte in block:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            found.append(number)
            number = 0
    return found


def _place_of(entry: Entry, score: float) -> Place:
    return score, -date.fromisoformat(entry.date).toordinal(), (entry.slug, entry.kind)


def _hit_by_hand(match: Match[Draft], score: float, letters: FoldedLetters) -> Hit:
    entry = match.text.entry
    title, body = as_read(entry)
    return hit_of(
        entry,
        match.text.result_type,
        title=excerpt(letters.atoms(title), match.found, TITLE_TOKENS),
        snippet=excerpt(letters.atoms(body), match.found, BODY_TOKENS),
        score=score,
    )


def hit_of(entry: Entry, result_type: str, *, title: str, snippet: str, score: float) -> Hit:
    """An entry that was not found in the index. Title and snippet are text, with `OPEN` and `CLOSE` around words."""
    return Hit(
        slug=entry.slug,
        title=marked(title),
        result_type=result_type,
        date=entry.date,
        snippet=marked(snippet),
        score=round(score, 4) + 0.0,
        mood=said(entry, "mood"),
        dream_type=said(entry, "type"),
    )


def _among(connection: sqlite3.Connection, kinds: Sequence[str]) -> str:
    numbers = {name: int(number) for number, name in connection.execute("SELECT number, name FROM kinds")}
    if set(numbers) <= set(kinds):
        return ""
    chosen = ", ".join(str(numbers[name]) for name in kinds if name in numbers)
    return f" AND rowid & {(1 << KIND_BITS) - 1} IN ({chosen})"


def _hits(
    connection: sqlite3.Connection, rows: Iterable[Row], terms: Sequence[Term], tokens: Tokeniser
) -> Iterator[Hit]:
    """Documents that were found, each with the words marked that fit."""
    stored = []
    for number, score in rows:
        entry = connection.execute(DOCUMENT, (number,)).fetchone()
        title, body = tokens.atoms(entry["title"]), tokens.atoms(entry["body"])
        words = Folded.joined(" ".join(title.tokens), " ".join(body.tokens))
        stored.append(_Stored(entry, score, title, body, words))
    matches = {id(match.text): match.found for match in by_hand.find(stored, terms, tokens)}
    for document in stored:
        entry, found = document.entry, matches.get(id(document), {})
        yield Hit(
            slug=entry["slug"],
            title=marked(excerpt(document.title, found, TITLE_TOKENS)),
            result_type=entry["result_type"],
            date=entry["date"],
            snippet=marked(excerpt(document.body, found, BODY_TOKENS)),
            score=round(document.score, 4) + 0.0,  # never -0.0
            mood=entry["mood"],
            dream_type=entry["dream_type"],
        )
