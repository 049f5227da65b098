"""Every way out of a wake, and what the next life makes of an earlier one that ended too soon."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from runner.children.reap import Mark, end_recorded, marked, start_time
from runner.ledger import SessionFacts, SessionOutcome
from runner.session.backends.base import RunListener, RunOrder, RunResult
from runner.session.backends.rehearsal import Rehearsal
from runner.session.errors import SessionLockedError
from runner.session.hooks.base import Hook, HookContext, Verdict
from runner.session.lock import SessionLock
from runner.session.pipeline import Pipeline
from runner.session.sources.base import Ask, Source
from runner.stream.events import PublicEvent
from runner.tools.files import HomeTools
from tests.runner.session.stage import Stage, in_thread, stage

SLEEPER = (
    "import os, time\nos.setsid() if os.getpid() != os.getsid(0) else None\nprint('up', flush=True)\ntime.sleep(600)"
)
INIT = b'{"type":"system","subtype":"init","session_id":"u","model":"m"}'
END = (
    b'{"type":"result","subtype":"success","result":"bye","num_turns":3,"total_cost_usd":0.5,'
    b'"usage":{"input_tokens":9}}'
)

ERROR = END.replace(b'"success","result":"bye"', b'"error_max_turns","is_error":true')


@attrs.define(eq=False)
class Scripted:
    """A backend that says these lines and then does as it is told."""

    lines: tuple[bytes, ...] = (INIT, END)
    result: RunResult = attrs.field(factory=lambda: RunResult(0))
    fails: Exception | None = None
    hangs: bool = False
    name: str = "scripted"
    orders: list[RunOrder] = attrs.field(factory=list)
    said: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        self.orders.append(order)
        await listener.spawning()
        await listener.spawned(None, None)
        for line in self.lines:
            await listener.line(line)
        self.said.set()
        if self.hangs:
            await trio.sleep_forever()
        if self.fails is not None:
            raise self.fails
        return self.result


async def cancelled_at(s: Stage, engine: Any, wake: Any, moment: trio.Event, reason: str = "operator restart") -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def run() -> None:
                await engine.run(wake, why_cancelled=lambda: reason)

            nursery.start_soon(run)
            await moment.wait()
            nursery.cancel_scope.cancel()


async def test_cancelled_while_gathering_the_wake_goes_back(tmp_path: Path) -> None:
    """Before a model is begun a cancellation returns the wake, uncounted, with no record, no log of an end by error."""
    async with stage(tmp_path) as s:
        reached = trio.Event()

        async def hangs(_: Ask) -> str:
            reached.set()
            await trio.sleep_forever()
            raise AssertionError

        wake = await s.claimed()
        await cancelled_at(s, s.engine(Scripted(), sources=(Source("slow", hangs, within=60),)), wake, reached)
        again = await s.ledger.wakes.get(wake.id)
        assert again is not None
        assert (again.state, again.attempts) == ("queued", 0)
        assert await s.ledger.sessions.get(wake.id) is None
        assert s.events == []
        assert not (s.home / "data" / "session-status.json").exists()


@pytest.mark.parametrize("reason", ["operator restart", "shutdown"])
async def test_cancelled_in_mid_run_it_is_interrupted(tmp_path: Path, reason: str) -> None:
    """Once the model is begun a cancellation gives an interrupted record with its reason; hooks run later, once."""
    async with stage(tmp_path) as s:
        backend = Scripted(lines=(INIT,), hangs=True)
        engine = s.engine(backend)
        wake = await s.claimed()
        await cancelled_at(s, engine, wake, backend.said, reason)
        await s.assert_left_clean(wake.id, "interrupted")
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.reason == reason
        assert {hook.verdict for hook in row.hooks} == {None}
        assert s.names() == ["session.start", "session.end"]
        verdicts = await engine.finish_hooks(wake.id)
        assert verdicts["transcript"] == "done"
        assert await engine.recover() == ()


async def test_cancelled_in_the_hooks_the_rest_runs_later(tmp_path: Path) -> None:
    """What completed stays completed; the hook that was cut off runs again with the same words, then no more."""
    async with stage(tmp_path) as s:
        reached, calls = trio.Event(), []

        async def slow(context: HookContext) -> Verdict:
            calls.append((context.reply, context.message))
            reached.set()
            if len(calls) == 1:
                await trio.sleep_forever()
            return Verdict.DONE

        engine = s.engine(Scripted(), pipeline=Pipeline((Hook("slow", slow, 60),)))
        wake = await s.claimed("custom", message="question")
        await cancelled_at(s, engine, wake, reached)
        await s.assert_left_clean(wake.id, "completed")
        assert [found.action for found in await engine.recover()] == ["hooks"]
        assert calls == [("bye", "question")] * 2
        assert await engine.recover() == ()


async def test_a_fault_of_ours_is_a_failed_record(tmp_path: Path) -> None:
    """A backend that raises, a publisher that raises, a broken template: the wake still ends in one honest record."""
    async with stage(tmp_path) as s:
        wake = await s.claimed()
        ended = await s.engine(Scripted(fails=ValueError("odd"))).run(wake)
        assert ended.reason == "internal error: ValueError: odd"
        await s.assert_left_clean(wake.id, "failed")

        def refuses(_: PublicEvent) -> None:
            raise RuntimeError("mailbox full")

        wake = await s.claimed()
        ended = await s.engine(Scripted(), publish=refuses).run(wake)
        assert ended.state == "completed"
        log = (s.home / "logs" / f"session-{wake.id}.log").read_text()
        assert "Events that could not be shown: 2" in log

        engine = s.engine(Scripted())
        engine.prompter.folder = tmp_path
        engine.prompter.__attrs_post_init__()
        wake = await s.claimed()
        ended = await engine.run(wake)
        assert (ended.state, ended.hooks) == ("failed", ())
        assert "system.md.j2" in (ended.reason or "")
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.state == "failed"


async def test_a_home_without_a_model_refuses(tmp_path: Path) -> None:
    """With no backend the wake is refused with the reason, and nothing else happens."""
    async with stage(tmp_path) as s:
        wake = await s.claimed()
        ended = await s.engine(None).run(wake)
        assert (ended.state, ended.reason) == ("refused", "for the test")
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.state == "refused"


async def test_a_spent_budget_refuses(tmp_path: Path) -> None:
    """When the day's money is spent the next wake is refused before anything is begun."""
    async with stage(tmp_path, budget__day_usd=0.6, budget__session_usd=0.3) as s:
        engine = s.engine(Scripted())
        assert (await engine.run(await s.claimed())).state == "completed"
        refused = await engine.run(await s.claimed())
        assert refused.state == "refused"
        assert "budget of the day" in (refused.reason or "")


async def test_a_held_lock_leaves_the_wake_claimed(tmp_path: Path) -> None:
    """While another session holds the lock nothing is begun, and the caller decides what becomes of the wake."""
    async with stage(tmp_path) as s:
        engine = s.engine(Scripted())
        wake = await s.claimed()
        async with SessionLock(s.settings.paths.session_lock, in_thread).held({"session_id": "other"}):
            with pytest.raises(SessionLockedError, match="other"):
                await engine.run(wake)
            assert await engine.recover() == ()
        again = await s.ledger.wakes.get(wake.id)
        assert again is not None
        assert again.state == "claimed"


async def test_the_status_goes_through_its_phases(tmp_path: Path) -> None:
    """Running while the model runs, hooks while they do, idle with what was last in the end."""
    async with stage(tmp_path) as s:
        seen: list[dict[str, Any]] = []

        async def look(_: HookContext) -> Verdict:
            seen.append(s.status())
            return Verdict.DONE

        backend = Scripted(lines=(INIT,), hangs=True)
        engine = s.engine(Scripted(), pipeline=Pipeline((Hook("look", look, 5),)))
        wake = await s.claimed()
        phases: list[str] = []
        await engine.run(wake, report=phases.append)
        assert phases == ["gathering", "running", "hooks", "ended"]
        assert seen[0]["phase"] == "hooks"
        assert seen[0]["session_id"] == wake.id
        assert s.status()["last"]["exit_code"] == 0
        engine = s.engine(backend)
        wake = await s.claimed()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.run, wake)
            await backend.said.wait()
            assert s.status()["phase"] == "running"
            assert s.status()["started_at"].endswith("-05:00")
            nursery.cancel_scope.cancel()


async def left_behind(s: Stage, *, state: str, lines: tuple[bytes, ...] = (INIT, END), kind: str = "custom") -> str:
    """What a process that was killed leaves: a row, a status, a raw record."""
    wake = await s.claimed(kind, message="hello")
    await s.ledger.sessions.spawning(wake.id, SessionFacts(backend="claude-cli", started_at=s.now()))
    if state == "running":
        await s.ledger.sessions.running(wake.id, None, None)
    folder = s.home / "data" / "tmp" / wake.id
    folder.mkdir(parents=True)
    (folder / "stream.jsonl").write_bytes(b"\n".join((*lines, b'{"type":"assi')))
    (folder / "system-prompt.md").write_text("private")
    (s.home / "data" / "session-status.json").write_text(
        f'{{"active": true, "type": "custom", "session_id": "{wake.id}"}}'
    )
    (s.home / "logs" / f"session-{wake.id}.log").write_text("=== Session started ===\n")
    return wake.id


@pytest.mark.parametrize("row_state", ["spawning", "running"])
@pytest.mark.parametrize(
    ("lines", "state", "reason"),
    [
        ((INIT, END), "completed", None),
        ((INIT, ERROR), "failed", "max turns"),
        ((INIT,), "interrupted", "the process ended during the session"),
    ],
    ids=["ended well", "ended badly", "did not end"],
)
async def test_after_a_killed_process_everything_is_put_right(
    tmp_path: Path, row_state: str, lines: tuple[bytes, ...], state: str, reason: str | None
) -> None:
    """Open rows end as their records say, the orphan ends, status idle, hooks run, folders go."""
    async with stage(tmp_path) as s:
        session_id = await left_behind(s, state=row_state, lines=lines)
        claimed = await s.claimed("noon")
        (s.home / "data" / "tmp" / "older").mkdir()
        mark = Mark(session_id, s.home)
        orphan = subprocess.Popen(  # noqa: ASYNC220 - begins at once, and is waited for in threads
            [sys.executable, "-c", SLEEPER], env={**os.environ, **mark.environment()}, stdout=subprocess.PIPE
        )
        assert orphan.stdout is not None
        with orphan:
            await trio.to_thread.run_sync(orphan.stdout.readline)
            with trio.fail_after(20):
                recovered = await s.engine(Scripted()).recover()
            assert await trio.to_thread.run_sync(lambda: orphan.wait(5)) != 0
        assert [(found.session_id, found.action) for found in recovered] == [
            (claimed.id, "returned"),
            (session_id, "closed"),
            ("", "status"),
            (session_id, "hooks"),
        ]
        await s.assert_left_clean(session_id, state)
        row = await s.ledger.sessions.get(session_id)
        assert row is not None
        assert row.reason == reason
        assert (row.cost_usd, row.input_tokens, row.num_turns) == (
            (None,) * 3 if state == "interrupted" else (0.5, 9, 3)
        )
        assert s.status()["last"]["exit_code"] == "unknown"
        assert (s.home / "transcripts" / f"session-{session_id}.md").exists()
        assert list((s.home / "data" / "tmp").iterdir()) == []
        assert await trio.to_thread.run_sync(marked, mark) == []
        assert await s.engine(Scripted()).recover() == ()


async def test_a_recorded_process_is_ended_only_if_it_is_the_same(tmp_path: Path) -> None:
    """A pid with another start time is somebody else's and is left alone; the same one is ended with its group."""
    process = subprocess.Popen(  # noqa: ASYNC220 - begins at once, and is waited for in threads
        [sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process:
        await trio.to_thread.run_sync(process.stdout.readline)
        started = start_time(process.pid)
        assert started is not None
        assert await end_recorded(process.pid, started + 1, run_sync=in_thread, grace=1) is False
        assert process.poll() is None
        assert await end_recorded(process.pid, started, run_sync=in_thread, grace=1) is True
        assert await trio.to_thread.run_sync(lambda: process.wait(5)) == -15
    assert start_time(process.pid) is None


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    """Both prompts are told and not one file of the home is touched, also while a session holds the lock."""
    async with stage(tmp_path) as s:

        async def remote(_: Ask) -> str:
            raise AssertionError("asked although offline")

        engine = s.engine(None)
        engine.sources = (*engine.sources, Source("weather", remote, "no weather", remote=True))
        before = {path: path.stat().st_mtime_ns for path in s.home.rglob("*")}
        async with SessionLock(tmp_path / "elsewhere", in_thread).held({}):
            dry = await engine.dry_run("custom", "what now?", sender="mira", offline=True)
        assert "kestrel" in dry.system
        assert "what now?" in dry.user
        assert dry.sections["message"] == len("what now?")
        assert {path: path.stat().st_mtime_ns for path in s.home.rglob("*")} == before


async def test_a_reduced_kind_gets_the_reduced_hooks(tmp_path: Path) -> None:
    """Small sessions plan only the hooks marked for them, and keep their own deadline."""
    async with stage(tmp_path, session__deadline_talk_seconds=77.0) as s:

        async def fine(_: HookContext) -> Verdict:
            return Verdict.DONE

        hooks = (Hook("full", fine, 5), Hook("small", fine, 5, after=("full",), reduced=True))
        backend = Scripted()
        wake = await s.claimed("telegram_talk_open", sender="mira")
        ended = await s.engine(backend, pipeline=Pipeline(hooks)).run(wake)
        assert dict(ended.verdicts) == {"small": "done"}
        assert backend.orders[0].deadline == 77.0


async def test_the_rehearsal_answers_reads_and_refuses(tmp_path: Path) -> None:
    """Asked to read a closed file the rehearsal's tool refuses, an open one it shows; it quotes the asker."""
    async with stage(tmp_path) as s:
        (s.home / "runner" / ".env").write_text("secret-word")
        engine = s.engine(Rehearsal(HomeTools(s.home), in_thread, speed=0))
        for path in ("runner/.env", "data/x", "moderation/x", "../outside", "memory/memory.md"):
            wake = await s.claimed("custom", message=f"read {path}")
            ended = await engine.run(wake)
            assert ended.state == "completed"
            assert f"read {path}" in ended.reply
            page = (s.home / "transcripts" / f"session-{wake.id}.md").read_text()
            assert "secret-word" not in page
            assert ("Read failed" in page) == (path != "memory/memory.md")
        names = sorted(path.name for path in (s.home / "thoughts").glob("*custom*"))
        assert names[0] == "2026-03-02-custom-2.md"
        assert len(names) == 5


async def test_the_rehearsal_answers_visitors_and_private_talk(tmp_path: Path) -> None:
    """A visitor's words are in the thought and the answer; a private session writes no file and ends with its reply."""
    async with stage(tmp_path) as s:
        engine = s.engine(Rehearsal(HomeTools(s.home), in_thread, speed=0))
        ended = await engine.run(await s.claimed("visit", message="I saw a lighthouse", sender="Mira"))
        assert "I saw a lighthouse" in ended.reply
        assert "lighthouse" in (s.home / "thoughts" / "2026-03-02-visit.md").read_text()
        before = sorted((s.home / "thoughts").iterdir())
        ended = await engine.run(await s.claimed("telegram", message="hello there", sender="mira"))
        assert "hello there" in ended.reply
        ended = await engine.run(await s.claimed("telegram_talk_open", sender="mira"))
        assert "rehearsal" in ended.reply
        assert sorted((s.home / "thoughts").iterdir()) == before


async def test_the_rehearsal_types_and_keeps_its_deadline(tmp_path: Path) -> None:
    """At a typing speed the words come one by one, and a deadline ends them like any model's."""
    async with stage(tmp_path, session__deadline_seconds=1.0) as s:
        wake = await s.claimed()
        ended = await s.engine(Rehearsal(HomeTools(s.home), in_thread, speed=20)).run(wake)
        assert (ended.state, ended.exit_code) == ("failed", 124)
        assert len(s.data("session.delta")) > 1
        await s.assert_left_clean(wake.id, "failed")


async def test_an_unknown_type_in_the_queue_is_refused(tmp_path: Path) -> None:
    """A row of a type that does not exist (any more) ends as refused and does not come back."""
    async with stage(tmp_path) as s:
        ended = await s.engine(Scripted()).run(await s.claimed("brunch"))
        assert (ended.state, ended.reason) == ("refused", "unknown session type 'brunch'")


@pytest.mark.parametrize(
    ("budget", "allowed"),
    [
        ({}, None),
        ({"budget__session_usd": 2.0}, 2.0),
        ({"budget__session_usd": 2.0, "budget__day_usd": 9.0}, 2.0),
        ({"budget__day_usd": 0.75}, 0.75),
        ({"budget__session_usd": 0.5, "budget__month_usd": 0.6}, 0.5),
    ],
)
async def test_a_session_is_told_what_it_may_cost(
    tmp_path: Path, budget: dict[str, float], allowed: float | None
) -> None:
    """The least of its own limit and what is left of the day and the month is passed down to the model's program."""
    async with stage(tmp_path, **budget) as s:
        backend = Scripted()
        await s.engine(backend).run(await s.claimed())
        assert backend.orders[0].budget_usd == allowed


async def test_a_lock_that_cannot_be_opened_counts_as_an_attempt(tmp_path: Path) -> None:
    """A fault before the model is begun returns the wake, counted, so that it does not come back for ever."""
    async with stage(tmp_path) as s:
        (s.home / "data" / "session.lock").mkdir()
        wake = await s.claimed()
        with pytest.raises(IsADirectoryError):
            await s.engine(Scripted()).run(wake)
        again = await s.ledger.wakes.get(wake.id)
        assert again is not None
        assert (again.state, again.attempts) == ("queued", 1)


async def test_cancelled_while_waiting_for_the_lock_the_wake_goes_back(tmp_path: Path) -> None:
    """Whoever gives up waiting for another session leaves the queue as it was."""
    async with stage(tmp_path) as s:
        wake = await s.claimed()
        async with SessionLock(s.settings.paths.session_lock, in_thread).held({}):
            with trio.move_on_after(0.2):
                await s.engine(Scripted()).run(wake, wait=60)
        again = await s.ledger.wakes.get(wake.id)
        assert again is not None
        assert (again.state, again.attempts) == ("queued", 0)


@pytest.mark.parametrize("hooks", [True, False], ids=["with hooks left", "with no hooks left"])
async def test_a_process_killed_behind_the_record_leaves_a_log_with_one_end(tmp_path: Path, hooks: bool) -> None:
    """A record that was written and a log that was not closed: the next life closes it, once, and drops the folder."""
    async with stage(tmp_path) as s:
        session_id = await left_behind(s, state="running")
        names = ("conversation",) if hooks else ()
        done = SessionOutcome(state="completed", ended_at=s.now(), exit_code=0, hooks=names)
        await s.ledger.sessions.finish(session_id, done)
        for _ in range(2):
            await s.engine(Scripted()).recover()
        log = (s.home / "logs" / f"session-{session_id}.log").read_text().splitlines()
        assert [line for line in log if "exit code:" in line] == log[-1:]
        assert log[-1].endswith("exit code: 0 ===")
        assert not (s.home / "data" / "tmp" / session_id).exists()
