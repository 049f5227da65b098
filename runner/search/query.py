"""One question to the index: words as the index has them, the last one as a beginning, best hits first."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import attrs

from runner.search.ranking import FIRST, Orders, Question
from runner.search.schema import KIND_BITS
from runner.search.text import CLOSE, OPEN, line, marked
from runner.search.tokens import Tokeniser

EXPANSIONS = 24
"""Distinct stems that the beginning of a word may stand for."""

POSTINGS = 8_000
"""How many documents the word and its expansions may name together; it bounds the time, not small homes."""

MANY = 2_500
"""A word in as many documents is ranked ahead of time; in a home with fewer documents nothing is."""

PREPARED = 600
"""Such words at the most."""

TOKENS = 64
TITLE_TOKENS, BODY_TOKENS = 16, 32


@attrs.frozen(kw_only=True)
class Wanted:
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


def run(connection: sqlite3.Connection, tokens: Tokeniser, orders: Orders, wanted: Wanted) -> Found:
    """Rank all, then look closely at the page's hits alone. Blocking; one snapshot for all statements."""
    words = list(dict.fromkeys(tokens.words(line(wanted.text))[:-1]))[:TOKENS]
    last = tokens.words(line(wanted.text))[-1:]
    if not last or not wanted.kinds:
        return Found()
    with _snapshot(connection):
        expression = " AND ".join([*map(_quoted, words), _beginning(connection, tokens, last[0])])
        asked = Question(_state(connection), expression, _among(connection, wanted.kinds))
        end = wanted.offset + wanted.limit
        order = orders.of(connection, asked, end)
        page = order.places(wanted.offset, end)
        return Found(tuple(_hit(connection, expression, row, score) for row, score in page), order.total)


def frequent(connection: sqlite3.Connection) -> list[str]:
    """The words that it takes long to rank, those in most documents first."""
    rows = connection.execute(
        "SELECT word FROM vocabulary WHERE docs >= ? ORDER BY docs DESC LIMIT ?", (MANY, PREPARED)
    )
    return [row[0] for row in rows]


def prepare(connection: sqlite3.Connection, tokens: Tokeniser, orders: Orders, word: str, kinds: Sequence[str]) -> None:
    """Have the order ready in which this word's first pages are. Blocking."""
    with _snapshot(connection):
        expression = _beginning(connection, tokens, word)
        orders.of(connection, Question(_state(connection), expression, _among(connection, kinds)), FIRST)


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


def _beginning(connection: sqlite3.Connection, tokens: Tokeniser, word: str) -> str:
    """The word itself and the words that begin with it, the frequent ones first, each stem once."""
    own = tokens.stems([word])[0]
    rows = connection.execute(
        "SELECT stem, min(word), sum(docs) AS places FROM vocabulary WHERE word >= ? AND word < ?"
        " GROUP BY stem ORDER BY stem = ? DESC, places DESC, stem LIMIT ?",
        (word, word + "\U0010ffff", own, EXPANSIONS),
    )
    chosen = [word]
    left, found = POSTINGS, False
    for stem, longer, places in rows:
        left -= places
        if stem == own:
            found = True
            continue  # the word itself, always looked for
        if left < 0 and (found or len(chosen) > 1):
            break  # the word is there itself, or has one that it may stand for: enough, where there is so much
        chosen.append(longer)
    return "(" + " OR ".join(map(_quoted, chosen)) + ")"


def _among(connection: sqlite3.Connection, kinds: Sequence[str]) -> str:
    numbers = {name: int(number) for number, name in connection.execute("SELECT number, name FROM kinds")}
    if set(numbers) <= set(kinds):
        return ""
    chosen = ", ".join(str(numbers[name]) for name in kinds if name in numbers)
    return f" AND rowid & {(1 << KIND_BITS) - 1} IN ({chosen})"


def _hit(connection: sqlite3.Connection, expression: str, row: int, score: float) -> Hit:
    found = connection.execute(
        "SELECT slug, result_type, date, mood, dream_type, snippet(words, 0, ?, ?, '...', ?) AS title,"
        " snippet(words, 1, ?, ?, '...', ?) AS snippet"
        " FROM words JOIN docs ON docs.id = words.rowid WHERE words MATCH ? AND words.rowid = ?",
        (OPEN, CLOSE, TITLE_TOKENS, OPEN, CLOSE, BODY_TOKENS, expression, row),
    ).fetchone()
    return Hit(
        slug=found["slug"],
        title=marked(found["title"]),
        result_type=found["result_type"],
        date=found["date"],
        snippet=marked(found["snippet"]),
        score=round(score, 4) + 0.0,  # never -0.0
        mood=found["mood"],
        dream_type=found["dream_type"],
    )


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
