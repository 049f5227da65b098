"""Impulses: kept in the known form, bounded, and gone when their time is over."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.triggers.impulses import ImpulseRefused, Impulses

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def actions(impulses: Impulses) -> list[str]:
    return [json.loads(line)["action"] for line in impulses.log.read_text().splitlines()]


def test_one_is_kept_listed_and_dropped(tmp_path: Path) -> None:
    """The file is a list of objects with the five known fields; the log tells what happened."""
    impulses = Impulses(tmp_path / "data")
    made = impulses.add("  water the fern ", now=NOW)
    (stored,) = json.loads(impulses.path.read_text())
    assert stored == {
        "id": made.id,
        "body": "water the fern",
        "urgency": "low",
        "created_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(days=7)).isoformat(),
    }
    assert impulses.live(NOW) == (made,)
    assert impulses.drop(made.id, now=NOW) == made
    assert impulses.live(NOW) == ()
    assert actions(impulses) == ["added", "dropped"]


def test_limits_are_told(tmp_path: Path) -> None:
    """Empty, over 280 characters, an unknown urgency, a twenty-first, and an unknown id are refused with the reason."""
    impulses = Impulses(tmp_path / "data")
    with pytest.raises(ImpulseRefused, match="there are none"):
        impulses.drop("imp_1", now=NOW)
    for body, urgency, words in (
        (" ", "low", "needs words"),
        ("x" * 281, "low", "at most 280"),
        ("x", "now", "allowed"),
    ):
        with pytest.raises(ImpulseRefused, match=words):
            impulses.add(body, now=NOW, urgency=urgency)
    for number in range(20):
        impulses.add("x" * 280, now=NOW, life=timedelta(days=1 + number))
    with pytest.raises(ImpulseRefused, match="20 impulses live already"):
        impulses.add("one more", now=NOW)
    assert impulses.add("room again", now=NOW + timedelta(days=1)).body == "room again"
    with pytest.raises(ImpulseRefused, match="there is no impulse 'imp_x'; there are: imp_"):
        impulses.drop("imp_x", now=NOW)


def test_the_expired_move_to_the_log(tmp_path: Path) -> None:
    """They are not listed, and the sweep takes them out of the file once."""
    impulses = Impulses(tmp_path / "data")
    assert impulses.sweep(NOW) == 0
    impulses.add("brief", now=NOW, life=timedelta(hours=1))
    impulses.add("long", now=NOW)
    later = NOW + timedelta(hours=2)
    assert [impulse.body for impulse in impulses.live(later)] == ["long"]
    assert (impulses.sweep(later), impulses.sweep(later)) == (1, 0)
    assert actions(impulses) == ["added", "added", "expired"]


def test_a_hand_written_file_is_read(tmp_path: Path) -> None:
    """Missing fields get their usual values; what is no list is an error that names the file."""
    impulses = Impulses(tmp_path)
    impulses.path.write_text('[{"body": "old wish", "urgency": "sometime"}, 5]')
    (found,) = impulses.live(NOW)
    assert (found.id, found.urgency, found.body) == ("imp_1", "low", "old wish")
    impulses.path.write_text("{}")
    with pytest.raises(ImpulseRefused, match=r"impulses\.json holds no list"):
        impulses.live(NOW)
