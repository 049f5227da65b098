"""An order once made is used again, and never for an index that was written since."""

import sqlite3
from collections.abc import Callable

import pytest

from runner.search import query, ranking
from tests.runner.search.conftest import KINDS, Library

Counted = Callable[[], int]


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """How often everything that is found was looked at."""
    calls: list[ranking.RankedQuestion] = []
    real = ranking.rank

    def counted(connection: sqlite3.Connection, asked: ranking.RankedQuestion, end: int) -> ranking.Ranking:
        calls.append(asked)
        return real(connection, asked, end)

    monkeypatch.setattr(ranking, "rank", counted)
    return lambda: len(calls)


def crowd(library: Library, count: int) -> None:
    """Equals on two days, and a few better ones."""
    for number in range(count):
        better = "tide " * (number % 40 == 0)
        library.write(f"{number:03}", f"{better}tide and ebb", date=f"2026-03-{number % 2 + 1:02}")
    library.sync()


def test_pages_are_parts_of_one_order(library: Library, ranked: Counted) -> None:
    """Page by page, in any size, each hit comes once and in the order that a single large page has."""
    crowd(library, 230)
    whole = [hit.slug for hit in library.search("tide", limit=300).hits]
    assert len(set(whole)) == 230
    assert ranked() == 1
    library.write("other", "no such word")
    library.sync()
    for size in (7, 20, 50):
        pages = [library.search("tide", limit=size, offset=first) for first in range(0, 230, size)]
        assert [hit.slug for page in pages for hit in page.hits] == whole
        assert {page.total for page in pages} == {230}
    assert library.search("tide", offset=230).hits == ()


def test_an_order_serves_more_than_one_question(library: Library, ranked: Counted) -> None:
    """Another page, another size and another way of writing the word are no reason to rank again."""
    library.write("dream", "sand", kind="dreams")
    crowd(library, 60)
    for text, limit, offset in (("ebb", 20, 0), ("ebb", 10, 20), ("Ebb.", 20, 0), ("EBB", 50, 0)):
        assert library.search(text, limit=limit, offset=offset).total == 60
    assert ranked() == 1
    assert library.search("ebb", kinds=("thoughts",)).total == 60
    assert ranked() == 2, "other kinds are another question"


def test_what_was_written_is_ranked_anew(library: Library, ranked: Counted) -> None:
    """No order outlives a change: what is gone has no place, what is new has its own; also in a mended index."""
    crowd(library, 3)
    assert len(library.slugs("tide")) == 3
    (library.home / "thoughts" / "001.md").unlink()
    library.write("new", "tide tide tide tide")
    library.sync()
    assert library.slugs("tide") == ["new", "000", "002"]
    library.index.mend()
    library.write("only", "tide")
    (library.home / "thoughts" / "000.md").unlink()
    assert library.slugs("tide") == []
    library.sync()
    assert set(library.slugs("tide")) == {"only", "new", "002"}


def test_frequent_words_are_ranked_before_anybody_asks(
    library: Library, ranked: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each word that is in many documents, for each set of kinds; then its first question costs no ranking."""
    monkeypatch.setattr(query, "MANY", 10)
    crowd(library, 20)
    library.write("rare", "seldom")
    library.write("dream", "sand", kind="dreams")
    library.sync()
    assert set(library.index.prepare([KINDS, ("thoughts",)])) == {"tide", "and", "ebb", "plain"}
    before = ranked()
    assert library.search("ebb").total == 20
    assert library.search("plain", kinds=("thoughts",)).total == 21
    assert ranked() == before
    library.search("seldom")
    assert ranked() == before + 1
    assert list(library.index.prepare([KINDS])) == [], "it is done"


def test_preparing_ends_when_something_is_written(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would make is of no use any more."""
    monkeypatch.setattr(query, "MANY", 10)
    crowd(library, 20)
    steps = library.index.prepare([KINDS])
    next(steps)
    library.write("new", "tide")
    library.sync()
    assert list(steps) == []


def test_nothing_is_prepared_in_a_small_home(library: Library) -> None:
    """Nor where there is no index yet."""
    assert list(library.index.prepare([KINDS])) == []
    crowd(library, 20)
    assert list(library.index.prepare([KINDS])) == []


def test_only_so_many_orders_are_remembered(library: Library, ranked: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one not asked for longest is forgotten first."""
    monkeypatch.setattr(ranking, "REMEMBERED", 2)
    crowd(library, 3)
    for number, text in enumerate(("tide", "ebb", "tide", "and", "tide")):
        library.search(text, limit=number + 1)
    assert ranked() == 3
    library.search("ebb", limit=40)
    assert ranked() == 4
