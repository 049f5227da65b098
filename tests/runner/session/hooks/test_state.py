"""The hooks that write the resident's state: mood, drift and mirror. What they write, and twice is once."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.ledger import SessionFacts, SessionOutcome, WakeRequest
from runner.session.hooks import drift, mirror_snapshot, mood
from runner.session.hooks.base import NotDueError, Verdict
from runner.session.kinds import kind_of
from tests.runner.session.hooks.context import BEGAN, ENDED, context_for, files_of, one_object
from tests.runner.session.stage import START, make_home
from tests.support.ledger import open_ledger

THOUGHT = '---\ndate: "2026-03-02"\nmood: [calm, "curious"]\n---\nA calm morning.\n'


def thought(home: Path, name: str = "2026-03-02-morning.md", text: str = THOUGHT) -> Path:
    path = home / "thoughts" / name
    path.write_text(text)
    os.utime(path, (BEGAN.timestamp() + 60, BEGAN.timestamp() + 60))
    return path


async def test_the_mood_of_a_thought_is_written_once(tmp_path: Path) -> None:
    """State and history hold the same line; a second run, and one after a crash between the two, change nothing."""
    home = make_home(tmp_path)
    context = context_for(home, kind=kind_of("morning"))
    context.before.keep(home, [])
    thought(home)
    assert await mood.run(context) is Verdict.DONE
    line = (
        b'{"session":"2026-03-02-morning","session_type":"morning","timestamp":"2026-03-02T14:20:05+00:00",'
        b'"mood_words":["calm","curious"],"self_report":{"valence":0.43,"arousal":-0.1},'
        b'"derived":{"valence":0.4,"arousal":-0.5},"blended":{"valence":0.43,"arousal":-0.1},"weight":0.8,'
        b'"journal_length":3,"previous_residual":null}\n'
    )
    state, history = home / "data" / "mood-state.json", home / "data" / "mood-history.jsonl"
    assert state.read_bytes() == history.read_bytes() == line
    after = files_of(home)
    assert await mood.run(context) is Verdict.DONE
    assert files_of(home) == after
    state.unlink()  # the crash came after the line of history
    assert await mood.run(context) is Verdict.DONE
    assert files_of(home) == after


async def test_the_next_mood_takes_up_the_last(tmp_path: Path) -> None:
    """The record before decays and is blended in; history has both."""
    home = make_home(tmp_path)
    context = context_for(home, kind=kind_of("morning"))
    context.before.keep(home, [])
    thought(home)
    await mood.run(context)
    later = context_for(home, began=BEGAN + timedelta(hours=3), ended=ENDED + timedelta(hours=3))
    assert await mood.run(later) is Verdict.DONE
    state = one_object(home / "data" / "mood-state.json")
    assert state["previous_residual"] == {"valence": 0.3, "arousal": -0.07, "from": "morning"}
    assert len((home / "data" / "mood-history.jsonl").read_text().splitlines()) == 2


async def test_only_what_this_session_wrote_is_its_mood(tmp_path: Path) -> None:
    """An older thought of the day, one of another day and a link are not its own; then its answer is; else nothing."""
    home = make_home(tmp_path)
    thought(home)
    context = context_for(home)
    context.before.keep(home, [])
    thought(home, "2026-02-20-noon.md")
    (home / "thoughts" / "2026-03-02-link.md").symlink_to(home / "memory" / "memory.md")
    silent = context_for(home, kind=kind_of("noon"))
    with pytest.raises(NotDueError, match="no thought"):
        await mood.run(silent)
    assert not (home / "data" / "mood-state.json").exists()
    assert await mood.run(context_for(home, reply="so calm")) is Verdict.DONE
    assert one_object(home / "data" / "mood-state.json")["derived"] == {"valence": 0.4, "arousal": -0.5}


async def test_a_thought_changed_in_the_session_is_its_own(tmp_path: Path) -> None:
    """It was there before and has new words now; the newest of several counts."""
    home = make_home(tmp_path)
    path = thought(home)
    context = context_for(home, {"memory.mood_max_weight": 0.5}, kind=kind_of("noon"))
    context.before.keep(home, [])
    path.write_text(THOUGHT.replace("calm, ", ""))
    thought(home, "2026-03-02-older.md", "sad")
    os.utime(path, (ENDED.timestamp(), ENDED.timestamp()))
    assert await mood.run(context) is Verdict.DONE
    state = one_object(home / "data" / "mood-state.json")
    assert (state["mood_words"], state["weight"]) == (["curious"], 0.5)


async def test_drift_reads_the_last_weeks(tmp_path: Path) -> None:
    """The file has its shape and day number, and is the same when made again."""
    home = make_home(tmp_path)
    for n in range(14):
        day = (ENDED - timedelta(days=n)).date()
        word = "harbor" if n < 7 else "snow"
        thought(home, f"{day}-noon.md", f'---\ndate: "{day}"\n---\n{word} {word} claudie\n')
    for _ in range(2):
        assert await drift.run(context_for(home)) is Verdict.DONE
        found = one_object(home / "data" / "drift-signals.json")
        assert found["computed_at"] == "2026-03-02T14:20:05+00:00"
        assert (found["status"], found["day"]) == ("ok", 47)
        assert found["vocabulary"] == {"emerging": ["harbor"], "fading": ["snow"]}


async def test_the_mirror_counts_sessions_from_the_ledger(tmp_path: Path) -> None:
    """Snapshot and summary are written when due, with the sessions that ran; the next run within ten days does none."""
    home = make_home(tmp_path)
    for n in range(6):
        thought(home, f"2026-02-2{n}-noon.md", f'---\ndate: "2026-02-2{n}"\n---\nharbor')
    ledger = await open_ledger(home)
    wake = await ledger.wakes.enqueue(WakeRequest(type="noon"), START)
    await ledger.wakes.claim(START, only=wake.id)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=START))
    await ledger.sessions.finish(wake.id, SessionOutcome(state="completed", ended_at=START))
    context = context_for(home, ledger=ledger)
    assert await mirror_snapshot.run(context) is Verdict.DONE
    after = files_of(home / "data")
    made: dict[str, Any] = one_object(home / "data" / "mirror-snapshot.json")
    assert made["rhythm"]["sessions_by_type"] == {"noon": 1}
    assert made["period"] == {"from": "2026-02-20", "to": "2026-03-02", "days": 11}
    assert (home / "data" / "mirror-summary.md").read_text().startswith("# Mirror, day 47\n")
    with pytest.raises(NotDueError, match="less than 10 days"):
        await mirror_snapshot.run(context)
    assert files_of(home / "data") == after
    (home / "data" / "mirror-snapshot.json").unlink()  # a crash before the last write
    assert await mirror_snapshot.run(context) is Verdict.DONE
    assert files_of(home / "data") == after
    await ledger.close()
