"""One question to the index: words as the index has them, the last one as a beginning, best hits first."""

import html
import itertools
import sqlite3
from collections.abc import Sequence

import attrs

from runner.search.schema import KIND_BITS, SEQUENCE_BITS
from runner.search.text import CLOSE, OPEN, line
from runner.search.tokens import Tokeniser

EXPANSIONS = 24
"""Distinct stems that the beginning of a word may stand for."""

POSTINGS = 8_000
"""How many documents the word and its expansions may name together; it bounds the time, not small homes."""

TIES = 64
"""Equals beyond the end of a page that are looked at, to know which of them are on it."""

TOKENS = 64
TITLE_TOKENS, BODY_TOKENS = 16, 32
WEIGHTS = "10.0, 1.0"


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


def run(connection: sqlite3.Connection, tokens: Tokeniser, wanted: Wanted) -> Found:
    """Rank all, then look closely at the page's hits alone. Blocking; one snapshot for all statements."""
    words = list(dict.fromkeys(tokens.words(line(wanted.text))[:-1]))[:TOKENS]
    last = tokens.words(line(wanted.text))[-1:]
    if not last or not wanted.kinds:
        return Found()
    connection.execute("BEGIN")
    try:
        expression = " AND ".join([*map(_quoted, words), _beginning(connection, tokens, last[0])])
        total, page = _ranked(connection, _Ranking(expression, _among(connection, wanted.kinds)), wanted)
        return Found(tuple(_hit(connection, expression, row, score) for row, score in page), total)
    finally:
        connection.execute("COMMIT")


@attrs.frozen
class _Ranking:
    expression: str
    among: str
    """A condition on the number of a document; empty where every kind is wanted."""


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


def _ranked(connection: sqlite3.Connection, ranking: _Ranking, wanted: Wanted) -> tuple[int, list[tuple[int, float]]]:
    """How many there are, and the page's numbers and scores: best first, the newest of equals, then by name."""
    total = connection.execute(
        f"SELECT count(*) FROM words WHERE words MATCH ?{ranking.among}",  # noqa: S608 - numbers of ours
        (ranking.expression,),
    ).fetchone()[0]
    if wanted.offset >= total:
        return total, []
    end = wanted.offset + wanted.limit
    rows = _top(connection, ranking, end + TIES)
    if len(rows) == end + TIES and _place(rows[-1]) == _place(rows[end - 1]):
        rows = _top(connection, ranking, total)  # a heap of equals crosses the page's end
    rows = _settled(connection, rows)
    return total, rows[wanted.offset : end]


def _top(connection: sqlite3.Connection, ranking: _Ranking, count: int) -> list[tuple[int, float]]:
    found = connection.execute(
        f"SELECT rowid, bm25(words, {WEIGHTS}) AS score FROM words WHERE words MATCH ?{ranking.among}"  # noqa: S608
        " ORDER BY score, rowid DESC LIMIT ?",
        (ranking.expression, count),
    )
    return [(row[0], row[1]) for row in found]


def _place(row: tuple[int, float]) -> tuple[float, int]:
    """Score and day: what is equal in both is ordered by name."""
    return row[1], -(row[0] >> SEQUENCE_BITS + KIND_BITS)


def _settled(connection: sqlite3.Connection, rows: list[tuple[int, float]]) -> list[tuple[int, float]]:
    settled: list[tuple[int, float]] = []
    for _, group in itertools.groupby(rows, _place):
        equals = list(group)
        if len(equals) > 1:
            names = {row[0]: _name(connection, row[0]) for row in equals}
            equals.sort(key=lambda row: names[row[0]])
        settled += equals
    return settled


def _name(connection: sqlite3.Connection, number: int) -> tuple[str, str]:
    slug, kind = connection.execute("SELECT slug, kind FROM docs WHERE id = ?", (number,)).fetchone()
    return slug, kind


def _hit(connection: sqlite3.Connection, expression: str, row: int, score: float) -> Hit:
    found = connection.execute(
        "SELECT slug, result_type, date, mood, dream_type, snippet(words, 0, ?, ?, '...', ?) AS title,"
        " snippet(words, 1, ?, ?, '...', ?) AS snippet"
        " FROM words JOIN docs ON docs.id = words.rowid WHERE words MATCH ? AND words.rowid = ?",
        (OPEN, CLOSE, TITLE_TOKENS, OPEN, CLOSE, BODY_TOKENS, expression, row),
    ).fetchone()
    return Hit(
        slug=found["slug"],
        title=_marked(found["title"]),
        result_type=found["result_type"],
        date=found["date"],
        snippet=_marked(found["snippet"]),
        score=round(score, 4) + 0.0,  # never -0.0
        mood=found["mood"],
        dream_type=found["dream_type"],
    )


def _marked(text: str) -> str:
    """Escape first, then our own markers: nothing that was in a text can be a tag."""
    return html.escape(text, quote=False).replace(OPEN, "<mark>").replace(CLOSE, "</mark>")


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
