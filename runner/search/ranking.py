"""The order of all that is found, and the orders that are remembered until the index is written again.

Ranking is what a question costs: a document's score is looked at for each that is found, however few are shown. So an
order once made serves every page of it, and, made ahead of time, the first who asks.
"""

import itertools
import sqlite3
import threading
from array import array
from collections import OrderedDict
from typing import TypeAlias

import attrs

from runner.search.schema import KIND_BITS, SEQUENCE_BITS

FIRST = 50
"""Places that are worked out at least: the largest page."""

TIES = 64
"""Equals beyond the last place that are looked at, to know which of them have a place."""

REMEMBERED = 2_048
TITLE_WEIGHT, BODY_WEIGHT = 10.0, 1.0
WEIGHTS = f"{TITLE_WEIGHT}, {BODY_WEIGHT}"

WITHOUT = (
    " AND words.rowid NOT IN (SELECT docs.id FROM json_each(?) AS waiting CROSS JOIN docs"
    " ON docs.kind = json_extract(waiting.value, '$[0]') AND docs.slug = json_extract(waiting.value, '$[1]'))"
)

Row: TypeAlias = tuple[int, float]
"""A document's number and its score."""


@attrs.frozen
class RankedQuestion:
    """What is ranked. The state is the commit that it was asked of."""

    state: int
    expression: str
    among: str
    """A condition on the number of a document; empty where every kind is wanted."""
    without: str = ""
    """Keys of documents that are left out, as JSON; empty for none."""

    def condition(self) -> str:
        return f"words MATCH ?{self.among}{WITHOUT if self.without else ''}"

    def values(self) -> tuple[str, ...]:
        return (self.expression, self.without) if self.without else (self.expression,)


@attrs.frozen
class Ranking:
    """How many there are, and the first of them: best first, the newest of equals, then by name."""

    total: int
    numbers: "array[int]"
    scores: "array[float]"

    def reaches(self, end: int) -> bool:
        """Whether the places up to this one are known."""
        return len(self.numbers) >= min(end, self.total)

    def places(self, begin: int, end: int) -> list[Row]:
        return list(zip(self.numbers[begin:end], self.scores[begin:end], strict=True))


@attrs.define(eq=False)
class Orders:
    """Those last asked for. Several threads use it."""

    _known: OrderedDict[RankedQuestion, Ranking] = attrs.field(factory=OrderedDict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def of(self, connection: sqlite3.Connection, asked: RankedQuestion, end: int) -> Ranking:
        """The order of all that is found, known up to this place. Blocking, in the snapshot of the question's state."""
        with self._lock:
            known = self._known.get(asked)
            if known is not None:
                self._known.move_to_end(asked)
        if known is None or not known.reaches(end):
            known = rank(connection, asked, max(end, FIRST))
            with self._lock:
                self._known[asked] = known
                while len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)
        return known

    def forget(self) -> None:
        """The index was written."""
        with self._lock:
            self._known.clear()


def rank(connection: sqlite3.Connection, asked: RankedQuestion, end: int) -> Ranking:
    """Look at all of them."""
    total = connection.execute(
        f"SELECT count(*) FROM words WHERE {asked.condition()}",  # noqa: S608 - numbers of ours
        asked.values(),
    ).fetchone()[0]
    rows = _top(connection, asked, end + TIES)
    if len(rows) == end + TIES and place(rows[-1]) == place(rows[end - 1]):
        rows = _top(connection, asked, total)  # a heap of equals crosses the last place
    rows = _settled(connection, rows)[:end]
    return Ranking(total, array("q", [row[0] for row in rows]), array("d", [row[1] for row in rows]))


def _top(connection: sqlite3.Connection, asked: RankedQuestion, count: int) -> list[Row]:
    found = connection.execute(
        f"SELECT rowid, bm25(words, {WEIGHTS}) AS score FROM words WHERE {asked.condition()}"  # noqa: S608
        " ORDER BY score, rowid DESC LIMIT ?",
        (*asked.values(), count),
    )
    return [(row[0], row[1]) for row in found]


def place(row: Row) -> tuple[float, int]:
    """Score and day: what is equal in both is ordered by name."""
    return row[1], -(row[0] >> SEQUENCE_BITS + KIND_BITS)


def _settled(connection: sqlite3.Connection, rows: list[Row]) -> list[Row]:
    settled: list[Row] = []
    for _, group in itertools.groupby(rows, place):
        equals = list(group)
        if len(equals) > 1:
            names = {row[0]: name(connection, row[0]) for row in equals}
            equals.sort(key=lambda row: names[row[0]])
        settled += equals
    return settled


def name(connection: sqlite3.Connection, number: int) -> tuple[str, str]:
    """What orders equals."""
    slug, kind = connection.execute("SELECT slug, kind FROM docs WHERE id = ?", (number,)).fetchone()
    return slug, kind
