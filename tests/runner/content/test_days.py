from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content import days

NEW_YORK = ZoneInfo("America/New_York")
WRITTEN = 1_767_225_600 * 10**9
"""Midnight UTC of 2026-01-01; in New York it is still the day before."""


@pytest.mark.parametrize("written", ["2026-05-04", " 2026-05-04 ", "2026-05-04T23:59:00-05:00", "2026-05-04 10:00"])
def test_what_is_written_as_it_should_be_is_no_guess(written: str) -> None:
    """A day, with or without a time behind it, is taken as it stands."""
    assert days.day_of(written, "2026-01-01", WRITTEN, NEW_YORK) == days.Day("2026-05-04")


@pytest.mark.parametrize(
    "written",
    [
        "2026-5-4",
        "2026/05/04",
        "2026.5.4",
        "20260504",
        "4 May 2026",
        "4th of May, 2026",
        "4. May 2026",
        "4-May-2026",
        "May 4, 2026",
        "may 4th 2026",
        "Monday, 4 May 2026",
        "Mon May 4 2026",
        "4.5.2026",
        "04. 05. 2026",
        "2026-05-04Z",
        "2026\u201305\u201304",
        "2026\u5e745\u67084\u65e5",
        "\uff12\uff10\uff12\uff16-05-04",
    ],
)
def test_a_day_that_people_write_is_read_and_told(written: str) -> None:
    """Whatever order its parts can be told in: it is that day, and the right spelling is named."""
    day = days.day_of(written, "2026-01-01", WRITTEN, NEW_YORK)
    assert (day.text, "write it as YYYY-MM-DD" in day.guessed) == ("2026-05-04", True)


@pytest.mark.parametrize(
    ("written", "day"), [("13/5/2026", "2026-05-13"), ("5/13/2026", "2026-05-13"), ("5/5/2026", "2026-05-05")]
)
def test_where_only_one_order_makes_a_day_it_is_that(written: str, day: str) -> None:
    """Two peoples write day and month the other way round; a thirteenth month there is none."""
    assert days.day_of(written, "x", WRITTEN, NEW_YORK).text == day


@pytest.mark.parametrize(
    "written", [None, "", "soon", "2026-02-30", "3/4/2026", "true", "9" * 5000, "2026-13-01", "0000-01-01"]
)
@pytest.mark.parametrize(
    ("stem", "day", "taken"),
    [
        ("2026-02-03-noon", "2026-02-03", "name"),
        ("a-walk-2026-2-3", "2026-02-03", "name"),
        ("20260203_noon", "2026-02-03", "name"),
        ("2026-02-30", "2025-12-31", "written"),
        ("99999999", "2025-12-31", "written"),
        ("a-walk", "2025-12-31", "written"),
    ],
)
def test_else_it_is_the_names_and_else_the_files(written: str | None, stem: str, day: str, taken: str) -> None:
    """What is no day, or could be two, is not taken; where the day came from is told."""
    found = days.day_of(written, stem, WRITTEN, NEW_YORK)
    assert found.text == day
    assert taken in found.guessed
    assert ("is missing" in found.guessed) is not bool(written)


@given(st.text(max_size=60), st.text(max_size=30), st.integers(-(2**63), 2**63))
def test_there_is_always_a_day(written: str, stem: str, mtime_ns: int) -> None:
    """Whatever is written, named and stamped: the contract's form comes out, and a real day."""
    assert days._is_real(days.day_of(written, stem, mtime_ns, NEW_YORK).text)
