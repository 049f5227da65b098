"""What a session learns about itself: mood and its fading, inner thread, drift, impulses, mirror."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.session.sources import (
    ambient_state,
    drift_context,
    impulse_context,
    inner_thread_context,
    mirror_context,
)
from runner.session.sources.base import Gather, MissingError
from tests.runner.session.asking import NOON, ask_for, write


def mood(**changes: Any) -> dict[str, Any]:
    return {
        "session": "2026-03-02-morning",
        "session_type": "morning",
        "timestamp": (NOON - timedelta(hours=6)).isoformat(),
        "mood_words": ["settled", "open"],
        "blended": {"valence": 0.4, "arousal": -0.15},
        "journal_length": 1640,
    } | changes


async def ambient(home: Path, state: object, now: datetime = NOON) -> str:
    write(home / "data" / "mood-state.json", json.dumps(state))
    return await ambient_state.gather(ask_for(home, now=now))


async def test_the_mood_fades_by_the_hour(tmp_path: Path) -> None:
    """After six hours 49 % is left; who, when, words, both pairs of values and the length are told."""
    told = await ambient(tmp_path, mood())
    assert "the morning self, 6 hours ago, at 6:05 AM" in told
    assert "settled, open; valence +0.40, arousal -0.15" in told
    assert "Still there: valence +0.20, arousal -0.07" in told
    assert "1,640 words" in told
    assert "not how you have to be" in told


@pytest.mark.parametrize(
    ("hours", "left"), [(0, 1.0), (3, 0.7), (6, 0.49), (5.83, 0.5), (24, 0.06), (-5, 1.0), (10_000, 0.0)]
)
def test_the_formula(hours: float, left: float) -> None:
    """What is left of 1 after so many hours, to two decimals; a clock that was put back leaves everything."""
    assert ambient_state.residual(1.0, hours) == left


@given(st.floats(-1, 1), st.floats(0, 1e6), st.floats(0, 1e6))
def test_fading_never_grows(value: float, first: float, more: float) -> None:
    """The longer ago, the less is left, and it never changes its sign."""
    assert abs(ambient_state.residual(value, first + more)) <= abs(ambient_state.residual(value, first)) <= 1
    assert ambient_state.residual(value, first) * value >= 0


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("dusk", "the dusk self"),
        ("telegram", "answered on Telegram"),
        ("correspondence", "answered letters"),
        ("brunch", "an earlier self"),
    ],
)
async def test_who_left_it_is_named(tmp_path: Path, kind: str, who: str) -> None:
    """Scheduled types by their name, others by what they did, unknown ones as an earlier self."""
    assert who in await ambient(tmp_path, mood(session_type=kind, mood_words=[]))
    assert "(no words)" in await ambient(tmp_path, mood(mood_words=None, journal_length=None))


@pytest.mark.parametrize(
    "state",
    [
        [],
        mood(timestamp=None),
        mood(timestamp="2026-03-02T06:00:00"),
        mood(timestamp="soon"),
        mood(blended={"valence": "high"}),
        mood(blended=None),
    ],
)
async def test_a_mood_that_makes_no_sense_is_missing(tmp_path: Path, state: object) -> None:
    """No time, no offset, no numbers: there is no mood to tell, and the reason is said."""
    with pytest.raises(MissingError):
        await ambient(tmp_path, state)


def note(**changes: Any) -> dict[str, Any]:
    return {"id": "it_7", "session": "morning", "day": 22, "type": "question", "body": "is it snowing?"} | changes


async def test_the_last_three_notes_are_told(tmp_path: Path) -> None:
    """Oldest of the three first, long ones cut at 280, bad lines skipped, no more than about a thousand characters."""
    lines = [json.dumps(note(body=f"note {number}")) for number in range(5)] + ["{half a li"]
    write(tmp_path / "inner-thread" / "thread.jsonl", "\n".join(lines))
    told = await inner_thread_context.gather(ask_for(tmp_path))
    assert told.splitlines() == [f"Day 22 (morning, question): note {number}" for number in (2, 3, 4)]
    long = [json.dumps(note(body="b" * 999)), json.dumps(note(body="")), json.dumps({"body": "only\nthis"})]
    write(tmp_path / "inner-thread" / "thread.jsonl", "\n".join(long))
    told = await inner_thread_context.gather(ask_for(tmp_path))
    assert told.splitlines()[0].endswith("b" * 277 + "...")
    assert told.splitlines()[1] == "Day ? (?, ?): only this"
    assert await inner_thread_context.gather(ask_for(tmp_path / "elsewhere")) == ""


async def test_drift_is_told_in_lines(tmp_path: Path) -> None:
    """Topics both ways, five new words, the arc; parts that are missing or odd make no line; a young home says so."""
    path = tmp_path / "data" / "drift-signals.json"
    signals = {
        "status": "ok",
        "vocabulary": {"emerging": ["harbor", "ledger", "tide", "salt", "lamp", "sixth"]},
        "topics": {"gravitating": ["harbor"], "receding": []},
        "emotional_arc": {"summary": "brighter,\nabout as stirred"},
    }
    write(path, json.dumps(signals))
    assert (await drift_context.gather(ask_for(tmp_path))).splitlines() == [
        "Turning towards: harbor",
        "New in your language: harbor, ledger, tide, salt, lamp",
        "In feeling: brighter, about as stirred",
    ]
    write(path, json.dumps({"status": "ok", "topics": 3, "vocabulary": {"emerging": "x"}, "emotional_arc": []}))
    assert await drift_context.gather(ask_for(tmp_path)) == ""
    write(path, json.dumps({"status": "insufficient_data"}))
    assert "a week of writing" in await drift_context.gather(ask_for(tmp_path))


def impulse(body: str, urgency: str, *, made: int, ends: int) -> dict[str, Any]:
    return {
        "body": body,
        "urgency": urgency,
        "created_at": (NOON + timedelta(days=made)).isoformat(),
        "expires_at": (NOON + timedelta(days=ends)).isoformat(),
    }


async def test_the_strongest_impulse_is_told(tmp_path: Path) -> None:
    """Urgency before age, the older of equals first, expired ones and nonsense left out; none left is said."""
    path = tmp_path / "data" / "impulses.json"
    listed = [
        impulse("write to Mira", "medium", made=-1, ends=3),
        impulse("draw the harbor", "high", made=-2, ends=3),
        impulse("count boats", "high", made=-3, ends=1),
        impulse("too late", "high", made=-9, ends=-1),
        {"body": "no times"},
        "nonsense",
    ]
    write(path, json.dumps(listed))
    told = await impulse_context.gather(ask_for(tmp_path))
    assert told == "3 pending; the strongest: count boats (high, 3d ago)"
    write(path, json.dumps([impulse("now", "low", made=0, ends=1)]))
    assert (await impulse_context.gather(ask_for(tmp_path))).endswith("(low, today)")
    write(path, "[]")
    assert await impulse_context.gather(ask_for(tmp_path)) == "0 pending."


async def test_the_mirror_is_pointed_at(tmp_path: Path) -> None:
    """Day and age of the snapshot in one line; hidden while there is too little to mirror."""
    path = tmp_path / "data" / "mirror-snapshot.json"
    write(path, json.dumps({"status": "ok", "day": 41, "computed_at": "2026-02-24T05:00:00+00:00"}))
    assert "from day 41, taken 6 days ago" in await mirror_context.gather(ask_for(tmp_path))
    write(path, json.dumps({"status": "ok", "day": 47, "computed_at": "2026-03-03"}))
    assert "taken today" in await mirror_context.gather(ask_for(tmp_path))
    write(path, json.dumps({"status": "insufficient_data"}))
    assert await mirror_context.gather(ask_for(tmp_path)) == ""


@pytest.mark.parametrize(
    ("name", "gather"),
    [
        ("drift-signals.json", drift_context.gather),
        ("impulses.json", impulse_context.gather),
        ("mirror-snapshot.json", mirror_context.gather),
        ("mood-state.json", ambient_state.gather),
    ],
)
@pytest.mark.parametrize("content", ["{half", '"text"', "[" * 100_000])
async def test_files_that_are_no_state_are_named(tmp_path: Path, name: str, gather: Gather, content: str) -> None:
    """Whatever lies in the file, the answer is a reason with its name, or that it is not there."""
    with pytest.raises(FileNotFoundError):
        await gather(ask_for(tmp_path))
    write(tmp_path / "data" / name, content)
    with pytest.raises(MissingError, match=name):
        await gather(ask_for(tmp_path))
