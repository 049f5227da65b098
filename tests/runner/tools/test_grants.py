"""The grant of a running session: found by its mark, refused when there is none, and heeded by every command."""

from pathlib import Path

import pytest

from runner.tools import grants as grant
from runner.tools.capabilities import Grant

ID = "20260302-090005"


def marked(name: str) -> dict[str, str]:
    return {"CLAUDE_SESSION_ID": name, "CLAUDE_HOME": "/somewhere"}


@pytest.fixture
def tmp(tmp_path: Path) -> Path:
    (tmp_path / ID).mkdir()
    return tmp_path


@pytest.mark.parametrize("kept", [Grant(), Grant(("letter",), ()), Grant(("letter", "impulse"), ("mira", "tom"))])
def test_a_session_finds_its_own(tmp: Path, kept: Grant) -> None:
    """What was kept is found again by the mark in the environment; nobody else may read the file."""
    grant.keep(tmp / ID, kept)
    assert grant.of_caller(marked(ID), tmp) == kept
    assert (tmp / ID / "grant.json").stat().st_mode & 0o777 == 0o600


def test_outside_of_sessions_there_is_none(tmp: Path) -> None:
    """Whoever bears no mark is no session."""
    assert grant.of_caller({}, tmp) is None
    assert grant.of_caller(marked(""), tmp) is None
    assert grant.of_caller({"CLAUDE_SESSION_ID": "another-program-has-it-too"}, tmp) is None


@pytest.mark.parametrize("name", [ID, "20260302-120005", "../" + ID, "..", "/etc", "a b", "a\n"])
def test_a_session_that_does_not_run_may_nothing(tmp: Path, name: str) -> None:
    """One that has ended, another home's, and what is no name at all are refused, not taken for nobody."""
    with pytest.raises(grant.CommandRefused, match="is not running in this home"):
        grant.of_caller(marked(name), tmp)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"commands": 5, "letters_to": null}', '{"commands": []}'])
def test_a_broken_permit_permits_nothing(tmp: Path, content: str) -> None:
    """Half a file, or one of another form, is none."""
    (tmp / ID / "grant.json").write_text(content)
    with pytest.raises(grant.CommandRefused):
        grant.of_caller(marked(ID), tmp)


def test_what_is_refused_is_said() -> None:
    """The words name what the session has, and to whom it may write."""
    with pytest.raises(grant.CommandRefused, match="has no `letter`; the commands it has: schedule"):
        grant.check_letter(Grant(("schedule",)), "mira")
    with pytest.raises(grant.CommandRefused, match="letters it holds: mira"):
        grant.check_letter(Grant(("letter",), ("mira",)), "tom")
    with pytest.raises(grant.CommandRefused, match="letters it holds: nobody"):
        grant.check_letter(Grant(("letter",), ()), "tom")
    grant.check_letter(Grant(("letter",), ("mira",)), "mira")
    grant.check_letter(grant.EVERYTHING, "tom")
