"""The engine with the rehearsal: one wake from the lock to the last hook."""

from pathlib import Path

from runner.session.backends.rehearsal import Rehearsal
from runner.session.tools import HomeTools
from tests.runner.session.stage import Stage, in_thread, stage


def rehearsal(s: Stage) -> Rehearsal:
    return Rehearsal(HomeTools(s.home), in_thread, speed=0)


async def test_a_rehearsed_wake_leaves_all_its_marks(tmp_path: Path) -> None:
    """A wake writes a thought and a prompt, is shown from start to end, leaves record, log, transcript and hooks."""
    async with stage(tmp_path) as s:
        wake = await s.claimed()
        ended = await s.engine(rehearsal(s)).run(wake)

        assert ended.state == "completed"
        assert set(ended.verdicts.values()) == {"done", "not_due"}
        await s.assert_left_clean(wake.id, "completed")
        thought = (s.home / "thoughts" / "2026-03-02-morning.md").read_text()
        assert "kestrel" in thought
        assert "larkspur" in thought
        assert "rehearsal" in thought.lower()
        assert s.names()[0] == "session.start"
        assert s.names()[-1] == "session.end"
        assert {"session.delta", "session.text", "session.tool", "session.tool_result"} < set(s.names())
        assert (s.home / "transcripts" / f"session-{wake.id}.md").exists()
        assert not (s.home / "data" / "tmp" / wake.id).exists()
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.backend == "rehearsal"
        assert row.model == "rehearsal"


async def test_the_next_session_quotes_what_this_one_left(tmp_path: Path) -> None:
    """The self-prompting loop closes: text written into prompt.md by one session is quoted by the next."""
    async with stage(tmp_path) as s:
        engine = s.engine(rehearsal(s))
        await engine.run(await s.claimed("morning"))
        left = (s.home / "prompt" / "prompt.md").read_text()
        assert "larkspur" not in left
        await engine.run(await s.claimed("noon"))
        quoted = (s.home / "thoughts" / "2026-03-02-noon.md").read_text()
        for line in left.strip().splitlines():
            assert line in quoted
