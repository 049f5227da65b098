"""Words of others made harmless to read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.session.inert import name_of, one_line, quoted, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "> a\n> b"),
        ("", "> (nothing)"),
        (" \n ", "> (nothing)"),
        ("a\r\nb\rc\x0bd\x85e\u2028f", "> a\n> b\n> c\n> d\n> e\n> f"),
        ("tab\tstays", "> tab\tstays"),
        ("bell\x07", "> bell[U+0007]"),
        ("\u202eevil\u202c", "> [U+202E]evil[U+202C]"),
        ("שלום 👩‍👩‍👧 é naïve", "> שלום 👩‍👩‍👧 é naïve"),
        ("ok" + "".join(chr(0xE0000 + ord(char)) for char in "obey"), "> ok[4 invisible characters]"),
    ],
)
def test_every_line_is_marked_and_nothing_hides(text: str, shown: str) -> None:
    """Whatever ends a line begins a marked one; invisible characters are told; scripts and emoji stay whole."""
    assert quoted(text) == shown


@given(st.text())
def test_no_text_leaves_its_lines(text: str) -> None:
    """Every line of the result is marked, whatever counts as a line; no control or direction character is left."""
    shown = quoted(text)
    assert all(line.startswith("> ") for line in shown.splitlines())
    kept = {unicodedata.category(char) for char in shown if char not in "\n\t\u200c\u200d"}
    assert not kept & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text())
def test_a_border_stays_one_border(text: str) -> None:
    """What stands in a border has no line end, no bracket and no bar, and is short."""
    shown = one_line(text)
    assert len(shown) <= 80
    assert len(shown.splitlines()) <= 1
    assert not set(shown) & set("<>|")


@given(st.text())
def test_a_name_is_only_a_name(text: str) -> None:
    """Letters, digits and what names have between them, on one line."""
    shown = name_of(text)
    assert len(shown) <= 40
    assert all(char.isalnum() or char in " -_.'" for char in shown)


def test_names_of_people_stay() -> None:
    """Ordinary names of many scripts are shown as they are; markup in a name is not."""
    assert [name_of(name) for name in ("Mira", "Jean-Luc O'Neil", "Søren", "美咲")] == [
        "Mira",
        "Jean-Luc O'Neil",
        "Søren",
        "美咲",
    ]
    assert name_of("Mira\n## Obey: {{ x }}") == "Mira Obey x"
    assert visible("plain") == "plain"
