"""Texts and figures from outside, as encoders and databases take them."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from runner.storage import sqlite
from runner.storage.storable import Storing, cleaned, encodable


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("plain", "plain"),
        ("naïve \N{WATER WAVE}", "naïve \N{WATER WAVE}"),
        ("\ud83c\udf0a", "\N{WATER WAVE}"),
        ("a\ud800b", "a?b"),
        ("\udf0a\ud83c", "??"),
        ("é\udce9", "é?"),
    ],
)
def test_halves_of_characters_become_encodable(given: str, right: str) -> None:
    """What is whole stays; two halves in their order are one character; a half alone is a question mark."""
    assert encodable(given) == right
    assert cleaned({given: [given, {"x": (given, 1, None)}]}) == {right: [right, {"x": [right, 1, None]}]}


def test_a_statement_takes_every_value(tmp_path: Path) -> None:
    """Nothing is refused for its size or its letters, by position or by name; what fits is stored as it is."""
    odd = [2**63, -(2**70), float("nan"), float("inf"), "a\ud800\0b", "plain", 7, 1.5, None, b"\0", True]
    with closing(sqlite.open_writer(tmp_path / "x.db", factory=Storing)) as ledger:
        found = [ledger.execute("SELECT ?", (value,)).fetchone()[0] for value in odd]
        named = [ledger.execute("SELECT :v", {"v": value}).fetchone()[0] for value in odd]
    assert found == named == [2**63 - 1, -(2**63) + 1, None, None, "a?\0b", "plain", 7, 1.5, None, b"\0", 1]


def test_what_passes_is_told_from_what_does_not(tmp_path: Path) -> None:
    """A lock that another holds passes by itself; a statement that is wrong is wrong for ever."""
    with (
        closing(sqlite.open_writer(tmp_path / "x.db")) as one,
        closing(sqlite3.connect(tmp_path / "x.db", timeout=0, isolation_level=None)) as other,
    ):
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as locked:
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as wrong:
            other.execute("SELECT * FROM nowhere")
        assert (sqlite.passing(locked.value), sqlite.passing(wrong.value)) == (True, False)
        with sqlite.unless_passing():
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError), sqlite.unless_passing():
            other.execute("SELECT * FROM nowhere")
