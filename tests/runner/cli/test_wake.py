"""`wake`: on its own with the rehearsal, and through a process that answers as told."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from runner.control.protocol import Answer, CommandError, WakeParams, WakeProgress, WakeResult
from runner.ledger import WakeRequest
from runner.session.lock import SessionLock
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
        "import os, sys; from runner.cli.app import main; from runner.cli.shell import Shell;"
        "sys.exit(main(sys.argv[1:], Shell(os.environ, lambda _: 0)))"
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
