"""`wake`: on its own with the rehearsal, and through a process that answers as told."""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trio

from runner.control.protocol import Answer, CommandError, WakeParams, WakeProgress, WakeResult
from runner.errors import LedgerUnavailable
from runner.ledger import Ledger, SpendEntry, Wake, WakeRequest
from runner.session.engine import Engine
from runner.session.lock import SessionLock
from runner.session.run import EndedSession
from runner.triggers.pause import PAUSED, Pause
from tests.runner.cli.conftest import NOW, CommandLine, FakeProcess, a_ledger, inline


@pytest.fixture
def rehearsing(lived: CommandLine) -> CommandLine:
    """A home in which the rehearsal writes at once."""
    lived.environ |= {"SESSION_BACKEND": "rehearsal", "REHEARSAL_SPEED": "0"}
    return lived


def test_a_wake_on_its_own_leaves_its_marks(rehearsing: CommandLine) -> None:
    """With no process the session runs right here: a thought, a new prompt.md, a completed row, exit 0."""
    before = rehearsing.home.joinpath("prompt/prompt.md").read_text()
    ran = rehearsing("wake", "noon")
    assert ran.code == 0
    assert "completed" in ran.out
    assert rehearsing.home.joinpath("prompt/prompt.md").read_text() != before
    (row,) = rehearsing("sessions", "--json").json
    assert (row["type"], row["state"], row["backend"]) == ("noon", "completed", "rehearsal")
    ran = rehearsing("wake", "custom", "say hello", "--sender", "ada", "--json")
    assert ran.json["state"] == "completed"
    assert rehearsing("queue", "--json").json == []


def test_verbose_prints_the_words_and_the_steps(rehearsing: CommandLine) -> None:
    """--verbose shows what is written, and the tools on standard error."""
    ran = rehearsing("wake", "morning", "--verbose")
    assert "rehearsal" in ran.out.lower()
    assert "tool: Write" in ran.err


def test_what_it_waits_for_is_told(rehearsing: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the ledger takes nothing, the command that runs on its own says so and goes on when it does again."""
    run = Engine.run

    async def waiting(self: Engine, wake: Wake, **options: Any) -> EndedSession:
        self.waits("the ledger can't take it: database is locked")
        self.waits("")
        return await run(self, wake, **options)

    monkeypatch.setattr(Engine, "run", waiting)
    ran = rehearsing("wake", "morning", "--verbose")
    assert ran.code == 0
    assert "waiting: the ledger can't take it: database is locked" in ran.err
    assert ran.err.count("waiting") == 1


def test_a_dry_run_prints_both_prompts_and_changes_nothing(rehearsing: CommandLine) -> None:
    """The two prompts under their headings, exit 0, and not one file or folder made, touched or replaced."""
    assert rehearsing("wake", "dusk").code == 0  # so that there is a ledger, which SQLite would leave files beside
    before = _files(rehearsing.home)
    ran = rehearsing("wake", "custom", "the words of the day", "--dry-run", "--offline")
    assert ran.code == 0
    system, _, user = ran.out.partition("=== USER PROMPT ===\n")
    assert system.startswith("=== SYSTEM PROMPT ===\n")
    assert "the words of the day" in user
    assert set(rehearsing("wake", "noon", "--dry-run", "--json").json) == {"type", "system", "user"}
    assert _files(rehearsing.home) == before


def test_a_dry_run_works_where_nothing_can_be_written(rehearsing: CommandLine) -> None:
    """A home that is closed to writing is read as it is (to root nothing is closed, so nothing may have changed)."""
    assert rehearsing("wake", "dusk").code == 0
    before, folders = _files(rehearsing.home), [path for path in rehearsing.home.rglob("*") if path.is_dir()]
    modes = [(folder, folder.stat().st_mode) for folder in (rehearsing.home, *folders)]
    try:
        for folder, mode in modes:
            folder.chmod(mode & ~0o222)
        for kind in ("noon", "visit", "self", "correspondence"):
            assert rehearsing("wake", kind, "hello", "--dry-run", "--offline").code == 0
    finally:
        for folder, mode in modes:
            folder.chmod(mode)
    assert _files(rehearsing.home) == before


def test_a_dry_run_leaves_an_unfinished_ledger_as_it_is(rehearsing: CommandLine) -> None:
    """What a process that died left beside the ledger is read with it, and stays where it is."""
    names = ("sessions.db", "sessions.db-wal")
    kept: dict[str, bytes] = {}

    async def leave() -> None:
        async with a_ledger(rehearsing.home) as ledger:
            await ledger.wakes.enqueue(WakeRequest(type="self"), NOW)
            kept.update({name: (rehearsing.home / name).read_bytes() for name in names})

    trio.run(leave)
    for name in names:
        (rehearsing.home / name).write_bytes(kept[name])
    before = _files(rehearsing.home)
    assert rehearsing("wake", "noon", "--dry-run", "--offline").code == 0
    assert _files(rehearsing.home) == before


def test_a_verbose_dry_run_has_a_table_of_its_sections(rehearsing: CommandLine) -> None:
    """Each part with its characters, and why one is missing; the same in JSON."""
    (rehearsing.home / "memory" / "memory.md").write_text("m" * 1234)
    ran = rehearsing("wake", "noon", "--dry-run", "--verbose", "--offline")
    table = ran.out.partition("=== SECTIONS ===\n")[2]
    rows = {line.split()[0]: line for line in table.splitlines()}
    assert "1,234" in rows["memory_content"]
    assert "not built yet" in rows["memory_echoes"]
    assert "not asked: offline" in rows["weather"]
    assert {"system", "user", "message", "visitors"} <= set(rows)
    found = rehearsing("wake", "noon", "--dry-run", "--verbose", "--json").json
    assert found["sections"]["memory_content"] == 1234
    assert "semantic index" in found["missing"]["memory_echoes"]


def test_words_that_look_like_options_are_words(rehearsing: CommandLine) -> None:
    """After -- a message is a message, whatever it begins with."""
    ran = rehearsing("wake", "custom", "--", "--dry-run")
    assert (ran.code, "completed" in ran.out) == (0, True)
    (kept,) = (rehearsing.home / "conversations").iterdir()
    assert "## Message\n\n--dry-run\n" in kept.read_text()


def _files(home: Path) -> dict[str, tuple[int, int, int]]:
    """Every file and folder with its number, time and size; the time of a folder changes with what is in it."""
    found = {path: path.stat() for path in (home, *home.rglob("*"))}
    return {str(path): (state.st_ino, state.st_mtime_ns, state.st_size) for path, state in found.items()}


def test_offline_is_for_dry_runs(rehearsing: CommandLine) -> None:
    """--offline on a real wake is refused by name, because it would promise too much."""
    assert rehearsing("wake", "noon", "--offline").code == 2


def test_a_busy_lock_is_exit_75_and_leaves_no_row(rehearsing: CommandLine) -> None:
    """While another process runs a session nothing is queued; --wait waits no longer than asked."""

    async def hold() -> None:
        lock = SessionLock(rehearsing.home / "data" / "session.lock", inline)
        async with lock.held({"session_id": "somebody"}):
            ran = await trio.to_thread.run_sync(lambda: rehearsing("wake", "noon", "--wait", "0.3"))
            assert ran.code == 75
            assert "--wait" in ran.err

    trio.run(hold)
    assert rehearsing("sessions", "--json").json == []
    assert rehearsing("queue", "--json").json == []


def test_what_an_earlier_wake_left_is_put_right(rehearsing: CommandLine) -> None:
    """A row that was claimed by a process that died goes back into the queue before the new wake runs."""

    async def leave() -> None:
        async with a_ledger(rehearsing.home) as ledger:
            await ledger.wakes.enqueue(WakeRequest(type="self"), NOW)
            await ledger.wakes.claim(NOW)

    trio.run(leave)
    assert rehearsing("wake", "noon").code == 0
    assert [row["state"] for row in rehearsing("queue", "--json").json] == ["queued"]


def _say(home: Path, work: Callable[[Ledger], Awaitable[object]]) -> None:
    async def inside() -> None:
        async with a_ledger(home) as ledger:
            await work(ledger)

    trio.run(inside)


def test_while_paused_a_wake_is_refused_with_the_way_out(rehearsing: CommandLine) -> None:
    """With no process a pause holds as well: one line that names `resume`, exit 1, no row; after `resume` it runs."""
    pause = Pause.after("20260301-090000", "authentication failed", NOW)
    _say(rehearsing.home, lambda ledger: ledger.meta.put(PAUSED, pause.dump()))
    for more in ((), ("--json",), ("--wait", "30")):
        ran = rehearsing("wake", "custom", "hi", *more)
        assert (ran.code, ran.out, ran.err) == (1, "", f"claude-runner: {pause.text}\n")
    assert rehearsing("queue", "--json").json == rehearsing("sessions", "--json").json == []
    assert rehearsing("wake", "custom", "hi", "--dry-run").code == 0
    assert rehearsing("resume").code == 0
    assert rehearsing("wake", "custom", "hi").code == 0


def test_with_a_budget_spent_a_wake_is_refused(rehearsing: CommandLine) -> None:
    """The limit, what is used and what can be done are told in one line, exit 1, no row."""
    rehearsing.environ["BUDGET_DAY_USD"] = "2"
    _say(rehearsing.home, lambda ledger: ledger.spend.record(SpendEntry(ref="x", at=NOW, cost_usd=2.0)))
    ran = rehearsing("wake", "custom", "hi")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("claude-runner: budget of the day: 2 USD of 2; ")
    assert rehearsing("sessions", "--json").json == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("custom", "\udcff"), "is no text; write it in UTF-8"),
        (("custom", "x" * 20_001), "the message has 20001 characters; at most 20000"),
        (("custom", "hi", "--sender", "\udce9"), "is no text; write it in UTF-8"),
        (("talk",), "unknown type 'talk'; allowed: midnight"),
    ],
)
def test_what_is_no_wake_is_one_line_and_exit_2(
    rehearsing: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    """Neither a process nor the ledger is asked for what no moment makes right."""
    ran = rehearsing("wake", *arguments)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert words in ran.err
    assert not (rehearsing.home / "sessions.db").exists()


def test_only_its_own_wake_runs_and_the_others_stay(rehearsing: CommandLine) -> None:
    """Wakes that stand before it, or wait for their hour, are left to a process; the person learns how many."""

    async def leave(ledger: Ledger) -> None:
        await ledger.wakes.enqueue(WakeRequest(type="telegram", message="first"), NOW)
        await ledger.wakes.enqueue(WakeRequest(type="self", not_before=NOW + timedelta(hours=1)), NOW)

    _say(rehearsing.home, leave)
    ran = rehearsing("wake", "noon")
    assert ran.code == 0
    assert ran.err == "2 other wakes stay in the queue for a running process (see: queue)\n"
    assert [(row["type"], row["state"]) for row in rehearsing("queue", "--json").json] == [
        ("telegram", "queued"),
        ("self", "queued"),
    ]
    assert [row["type"] for row in rehearsing("sessions", "--json").json] == ["noon"]


def test_no_other_command_takes_a_wake_that_is_about_to_begin(
    rehearsing: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between claim and session another command finds the lock held: it puts nothing back, and leaves no row."""
    run, others = Engine.run, []

    async def late(engine: Engine, wake: Wake, **more: Any) -> EndedSession:
        if wake.type == "noon":
            others.append(await trio.to_thread.run_sync(lambda: rehearsing("wake", "dusk")))
        return await run(engine, wake, **more)

    monkeypatch.setattr(Engine, "run", late)
    ran = rehearsing("wake", "noon")
    assert (others[0].code, "another session is running (" in others[0].err) == (75, True)
    assert (ran.code, "completed" in ran.out) == (0, True)
    assert [(row["type"], row["state"]) for row in rehearsing("sessions", "--json").json] == [("noon", "completed")]
    assert rehearsing("queue", "--json").json == []


def test_a_failure_of_ours_puts_the_wake_back_and_says_so_in_one_line(
    rehearsing: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What breaks before the session has begun is told without a traceback; the wake stays in the queue."""

    async def broken(*_: object) -> str | None:
        raise LedgerUnavailable("the disk went away")

    monkeypatch.setattr(Engine, "_refusal", broken)
    ran = rehearsing("wake", "noon")
    assert (ran.code, ran.err) == (70, "claude-runner: the disk went away\n")
    assert [(row["type"], row["state"]) for row in rehearsing("queue", "--json").json] == [("noon", "queued")]


def test_a_reader_that_leaves_ends_the_telling_and_not_the_session(rehearsing: CommandLine) -> None:
    """`wake -v | head -1` ends quietly; the session is completed and every hook has its verdict."""
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "runner", "wake", "custom", "hi", "--verbose"],
        env={**os.environ, **rehearsing.environ, "REHEARSAL_SPEED": "2000"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.read(1)
    running.stdout.close()
    err = running.stderr.read().decode()
    assert (running.wait(60), "Traceback" in err, "Broken pipe" in err) == (1, False, False)
    running.stderr.close()
    (row,) = rehearsing("sessions", "--json").json
    assert row["state"] == "completed"
    assert row["hooks"]
    assert all(hook["verdict"] for hook in row["hooks"])


def test_a_home_with_no_model_refuses_with_the_reason(lived: CommandLine) -> None:
    """Without a backend the wake is refused, exit 1, and the row says why."""
    lived.environ["CLAUDE_BIN"] = "no-such-program"
    (lived.home / "data" / "home.json").unlink()
    ran = lived("wake", "noon")
    assert ran.code == 1
    assert "no model configured" in ran.out
    assert lived("sessions", "--json").json[0]["state"] == "refused"
    assert lived("doctor").code == 1


def test_ctrl_c_ends_the_session_and_records_it(rehearsing: CommandLine) -> None:
    """An interrupt in the middle of the writing ends the session; its row says interrupted, the status is idle."""
    program = (
        "import os, sys; from runner.cli.app import main; from runner.cli.context import CliContext;"
        "sys.exit(main(sys.argv[1:], CliContext(os.environ, lambda _: 0)))"
    )
    running = subprocess.Popen(
        [sys.executable, "-u", "-c", program, "wake", "noon", "--verbose"],
        env={**os.environ, **rehearsing.environ, "REHEARSAL_SPEED": "20"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdout is not None
    running.stdout.read(40)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130, err
    assert rehearsing("sessions", "--json").json[0]["state"] == "interrupted"
    assert '"active": false' in (rehearsing.home / "data" / "session-status.json").read_text().replace(":f", ": f")


def test_through_the_process_the_wake_is_followed(lived: CommandLine, process: FakeProcess, tmp_path: Path) -> None:
    """The process gets every option, its steps are shown, and its exit code is ours."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"")
    name = "20260301-123000"
    process.answers["wake"] = [
        WakeProgress("queued", name),
        WakeProgress("started", name, detail="gathering"),
        WakeProgress("text", name, text="Good "),
        WakeProgress("text", name, text="morning"),
        WakeProgress("tool", name, detail="Write"),
        WakeProgress("hooks", name),
        WakeProgress("ended", name),
        Answer(WakeResult(name, "failed", "deadline", 0.5, 3), exit_code=124),
    ]
    arguments = ("custom", "hi", "--sender", "ada", "--image", str(picture), "--max-turns", "7", "--wait", "2.5", "-v")
    ran = lived("wake", *arguments)
    assert ran.code == 124
    assert ran.out == f"Good morning\n{name} failed, 3 turns, $0.5000, deadline\n"
    assert ran.err.splitlines() == [f"{name} waits", f"{name} began gathering", "tool: Write", "hooks"]
    assert process.asked == [("wake", WakeParams("custom", "hi", "ada", str(picture), 7, 2.5))]
    assert lived("wake", "custom", "hi", "--json").json["state"] == "failed"


def test_a_wake_that_has_to_wait_is_75_and_stays_queued(lived: CommandLine, process: FakeProcess) -> None:
    """When patience ends before its turn, the exit code is 75 and the person learns that it still waits."""
    process.answers["wake"] = [Answer(WakeResult("x", "queued", "another goes first"), exit_code=75)]
    ran = lived("wake")
    assert ran.code == 75
    assert "stays in the queue" in ran.err
    process.answers["wake"] = [CommandError("unknown_type", "no", exit_code=2)]
    assert lived("wake").code == 2
