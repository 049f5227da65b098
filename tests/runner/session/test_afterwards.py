"""A whole wake with the shipped hooks: what it leaves, whatever becomes of single hooks or of the process."""

import os
from datetime import date
from pathlib import Path

import attrs
import trio

from runner.session.backends.base import RunListener, RunOrder, RunResult
from runner.session.hooks import HOOKS, Hook
from runner.session.hooks.base import HookContext, HookFailedError, Run, Step, Verdict
from runner.session.pipeline import Pipeline
from tests.runner.session.stage import Stage, stage
from tests.runner.session.test_recovery import END, INIT, Scripted, cancelled_at
from tests.support.life import run_git

TODAY = "2026-03-02"


@attrs.define(eq=False)
class Living:
    """A resident that writes a thought and shortens its memory."""

    home: Path
    name: str = "scripted"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        await listener.spawning()
        await listener.spawned(None, None)
        (self.home / "thoughts" / f"{TODAY}-{order.kind.name}.md").write_text("A calm and curious hour.\n")
        (self.home / "memory" / "memory.md").write_text("The kettle.\n")
        for line in (INIT, END):
            await listener.line(line)
        return RunResult(0)


def with_hook(name: str, run: Run, *, within: float = 5) -> Pipeline:
    """The shipped table with one hook doing something else."""
    assert name in {hook.name for hook in HOOKS}
    return Pipeline([attrs.evolve(hook, run=run, within=within) if hook.name == name else hook for hook in HOOKS])


async def verdicts(s: Stage, session_id: str) -> dict[str, tuple[str | None, str | None]]:
    return {row.name: (row.verdict, row.error) for row in await s.ledger.hooks.of(session_id)}


def make_repository(s: Stage) -> None:
    run_git(s.home, "init", "--quiet", "--initial-branch=main")


async def test_a_wake_and_everything_after_it(tmp_path: Path) -> None:
    """Thought titled, mood taken, the shown letter put away, memory's loss noticed, all committed, times recorded."""
    async with stage(tmp_path) as s:
        make_repository(s)
        (s.home / "visitors" / "2026-03-01-0900-mira.md").write_text("hello")
        os.utime(s.home / "visitors" / "2026-03-01-0900-mira.md", (1772370000, 1772370000))
        wake = await s.claimed()
        engine = s.engine(Living(s.home), environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
        await engine.run(wake)
        found = await verdicts(s, wake.id)
        assert {name: verdict for name, (verdict, _) in found.items()} == {
            "transcript": "done",
            "thoughts": "done",
            "mood": "done",
            "conversation": "not_due",
            "revalidation": "not_due",
            "visitors_archive": "done",
            "memory_index": "not_due",
            "compile_memory": "not_due",
            "graph_update": "not_due",
            "resonance": "not_due",
            "drift": "done",
            "mirror_snapshot": "done",
            "echoes": "not_due",
            "git": "done",
        }
        assert "no semantic index yet" in str(found["memory_index"][1])
        rows = await s.ledger.hooks.of(wake.id)
        assert all(row.started_at is not None and row.ended_at is not None for row in rows)
        assert (s.home / "visitors" / "archive" / "2026-03" / "2026-03-01-0900-mira.md").read_text() == "hello"
        committed = run_git(s.home, "show", "--format=%s", "--name-only").splitlines()
        assert committed[0].startswith("Session: morning - 2026-03-02 09:0")
        assert f"thoughts/{TODAY}-morning.md" in committed
        assert "title:" in run_git(s.home, "show", f"HEAD:thoughts/{TODAY}-morning.md")
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.notices == (f"memory.md lost 60% of its words; as it was: data/backup/life/{wake.id}/memory.md",)
        assert row.as_json()["notices"] == list(row.notices)
        assert (s.home / row.notices[0].rpartition(" ")[2]).read_text() == "The kettle is called kestrel.\n"
        log = (s.home / "logs" / f"session-{wake.id}.log").read_text()
        assert "Notice: memory.md lost 60%" in log
        assert "Hook revalidation: not_due (VERCEL_REVALIDATE_URL is not set)" in log
        assert date.fromisoformat(TODAY) == s.clock[0].date()


class Broken:
    """An index whose first step fails."""

    async def perform(self, step: Step, *, session_id: str) -> None:
        raise HookFailedError(f"{step}: the disk of {session_id} is away")


async def test_git_runs_whatever_becomes_of_the_others(tmp_path: Path) -> None:
    """One hook hangs, one raises, one has lost its predecessor: git still runs, and the record says what happened."""

    async def hangs(_: HookContext) -> Verdict:
        await trio.sleep_forever()
        raise AssertionError

    async def raises(_: HookContext) -> Verdict:
        raise ZeroDivisionError("no such thing")

    async with stage(tmp_path) as s:
        make_repository(s)
        wake = await s.claimed()
        table = {hook.name: hook for hook in HOOKS}
        table["mood"] = Hook("mood", raises, 5)
        table["revalidation"] = attrs.evolve(table["revalidation"], run=hangs, within=0.2)
        engine = s.engine(Living(s.home), pipeline=Pipeline(tuple(table.values())), index=Broken())
        ended = await engine.run(wake)
        assert ended.state == "completed"
        found = await verdicts(s, wake.id)
        assert found["mood"] == ("failed", "ZeroDivisionError: no such thing")
        assert found["revalidation"] == ("timed_out", "over its 0.2 s")
        assert found["memory_index"] == ("failed", f"memory_index: the disk of {wake.id} is away")
        assert found["graph_update"] == found["resonance"] == ("upstream_failed", "needs memory_index")
        assert found["echoes"] == ("upstream_failed", "needs resonance")
        assert [found[name][0] for name in ("drift", "mirror_snapshot", "git")] == ["done", "done", "done"]
        log = (s.home / "logs" / f"session-{wake.id}.log").read_text()
        assert "Hook echoes: upstream_failed (needs resonance)" in log
        assert run_git(s.home, "log", "--format=%s").startswith("Session: morning")


async def test_after_a_crash_the_same_letters_are_put_away(tmp_path: Path) -> None:
    """A letter that came after the prompt was made stays, also when the hook is run by the next process."""
    async with stage(tmp_path) as s:
        (s.home / "visitors" / "a.md").write_text("shown")
        reached = trio.Event()

        async def hangs(_: HookContext) -> Verdict:
            reached.set()
            await trio.sleep_forever()
            raise AssertionError

        wake = await s.claimed()
        engine = s.engine(Living(s.home), pipeline=with_hook("visitors_archive", hangs))
        await cancelled_at(s, engine, wake, reached)
        (s.home / "visitors" / "b.md").write_text("not shown")
        recovered = await s.engine(None).recover()
        assert [one.action for one in recovered] == ["hooks"]
        assert (await verdicts(s, wake.id))["visitors_archive"][0] == "done"
        assert sorted(path.name for path in (s.home / "visitors").rglob("*.md")) == ["a.md", "b.md"]
        assert (s.home / "visitors" / "b.md").exists()
        rows = await s.ledger.hooks.of(wake.id)
        assert next(row for row in rows if row.name == "visitors_archive").begins == 2
        assert not (s.home / "data" / "tmp" / wake.id).exists()


async def test_a_small_session_gets_the_small_pipeline(tmp_path: Path) -> None:
    """A talk's opening runs revalidation and git and nothing else."""
    async with stage(tmp_path) as s:
        wake = await s.claimed("telegram_talk_open", sender="mira")
        await s.engine(Scripted()).run(wake)
        assert {name: verdict for name, (verdict, _) in (await verdicts(s, wake.id)).items()} == {
            "revalidation": "not_due",
            "git": "not_due",
        }
