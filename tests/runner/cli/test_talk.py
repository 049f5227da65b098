"""`talk` in a real terminal (a pty), with a program of ours in the place of the model's."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
import trio

from runner.cli import talk
from runner.cli.context import CliContext
from runner.ledger import WakeRequest
from runner.session.lock import SessionLock
from tests.runner.cli.conftest import NOW, CommandLine, a_ledger, inline

PROGRAM = """#!{python}
import json, os, pathlib, signal, sys
if "--version" in sys.argv:
    print("0.0.0 (stand-in)"); raise SystemExit
home = pathlib.Path.cwd()
prompt = pathlib.Path(sys.argv[sys.argv.index("--system-prompt-file") + 1])
facts = {{"argv": sys.argv[1:], "prompt": prompt.read_text(), "mode": oct(prompt.stat().st_mode & 0o777),
         "tty": os.isatty(0) and os.isatty(1), "group": os.getpgrp(), "secret": os.environ.get("API_KEY"),
         "lock": (home / "data" / "session.lock").read_text()}}
(home / "sandbox" / "facts.json").write_text(json.dumps(facts))
print("hello from the stand-in", flush=True)
code = int(sys.stdin.readline())
raise SystemExit(code)
"""
ROOT = Path(__file__).resolve().parents[3]


@attrs.define(eq=False)
class Terminal:
    """`talk` with a terminal of its own."""

    process: subprocess.Popen[bytes]
    master: int
    seen: str = ""

    def until(self, words: str) -> None:
        end = time.monotonic() + 30
        while words not in self.seen:
            assert time.monotonic() < end, self.seen
            self._read(0.5)

    def say(self, line: str) -> None:
        os.write(self.master, line.encode() + b"\n")

    def over(self) -> int:
        end = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < end, self.seen
            self._read(0.1)
        self._read(0)
        return self.process.wait()

    def _read(self, within: float) -> None:
        if select.select([self.master], [], [], within)[0]:
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:  # the other end is closed
                time.sleep(0.01)


@pytest.fixture
def talking(lived: CommandLine) -> CommandLine:
    """A home whose model's program is the stand-in."""
    program = lived.folder / "claude"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    (lived.home / "sandbox").mkdir(exist_ok=True)
    lived.environ |= {
        "SESSION_BACKEND": "claude-cli", "CLAUDE_BIN": str(program), "ANTHROPIC_API_KEY": "x", "API_KEY": "hush",
        "WEATHER_URL": "", "KP_URL": "", "PATH": os.environ["PATH"], "SCHEDULER_ENABLED": "false",
    }  # fmt: skip
    return lived


def open_terminal(command: CommandLine, *arguments: str) -> Terminal:
    master, slave = pty.openpty()
    argv = [sys.executable, "-m", "runner", "talk", *arguments]
    process = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=command.environ, cwd=ROOT, start_new_session=True
    )
    os.close(slave)
    return Terminal(process, master)


def facts(command: CommandLine) -> dict[str, object]:
    found = json.loads((command.home / "sandbox" / "facts.json").read_text())
    assert isinstance(found, dict)
    return found


def sessions(command: CommandLine) -> list[dict[str, object]]:
    found = command("sessions", "--json").json
    assert isinstance(found, list)
    return found


def test_a_conversation_has_the_terminal_and_the_lock(talking: CommandLine) -> None:
    """The program reads and writes the terminal under the session lock, with the system prompt in a private file."""
    terminal = open_terminal(talking)
    terminal.until("hello from the stand-in")
    with pytest.raises(Exception, match="another session is running"):
        trio.run(_take_lock, talking.home)
    terminal.say("0")
    assert terminal.over() == 0, terminal.seen
    assert "the conversation took 0:00:0" in terminal.seen
    found = facts(talking)
    assert (found["tty"], found["mode"], found["secret"]) == (True, "0o600", None)
    assert found["group"] == terminal.process.pid  # the group that the terminal gives its input to
    assert '"type": "talk"' in str(found["lock"])
    argv = found["argv"]
    assert isinstance(argv, list)
    assert not {"-p", "--max-turns", "--output-format", "--continue"} & set(argv)
    assert str(found["prompt"]) not in argv
    (row,) = sessions(talking)
    assert (row["type"], row["state"], row["exit_code"]) == ("talk", "completed", 0)
    hooks = row["hooks"]
    assert isinstance(hooks, list)
    assert {hook["name"] for hook in hooks} == {"revalidation", "git"}
    assert list((talking.home / "conversations").glob("*")) == []
    assert not (talking.home / "data" / "live-stream.jsonl").exists()
    (log,) = (talking.home / "logs").glob("talk-*.log")
    assert log.read_text().splitlines()[-1].startswith("=== Talk ended, exit code: 0: ")
    os.close(terminal.master)


def test_an_unclean_end_has_no_hooks(talking: CommandLine) -> None:
    """The program's exit code is ours, the record says so, and nothing is committed."""
    terminal = open_terminal(talking, "--continue")
    terminal.until("hello from the stand-in")
    terminal.say("3")
    assert terminal.over() == 3, terminal.seen
    assert "--continue" in str(facts(talking)["argv"])
    (row,) = sessions(talking)
    assert (row["state"], row["reason"], row["hooks"]) == ("failed", "the conversation ended with exit code 3", [])
    os.close(terminal.master)


def test_an_interrupt_is_the_programs_and_a_hang_up_ends_both(talking: CommandLine) -> None:
    """Ctrl-C ends the stand-in, exit 130; a hang-up of ours ends the program and leaves a record."""
    terminal = open_terminal(talking)
    terminal.until("hello from the stand-in")
    os.killpg(terminal.process.pid, signal.SIGINT)  # as a terminal does it: to everybody in its group
    assert terminal.over() == 130, terminal.seen
    os.close(terminal.master)
    terminal = open_terminal(talking)
    terminal.until("hello from the stand-in")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.over() == 130, terminal.seen
    newest = sessions(talking)[0]
    assert (newest["state"], newest["reason"]) == ("interrupted", "SIGTERM")
    os.close(terminal.master)


@pytest.mark.parametrize(("minutes", "asked"), [(9, True), (10, True), (11, False)])
def test_a_near_slot_is_asked_about(
    lived: CommandLine, monkeypatch: pytest.MonkeyPatch, minutes: int, asked: bool
) -> None:
    """With a slot ten minutes away or nearer a person decides, and no is the answer that needs no word."""
    said: list[tuple[str, bool]] = []

    def confirm(text: str, *, default: bool) -> bool:
        said.append((text, default))
        return default

    monkeypatch.setattr("typer.confirm", confirm)
    slot = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    shell = CliContext(environ=lived.environ, up=lambda _: 0, now=lambda: slot - timedelta(minutes=minutes))
    settings = shell.load(None, None).settings
    assert talk._goes_ahead(shell, settings) is not asked
    assert said == ([(f"afternoon comes in {minutes} min and would wait. Talk all the same?", False)] if asked else [])


def test_without_a_terminal_or_a_program_there_is_no_talk(lived: CommandLine) -> None:
    """A pipe is no terminal: exit 1 and one line; the rehearsal holds no conversation."""
    ran = lived("talk")
    assert (ran.code, ran.out) == (1, "")
    assert "needs a terminal" in ran.err
    terminal = open_terminal(lived, "--no-cron-check")
    assert terminal.over() == 1
    assert "needs the Claude Code program" in terminal.seen
    os.close(terminal.master)


def test_a_dry_run_prints_and_begins_nothing(talking: CommandLine) -> None:
    """System prompt and command line, in a pipe too; no ledger is made."""
    ran = talking("talk", "--dry-run", "--continue")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("=== SYSTEM PROMPT ===")
    assert "--system-prompt-file FILE --continue" in ran.out
    assert not (talking.home / "sessions.db").exists()


async def test_a_talk_that_comes_back_into_the_queue_is_missed(lived: CommandLine) -> None:
    """Only its terminal can run it: no session actor ever claims it, and it gets its one record."""
    async with a_ledger(lived.home) as ledger:
        taken = await ledger.wakes.take(WakeRequest(type="talk", expires_at=NOW + timedelta(seconds=1)), NOW)
        assert taken.state == "claimed"
        later = NOW + timedelta(minutes=1)
        await ledger.wakes.release(taken.id, later)
        assert await ledger.wakes.claim(later) is None
        (ended,) = await ledger.wakes.expire(later)
        assert ended.state == "missed"


async def _take_lock(home: Path) -> None:
    async with SessionLock(home / "data" / "session.lock", inline).held({"type": "test"}):
        raise AssertionError("the lock was free")
