import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content import titles


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("# Salt", "Salt"),
        ("words\n\n## Salt ##\n# Later", "Salt"),
        ("#no heading\n#\n###   \n# Salt", "Salt"),
        ("Salt and\nair\n===", "air"),
        ("Salt\n---\n", "Salt"),
        ("```\n# code\n```\n# Salt", "Salt"),
        ("~~~~\n# code\n~~~\n# code\n~~~~~\n# Salt", "Salt"),
        ("    # code\n# Salt", "Salt"),
        ("# *Salt* and [air](http://x) `here`", "Salt and air here"),
        ("# snake_case_name 2 * 3", "snake_case_name 2 * 3"),
        ("---\nbroken: [\n---\n", None),
        ("- item\n---\n", None),
        ("words", None),
        ("", None),
        ("# " + "x" * 500, "x" * 200),
    ],
)
def test_the_first_heading_is_found(body: str, found: str | None) -> None:
    """In either of markdown's two forms, outside of code, without its marks and of bearable length."""
    assert titles.heading(body) == found


@pytest.mark.parametrize(
    ("stem", "title"),
    [
        ("2026-02-03-late_night", "Late Night"),
        ("a-walk", "A Walk"),
        ("2026-02-03", "2026 02 03"),
        ("---", "---"),
        ("\x01", "Untitled"),
    ],
)
def test_a_name_is_made_readable(stem: str, title: str) -> None:
    """Dashes are spaces, words begin with a capital, a date before other words goes; something is always left."""
    assert titles.from_name(stem) == title


@given(st.text())
def test_a_line_is_one(text: str) -> None:
    """No control character and no end of a line is left."""
    line = titles.one_line(text)
    assert line == line.strip()
    assert not any(char < " " or char in "\x7f\x85\u2028\u2029" for char in line)
