"""The one place that closes a session: the same rule for its engine and for its recovery."""

from pathlib import Path

import attrs
import pytest
import trio

from runner.ledger.rows import stamp
from runner.session.backends.base import RunResult
from runner.session.close import Closing, SessionEnding
from runner.session.kept import ROOM, Kept
from runner.session.kinds import KINDS
from runner.session.workspace import Workspace
from runner.stream.livefiles import LineFiles
from runner.stream.records import parse
from runner.stream.summary import Summary
from tests.runner.session.stage import Stage, stage
from tests.runner.session.test_recovery import END, ERROR, INIT, Scripted, left_behind

EMPTY = ERROR.replace(b"max_turns", b"during_execution")
ENDINGS = {
    "completed": (INIT, END),
    "failed": (INIT, ERROR),
    "interrupted": (INIT,),
}


def closing(s: Stage) -> Closing:
    return s.engine(None).closing()


def summary_of(s: Stage, lines: tuple[bytes, ...]) -> Summary:
    summary = Summary(s.home)
    for line in lines:
        summary.feed(parse(line), line)
    return summary


@pytest.mark.parametrize("state", ENDINGS)
@pytest.mark.parametrize("kind", KINDS)
async def test_every_type_has_the_same_hooks_whoever_closes_it(tmp_path: Path, kind: str, state: str) -> None:
    """All fourteen, or the two of the small ones; a conversation in a terminal only after a clean end."""
    async with stage(tmp_path) as s:
        lines, engine = ENDINGS[state], s.engine(Scripted())
        ending = (
            SessionEnding(interrupted="so")
            if state == "interrupted"
            else SessionEnding(result=RunResult(state == "failed"))
        )
        by_engine = closing(s).ended(KINDS[kind], summary_of(s, lines), ending)
        session_id = await left_behind(s, state="running", lines=lines, kind=kind)
        await engine.recover()
        row = await s.ledger.sessions.get(session_id)
        assert row is not None
        wanted = engine.pipeline.names(reduced=KINDS[kind].reduced_hooks)
        wanted = () if kind == "talk" and state != "completed" else wanted
        assert by_engine.hooks == tuple(hook.name for hook in row.hooks) == wanted
        assert by_engine.state == row.state == state
        assert (by_engine.exit_code, by_engine.num_turns) == (row.exit_code, row.num_turns)


@pytest.mark.parametrize(
    ("lines", "ending", "wanted"),
    [
        ((END,), SessionEnding(result=RunResult(0)), ("completed", None, 0)),
        ((END,), SessionEnding(interrupted="shutdown"), ("completed", None, 0)),
        ((ERROR,), SessionEnding(interrupted="shutdown"), ("failed", "max turns", 1)),
        ((), SessionEnding(interrupted="shutdown"), ("interrupted", "shutdown", None)),
        ((END,), SessionEnding(error="internal error: x"), ("failed", "internal error: x", None)),
        ((END,), SessionEnding(result=RunResult(9)), ("failed", "exit code 9 after its result", 9)),
        ((END, EMPTY), SessionEnding(result=RunResult(1)), ("completed", None, 0)),
        ((END,), SessionEnding(result=RunResult(124, "over its deadline")), ("failed", "over its deadline", 124)),
    ],
)
async def test_how_it_ended(
    tmp_path: Path, lines: tuple[bytes, ...], ending: SessionEnding, wanted: tuple[str, str | None, int | None]
) -> None:
    """What the model said of its own end counts before what became of us; a fault or a bad exit behind it is told."""
    async with stage(tmp_path) as s:
        ended = closing(s).ended(KINDS["noon"], summary_of(s, lines), ending)
        assert (ended.state, ended.reason, ended.exit_code) == wanted


async def test_what_was_kept_is_what_is_recorded(tmp_path: Path) -> None:
    """A record that the ledger had no time for is written by the next life as it was made."""
    async with stage(tmp_path) as s:
        session_id = await left_behind(s, state="running", lines=(INIT,))
        ended = closing(s).ended(KINDS["custom"], summary_of(s, (INIT, END)), SessionEnding(interrupted="shutdown"))
        ended = attrs.evolve(ended, reason="kept words", state="failed", files_written=("a.md",), tools={"Write": 2})
        await closing(s).keep(Workspace(s.home / "data" / "tmp" / session_id), ended)
        engine = s.engine(Scripted())
        await engine.recover()
        row = await s.ledger.sessions.get(session_id)
        assert row is not None
        assert (row.state, row.reason, row.cost_usd, row.tools) == ("failed", "kept words", 0.5, {"Write": 2})
        assert row.ended_at == stamp(ended.ended_at)
        assert row.files_written == ("a.md",)
        assert await engine.recover() == ()


def test_room_is_taken_before_it_is_needed(tmp_path: Path) -> None:
    """The file has its size from the start, and what is written into it takes no more; broken content is no outcome."""
    kept = Kept(tmp_path / "outcome.json")
    kept.reserve()
    assert kept.path.stat().st_size == ROOM
    assert kept.path.stat().st_blocks * 512 >= ROOM
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert (kept.ended(), kept.is_ours()) == (None, True)
    kept.path.write_bytes(b'{"owner": [1, 2], "ended": {"state": "odd"}}\n')
    assert (kept.ended(), kept.is_ours()) == (None, False)
    kept.path.write_bytes(b"\xff")
    assert kept.ended() is None
    kept.path.unlink()
    assert kept.ended() is None


async def test_a_session_left_open_by_this_process_is_told_so(tmp_path: Path) -> None:
    """That the process ended is said only where it is so: a row left open by this very process has another reason."""
    async with stage(tmp_path) as s:
        session_id = await left_behind(s, state="running", lines=(INIT,))
        Workspace(s.home / "data" / "tmp" / session_id).kept.reserve()
        await s.engine(Scripted()).recover()
        row = await s.ledger.sessions.get(session_id)
        assert row is not None
        assert row.reason == "the session actor ended during the session"


async def test_cancelled_behind_its_result_it_has_ended_well(tmp_path: Path) -> None:
    """A wish for an end that comes after the model's own changes nothing of how the session ended."""
    async with stage(tmp_path) as s:
        backend = Scripted(hangs=True)
        engine, wake = s.engine(backend), await s.claimed()
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.run, wake)
                await backend.said.wait()
                nursery.cancel_scope.cancel()
        await s.assert_left_clean(wake.id, "completed")
        await engine.recover()
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.cost_usd == 0.5
        assert None not in {hook.verdict for hook in row.hooks}


async def test_cancelled_while_its_result_is_written_viewers_see_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end is told after it is on the disk, and it is told also when a slow disk is not waited for."""
    reached = trio.Event()

    async def stuck(_: LineFiles) -> None:
        reached.set()
        await trio.sleep_forever()

    monkeypatch.setattr(LineFiles, "settled", stuck)
    async with stage(tmp_path) as s:
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(s.engine(Scripted()).run, await s.claimed())
                await reached.wait()
                assert "session.end" not in s.names()
                nursery.cancel_scope.cancel()
        assert s.names() == ["session.start", "session.end"]
