"""The index keeps up with the catalogue by entry, and may be thrown away at any time."""

import sqlite3
from contextlib import closing

import pytest

from runner.search import SearchIndex
from tests.runner.search.conftest import Library


def test_nothing_is_written_without_need(library: Library) -> None:
    """A second start finds the index as it should be; a change concerns its own entry alone."""
    for slug in ("a", "b", "c"):
        library.write(slug, "words")
    assert library.sync() == 3
    library.index.close()
    library.index = SearchIndex(library.index.path)
    assert library.sync() == 0
    library.write("b", "others")
    assert library.sync() == 1
    assert library.slugs("words") == ["a", "c"]


def test_what_is_gone_or_no_entry_any_more_is_found_no_more(library: Library) -> None:
    """A deleted file and one that is no text any more both leave the index, and their words the vocabulary."""
    library.write("a", "seaweed")
    library.write("b", "seagull")
    library.sync()
    assert len(library.slugs("sea")) == 2
    (library.home / "thoughts" / "a.md").unlink()
    (library.home / "thoughts" / "b.md").write_bytes(b"\0" * 50)
    library.sync()
    assert library.slugs("sea") == []
    with sqlite3.connect(library.index.path) as connection:
        assert connection.execute("SELECT count(*) FROM vocabulary").fetchone() == (0,)
    connection.close()


def test_nothing_of_any_script_is_left_of_what_is_gone(library: Library) -> None:
    """What was put in is taken out to the last token: the index keeps no text that it could look at again."""
    texts = ("私は東京2026に行く", "กรุงเทพ น้ำ", "대한민국", "sea🌊 👍🏽 Straße", "مُحَمَّدٌ", "हिन्दी", "tides")
    for number, text in enumerate(texts):
        library.write(f"t{number}", text, title=text)
    library.sync()
    for number, text in enumerate(texts[1:]):
        library.write(f"t{number}", text, title=text)
    library.delete(f"t{len(texts) - 1}")
    library.sync()
    assert library.slugs("東京") == []
    for number in range(len(texts) - 1):
        library.delete(f"t{number}")
    library.sync()
    with closing(sqlite3.connect(library.index.path)) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.tokens USING fts5vocab(main, words, row)")
        assert connection.execute("SELECT term FROM temp.tokens").fetchall() == []
        for table in ("docs", "texts", "vocabulary"):
            assert connection.execute(f"SELECT * FROM {table}").fetchall() == []


def test_without_an_index_nothing_is_found(library: Library) -> None:
    """A question before the first entry is answered, with nothing."""
    assert library.search("tide").total == 0


def test_an_answer_is_kept_until_something_is_written(library: Library) -> None:
    """The same question gets the same object; after a change it is looked up anew."""
    library.write("a", "tide")
    library.sync()
    first = library.search("tide")
    assert library.index.behind(library.catalogue) == []
    assert library.search("tide") is first, "a comparison that finds nothing changes nothing"
    library.write("b", "tide")
    library.sync()
    assert library.search("tide").total == 2


@pytest.mark.parametrize("how", ["garbage", "newer"])
def test_a_file_that_can_not_be_used_is_replaced(library: Library, how: str) -> None:
    """Damage and another version's tables cost a rebuild and nothing else."""
    library.write("a", "tide")
    library.sync()
    library.index.close()
    path = library.index.path
    if how == "garbage":
        path.write_bytes(b"no database at all " * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version=99")
        connection.close()
    library.index = SearchIndex(path)
    assert library.sync() == 1
    assert library.slugs("tide") == ["a"]


def test_damage_met_later_is_mended(library: Library) -> None:
    """Readers of the old file let go of it when a new one has begun."""
    library.write("a", "tide")
    library.sync()
    assert library.slugs("tide") == ["a"]
    library.index.mend()
    assert library.search("tide").total == 0
    assert library.sync() == 1
    assert library.slugs("tide") == ["a"]


def test_tidying_changes_no_answer(library: Library) -> None:
    """Many pieces of the index are joined, once, which leaves what is found as it was."""
    library.sync()
    assert not library.index.tidy()
    with sqlite3.connect(library.index.path) as connection:
        connection.execute("INSERT INTO words(words, rank) VALUES ('automerge', 0)")
    connection.close()
    for number in range(10):
        library.write(f"t{number}", f"tide {number}")
        library.sync()
    before = library.slugs("tide")
    assert library.index.tidy()
    assert not library.index.tidy()
    library.write("last", "ebb")
    library.sync()
    assert library.slugs("tide") == before
