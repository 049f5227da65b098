"""The files of own wakes keep the form that other programs read."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from runner.triggers.selfwake import Fired, Pending
from runner.triggers.selfwake_file import SelfWakeFile

ZONE = ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> SelfWakeFile:
    return SelfWakeFile(tmp_path / "data", ZONE)


def wish(reason: str = 'say "hello"', hours: int = 2) -> Pending:
    return Pending(wake_at=NOON + timedelta(hours=hours), reason=reason, created_at=NOON)


def test_what_is_set_is_read_back(file: SelfWakeFile) -> None:
    """The file has exactly the three known fields with New York's offset, and clearing it gives what it held."""
    assert file.pending() is None
    assert file.set(wish()) is None
    assert json.loads(file.path.read_text()) == {
        "wake_at": "2026-03-02T14:00:00-05:00",
        "reason": 'say "hello"',
        "created_at": "2026-03-02T12:00:00-05:00",
    }
    assert file.pending() == wish()
    assert file.set(wish("another")) == wish()
    assert file.clear() == wish("another")
    assert file.pending() is None
    assert file.clear() is None


def test_clearing_one_leaves_another(file: SelfWakeFile) -> None:
    """A wake that was set meanwhile is not cleared in place of the one that fired."""
    file.set(wish(hours=4))
    assert file.clear(wish(hours=2)) is None
    assert file.pending() == wish(hours=4)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"wake_at": "soon", "reason": "x"}', '{"wake_at": 5}'])
def test_rubbish_is_nothing(file: SelfWakeFile, content: str) -> None:
    """A file that another program broke is no wake, and a new one can be set over it."""
    file.data.mkdir()
    file.path.write_text(content)
    assert file.pending() is None
    file.set(wish())
    assert file.pending() == wish()


def test_times_without_an_offset_are_the_homes(file: SelfWakeFile) -> None:
    """The predecessor's file may lack an offset."""
    file.data.mkdir()
    file.path.write_text('{"wake_at": "2026-03-02T14:00:00", "reason": "x"}')
    found = file.pending()
    assert found is not None
    assert found.wake_at == NOON + timedelta(hours=2)


def test_the_history_is_told_once(file: SelfWakeFile) -> None:
    """A wake that began is one line, however often it is noted; quotes in a reason stay valid JSON."""
    file.data.mkdir()
    began = NOON + timedelta(hours=2, seconds=3)
    file.note(wish(), began)
    file.note(wish(), began)
    (line,) = file.history.read_text().splitlines()
    assert json.loads(line) == {
        "date": "2026-03-02",
        "wake_at": "2026-03-02T14:00:00-05:00",
        "reason": 'say "hello"',
        "fired_at": "2026-03-02T14:00:03-05:00",
    }
    with file.history.open("a") as history:
        history.write('{"date": "2026-03-02", "reason": "a " quote"}\n{"date": "x", "wake_at": "y"}\n')
    assert file.fired() == (Fired(date(2026, 3, 2), began),)
