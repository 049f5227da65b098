"""The part of a text that is shown, against what FTS5 shows of it where its words are those of FTS5."""

import sqlite3
from contextlib import closing

import pytest

from runner.search.excerpt import excerpt
from runner.search.text import CLOSE, OPEN
from runner.search.tokens import FoldedLetters

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
    with closing(sqlite3.connect(":memory:")) as run:
        run.execute(
            "CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize='porter unicode61 remove_diacritics 2')"
        )
        run.execute("INSERT INTO words VALUES ('tide', ?)", (text,))
        asked = "SELECT snippet(words, 1, ?, ?, '...', 8) FROM words WHERE words MATCH 'tide'"
        (shown,) = run.execute(asked, (OPEN, CLOSE)).fetchone()
    assert excerpt(FoldedLetters().atoms(text), {("tide",): 1, ("tides",): 1}, 8) == shown


def test_different_words_go_before_many_of_one() -> None:
    """Of the places where something was found the one with most of the words is shown."""
    text = f"tide tide tide {FAR} ebb and tide {FAR}"
    shown = excerpt(FoldedLetters().atoms(text), {("tide",): 1, ("ebb",): 1}, 8)
    assert f"{OPEN}ebb{CLOSE} and {OPEN}tide{CLOSE}" in shown


@pytest.mark.parametrize(
    ("text", "found", "shown"),
    [
        ("私は東京に行く", {("東京",): 2}, "私は[東京]に行く"),
        ("私は東京に行く", {("京に",): 1}, "私は東[京]に行く"),
        ("京都都市の都", {("京都", "都都"): 3}, "[京都都]市の都"),
        ("東京、東京 2026", {("東京", "京", "2026"): 3}, "東京、[東京] [2026]"),
        ("กรุงเทพ", {("งเ",): 1}, "กรุ[ง]เทพ"),
        ("ab 👨‍👩‍👧! c", {("👨‍👩‍👧",): 1}, "ab [👨‍👩‍👧]! c"),
        ("wave❤️wave", {("❤",): 1}, "wave[❤️]wave"),
        ("Straße, naïve", {("strasse",): 1, ("naive",): 1}, "[Straße], [naïve]"),
        ("一二三四五六七八九十", {("五六",): 2}, "...二三四[五六]七八九..."),
        ("一二三四五六七八九十", {}, "一二三四五六七八..."),
    ],
)
def test_marks_stand_around_what_was_found(text: str, found: dict[tuple[str, ...], int], shown: str) -> None:
    """Around its characters and no others, one mark for what stands together, and no cluster is cut."""
    marked = excerpt(FoldedLetters().atoms(text), found, 8)
    assert marked.replace(OPEN, "[").replace(CLOSE, "]") == shown
