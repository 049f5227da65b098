"""The part of a text that is shown, against what FTS5 shows of it."""

import sqlite3
from contextlib import closing

import pytest

from runner.search.excerpt import excerpt
from runner.search.text import CLOSE, OPEN
from runner.search.tokens import STEMMED, Tokeniser

FAR = "far " * 50


@pytest.mark.parametrize(
    "text",
    [
        "tide",
        "«The Tide» and — the tides!",
        "nothing of that kind",
        FAR.strip(),
        "two tide tide 3.14 Tíde t\u0303ide",
        f"{FAR}the tide.",
        f"tide {FAR}",
        "",
    ],
)
def test_it_is_what_the_index_shows(text: str) -> None:
    """Short texts whole, long ones in part, each hit in its marks and nothing else touched."""
    tokens = Tokeniser()
    with closing(sqlite3.connect(":memory:")) as run:
        run.execute(f"CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize='{STEMMED}')")
        run.execute("INSERT INTO words VALUES ('tide', ?)", (text,))
        asked = "SELECT snippet(words, 1, ?, ?, '...', 8) FROM words WHERE words MATCH 'tide'"
        (shown,) = run.execute(asked, (OPEN, CLOSE)).fetchone()
    assert excerpt(text, {"tide", "tides"}, 8, tokens) == shown
    tokens.close()


def test_different_words_go_before_many_of_one() -> None:
    """Of the places where something was found the one with most of the words is shown."""
    text = f"tide tide tide {FAR} ebb and tide {FAR}"
    shown = excerpt(text, {"tide", "ebb"}, 8, Tokeniser())
    assert f"{OPEN}ebb{CLOSE} and {OPEN}tide{CLOSE}" in shown
