"""Lines of runner/.env."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.settings.dotenv import parse_env

STEADY = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("  K = v  ", "v"),
        ("export K=v", "v"),
        ("K=", ""),
        ("K='a b'", "a b"),
        ('K="a # b"', "a # b"),
        ('K="a" # said', "a"),
        ("K=a # said", "a"),
        ("K=a#b", "a#b"),
        ("K=#b", "#b"),
        ("K='open", "'open"),
        ("K='a'b", "'a'b"),
        ("K=a=b", "a=b"),
        ("\ufeffK=v", "v"),
    ],
)
def test_values(line: str, value: str) -> None:
    """Quotes around a value come off, comments go, and everything else stays as it is."""
    assert parse_env(line) == ({"K": value}, ())


def test_bad_lines_are_numbered() -> None:
    """What is no value is skipped by its line number; comments and empty lines are fine; the last value wins."""
    assert parse_env("# c\n\nK=1\nnonsense\n=x\nK=2\r\n") == ({"K": "2"}, (4, 5))


@STEADY
@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """No content of the file, however strange, raises."""
    values, bad = parse_env(text)
    assert len(values) + len(bad) <= len(text.splitlines())
