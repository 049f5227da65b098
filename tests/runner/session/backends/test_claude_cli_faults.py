"""The CLI backend against a program that misbehaves: every ending is told truly and nothing outlives it."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from runner.children.reap import Mark, marked
from runner.session.backends.claude_cli import ClaudeCli, CliOptions
from runner.stream.records import MOST_USD
from tests.runner.session.stage import Stage, clean_environment, in_thread, stage
from tests.support import fake_cli

# short where the test is that the wait ends, long where a busy machine may take its time
IMPATIENT: Mapping[str, Mapping[str, float]] = {
    "no_exit": {"result_grace": 0.3},
    "closed_stdout": {"result_grace": 0.3},
    "ignores_term": {"stall": 2.0},
    "stuck_silent": {"stall": 2.0},
    "goes_on": {"result_grace": 0.2},
    "stays_a_while": {"result_grace": 0.8},
    "goes_silent": {"result_grace": 0.2, "stall": 1.0},
}


def backend(folder: Path, mode: str, **options: Any) -> tuple[ClaudeCli, Path]:
    program = fake_cli.install(folder / "bin", mode)
    environ = clean_environment(folder)
    chosen = CliOptions(
        binary=str(program),
        user_home=Path(environ["HOME"]),
        environ=environ,
        base_url="http://127.0.0.1:9",
        stall=10.0,
        result_grace=10.0,
        kill=0.4,
    )
    return ClaudeCli(attrs.evolve(chosen, **{**IMPATIENT.get(mode, {}), **options}), in_thread), program


def alive(pid: int) -> bool:
    """A zombie is dead: who reaps it is not ours to say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def nothing_left(s: Stage, session_id: str, program: Path) -> None:
    mark = Mark(session_id, s.home)
    assert await trio.to_thread.run_sync(partial(marked, mark)) == []
    child = Path(f"{program}.child")
    if child.exists():
        assert not alive(int(child.read_text()))


@pytest.mark.parametrize(
    ("mode", "state", "reason"),
    [
        ("well", "completed", ""),
        ("no_result", "failed", "exit code 0 without a result"),
        ("no_exit", "completed", ""),
        ("half_line", "failed", "without a result"),
        ("closed_stdout", "failed", "closed its output without a result"),
        ("ignores_term", "failed", "stalled: nothing came for 2 s"),
        ("stuck_silent", "failed", "stalled"),
        ("forks_child", "completed", ""),
        ("setsid_child", "completed", ""),
        ("chatty_stderr", "completed", ""),
        ("junk", "completed", ""),
        ("refused_login", "failed", "authentication failed"),
        ("crashes", "failed", "killed by signal 11 before a result: it broke"),
        ("error_result", "failed", "max turns"),
        ("dies_after_result", "failed", "exit code 9 after its result"),
        ("empty_error", "completed", ""),
        ("goes_on", "completed", ""),
        ("goes_silent", "completed", ""),
        ("odd_figures", "completed", ""),
    ],
)
async def test_every_fault_ends_in_one_record_and_no_process(
    tmp_path: Path, mode: str, state: str, reason: str
) -> None:
    """Whatever the program does: 0 processes left, status idle, viewers told the end, one record that says why."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, mode)
        wake = await s.claimed()
        with trio.fail_after(20):
            ended = await s.engine(cli).run(wake)

        assert ended.state == state, ended.reason
        assert reason in (ended.reason or "")
        await s.assert_left_clean(wake.id, state)
        await nothing_left(s, wake.id, program)
        assert s.names().count("session.end") == 1
        assert fake_cli.spawns(program) == 1
        assert not (s.home / "data" / "tmp" / wake.id).exists()


@pytest.mark.parametrize(
    ("mode", "reply", "cost", "turns"),
    [
        ("empty_error", "all is said", 0.25, 1),
        ("goes_on", "now all is said", 0.5, 2),
        ("stays_a_while", "now all is said", 0.5, 2),
        ("goes_silent", "all is said\n\nbut there is more", 0.25, 1),
        ("odd_figures", "all is said", MOST_USD, 10**9),
    ],
)
async def test_what_comes_behind_a_result_loses_nothing(
    tmp_path: Path, mode: str, reply: str, cost: float, turns: int
) -> None:
    """An empty error, more turns, a hang or impossible figures behind its success: words, cost and turns are kept."""
    async with stage(tmp_path) as s:
        cli, _ = backend(tmp_path, mode)
        wake = await s.claimed("custom", message="and?")
        with trio.fail_after(20):
            ended = await s.engine(cli).run(wake)
        assert (ended.state, ended.reply) == ("completed", reply)
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert (row.cost_usd, row.num_turns, row.exit_code) == (cost, turns, 0)
        assert (await s.ledger.spend.totals(s.now())).day_usd == cost
        assert {hook.verdict for hook in row.hooks} <= {"done", "not_due"}
        assert reply in (s.home / "conversations" / f"{wake.id}.md").read_text()


async def test_a_line_of_fifty_megabytes_is_taken_whole(tmp_path: Path) -> None:
    """A very long line is a line: published cut and marked, kept in the record, and the session completes."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, "long_line", stall=20.0)
        wake = await s.claimed()
        with trio.fail_after(60):
            ended = await s.engine(cli).run(wake)
        assert ended.state == "completed"
        await nothing_left(s, wake.id, program)
        assert (s.home / "data" / "live-stream.jsonl").stat().st_size > fake_cli.LONG
        assert max(len(data["text"]) for data in s.data("session.text")) < 9 * 1024 * 1024


async def test_a_line_over_the_limit_is_cut_and_told(tmp_path: Path) -> None:
    """Beyond the line limit the rest is dropped and marked; what follows is read as ever."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, "long_line", stall=20.0, line_bytes=1024 * 1024)
        wake = await s.claimed()
        with trio.fail_after(60):
            ended = await s.engine(cli).run(wake)
        assert ended.state == "completed"
        assert b"line cut" in (s.home / "data" / "live-stream.jsonl").read_bytes()
        await nothing_left(s, wake.id, program)


async def test_the_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    """Over the deadline the exit code is 124 and the reason says so, also for a program that ignores TERM."""
    async with stage(tmp_path, session__deadline_seconds=1.0) as s:
        cli, program = backend(tmp_path, "ignores_term", stall=30.0)
        wake = await s.claimed()
        with trio.fail_after(20):
            ended = await s.engine(cli).run(wake)
        assert (ended.state, ended.exit_code) == ("failed", 124)
        assert "deadline" in (ended.reason or "")
        await s.assert_left_clean(wake.id, "failed")
        await nothing_left(s, wake.id, program)


async def test_a_missing_program_is_exit_127(tmp_path: Path) -> None:
    """A CLI that is not there is a failed session with exit code 127 and a reason that names it."""
    async with stage(tmp_path) as s:
        cli, _ = backend(tmp_path, "well", binary=str(tmp_path / "nowhere"))
        wake = await s.claimed()
        ended = await s.engine(cli).run(wake)
        assert (ended.state, ended.exit_code) == ("failed", 127)
        assert "nowhere" in (ended.reason or "")
        await s.assert_left_clean(wake.id, "failed")


async def test_the_child_sees_an_allow_list_and_private_files(tmp_path: Path) -> None:
    """No secret of ours reaches the child; prompts travel by a private file and by stdin, never by argument."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, "well")
        wake = await s.claimed("custom", message="the words of the wake")
        await s.engine(cli).run(wake)
        env = json.loads(Path(f"{program}.environ").read_text())
        assert "ANTHROPIC_API_KEY" not in env
        assert "API_KEY" not in env
        assert env["HOME"] == str(tmp_path / "user")
        assert env["CLAUDE_SESSION_ID"] == wake.id
        assert env["CLAUDE_SESSION_TYPE"] == "custom"
        argv = json.loads(Path(f"{program}.argv").read_text())
        assert "the words of the wake" not in " ".join(argv)
        assert "the words of the wake" in Path(f"{program}.stdin").read_text()
        prompt_file = Path(argv[argv.index("--system-prompt-file") + 1])
        assert prompt_file.parent == s.home / "data" / "tmp" / wake.id
        assert "--dangerously-skip-permissions" not in argv
        assert "IS_SANDBOX" not in env


async def test_dangerous_is_an_explicit_choice(tmp_path: Path) -> None:
    """Only where the operator said so every permission check is skipped, and root gets the variable that allows it."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, "well", dangerous=True, as_root=True)
        await s.engine(cli).run(await s.claimed())
        argv = json.loads(Path(f"{program}.argv").read_text())
        assert "--dangerously-skip-permissions" in argv
        assert "--tools" not in argv
        assert json.loads(Path(f"{program}.environ").read_text())["IS_SANDBOX"] == "1"


@pytest.mark.parametrize("mode", ["stuck_silent", "ignores_term", "setsid_child"])
async def test_a_cancelled_run_takes_its_processes_along(tmp_path: Path, mode: str) -> None:
    """Cancelled in mid-run the model ends with everything it started, the record says interrupted and by what."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, mode, stall=60.0, result_grace=60.0)
        wake = await s.claimed()
        engine = s.engine(cli)
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:

                async def run() -> None:
                    await engine.run(wake, why_cancelled=lambda: "operator restart")

                nursery.start_soon(run)
                while not Path(f"{program}.stdin").exists() or len(s.events) < 2:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        # one that leaves a child behind may have said how it ended before it is cancelled
        ended = (row.state, row.reason) == ("completed", None) and mode == "setsid_child"
        assert ended or (row.state, row.reason) == ("interrupted", "operator restart")
        await s.assert_left_clean(wake.id, row.state)
        await nothing_left(s, wake.id, program)
        assert s.names()[-1] == "session.end"
        left = {path.name for path in (s.home / "data" / "tmp" / wake.id).iterdir()}
        assert left == {"stream.jsonl", "before.json", "outcome.json"}
        recovered = await engine.recover()
        assert [found.action for found in recovered] == ["hooks"]
        assert not (s.home / "data" / "tmp" / wake.id).exists()


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.25, 0.4, 0.6])
async def test_a_cancellation_at_any_moment_is_told_truly(tmp_path: Path, delay: float) -> None:
    """Wherever it strikes: back in the queue without a spawn, or one spawn and one record; never a process left."""
    async with stage(tmp_path) as s:
        cli, program = backend(tmp_path, "slow")
        wake = await s.claimed()
        engine = s.engine(cli)
        with trio.move_on_after(delay):
            await engine.run(wake, why_cancelled=lambda: "operator restart")
        await nothing_left(s, wake.id, program)
        row = await s.ledger.sessions.get(wake.id)
        queued = await s.ledger.wakes.get(wake.id)
        assert queued is not None
        if row is None:
            assert (queued.state, queued.attempts) == ("queued", 0)
            assert fake_cli.spawns(program) == 0
        else:
            assert row.state in {"interrupted", "completed"}
            assert queued.state == row.state
            assert fake_cli.spawns(program) <= 1
        await engine.recover()
        row = await s.ledger.sessions.get(wake.id)
        assert row is None or all(hook.verdict in {"done", "not_due"} for hook in row.hooks)
        status = s.home / "data" / "session-status.json"
        assert not status.exists() or s.status()["active"] is False
        assert not (s.home / "data" / "tmp").exists() or list((s.home / "data" / "tmp").iterdir()) == []
