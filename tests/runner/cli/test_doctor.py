"""`doctor` and its checks, on homes with one thing wrong each."""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from runner.control.protocol import ActorRow, CommandError
from runner.ledger import SessionFacts, SessionOutcome, WakeRequest
from tests.runner.cli.conftest import NOW, CommandLine, FakeProcess, a_ledger


def findings(command: CommandLine) -> dict[str, tuple[str, str]]:
    """What the doctor says, by subject."""
    return {row["what"]: (row["verdict"], row["text"]) for row in command("doctor", "--json").json}


def test_a_new_home_is_well(lived: CommandLine) -> None:
    """On a home that was just made nothing is wrong, every subject is looked at, and nothing is changed."""
    before = sorted(str(path) for path in lived.home.rglob("*") if ".git/" not in str(path))
    ran = lived("doctor")
    assert ran.code == 0
    assert "WRONG" not in ran.out
    assert {"configuration", "home", "credentials", "model", "ledger", "index", "disk", "clock", "last slots"} <= set(
        findings(lived)
    )
    assert sorted(str(path) for path in lived.home.rglob("*") if ".git/" not in str(path)) == before


def test_secrets_are_counted_and_never_shown(lived: CommandLine) -> None:
    """A secret appears as its length; neither form of output holds a part of it."""
    lived.environ |= {"API_KEY": "hush-hush-key", "ANTHROPIC_API_KEY": "sk-ant-very-secret"}
    ran = lived("doctor")
    assert "API_KEY set (13 characters)" in ran.out
    assert "hush" not in ran.out + lived("doctor", "--json").out
    assert "moderation" not in findings(lived)


def _env_file(command: CommandLine) -> None:
    command.home.joinpath("runner").mkdir(exist_ok=True)
    command.home.joinpath("runner", ".env").write_text("A=1\n")
    command.home.joinpath("runner", ".env").chmod(0o644)


def _ledger(command: CommandLine) -> None:
    command.home.joinpath("sessions.db").write_bytes(b"this is no database" * 100)


def _future(command: CommandLine) -> None:
    command.now = lambda: datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "words", "spoil"),
    [
        ("configuration", "door", lambda command: command.environ.update(API_PORT="door")),
        ("home", "claude-runner init", lambda command: command.environ.update(CLAUDE_HOME="/nowhere/at/all")),
        ("secrets file", "chmod 600", _env_file),
        ("model", "claude-cli", lambda c: c.environ.update(SESSION_BACKEND="claude-cli", CLAUDE_BIN="/no/claude")),
        ("model", "ANTHROPIC_API_KEY", lambda command: command.environ.update(SESSION_BACKEND="anthropic-api")),
        ("ledger", "sessions.db", _ledger),
        ("clock", "2020-01-01", _future),
    ],
)
def test_what_is_wrong_is_named_with_exit_1(
    lived: CommandLine, what: str, words: str, spoil: Callable[[CommandLine], None]
) -> None:
    """Each trouble is found under its subject, says what to do or what is allowed, and the exit code is 1."""
    spoil(lived)
    verdict, text = findings(lived)[what]
    assert verdict == "wrong"
    assert words in text
    assert lived("doctor").code == 1


def test_odd_but_harmless_things_are_notices(lived: CommandLine) -> None:
    """An unknown name, missing folders and a scheduler switched off are told without failing."""
    lived.environ |= {"API_PROT": "1", "SCHEDULER_ENABLED": "false"}
    lived.home.joinpath("thoughts").rename(lived.home / "elsewhere")
    found = findings(lived)
    assert [found[what][0] for what in ("configuration", "home", "last slots")] == ["notice"] * 3
    assert lived("doctor").code == 0


def test_a_home_that_cannot_be_written_is_wrong(lived: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without the right to write is named with the user who lacks it."""
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "logs")
    verdict, text = findings(lived)["home"]
    assert verdict == "wrong"
    assert "logs" in text


@pytest.mark.parametrize(("free", "verdict"), [(10 * 1024**3, "ok"), (1024**3, "notice"), (1024**2, "wrong")])
def test_the_disk_has_to_have_room(
    lived: CommandLine, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    """Little space is a notice, almost none is wrong."""

    class Usage:
        pass

    usage = Usage()
    usage.free = free  # type: ignore[attr-defined]  # stands in for the named tuple of shutil
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert findings(lived)["disk"][0] == verdict


def _slots(command: CommandLine, *states: str, started: datetime = NOW) -> None:
    async def fill() -> None:
        async with a_ledger(command.home) as ledger:
            for number, state in enumerate(states):
                slot = NOW - timedelta(hours=24 - 3 * number)
                if state == "missed":
                    await ledger.sessions.record_missed_slot(slot, "noon", "too late", NOW)
                    continue
                wake = await ledger.wakes.enqueue(WakeRequest(type="noon", slot=slot.isoformat()), NOW)
                await ledger.wakes.claim(NOW)
                await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=started))
                await ledger.sessions.finish(wake.id, SessionOutcome(state=state, ended_at=started, reason="why"))

    trio.run(fill)


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (("completed", "completed"), "ok"),
        (("completed", "missed"), "notice"),
        (("failed", "missed", "failed"), "wrong"),
    ],
)
def test_the_last_slots_are_judged(lived: CommandLine, states: tuple[str, ...], verdict: str) -> None:
    """All well is ok, some missed a notice, none well is wrong."""
    _slots(lived, *states)
    assert findings(lived)["last slots"][0] == verdict
    assert "newest" in findings(lived)["ledger"][1]


def test_a_hook_that_fails_three_times_in_a_row_is_wrong(lived: CommandLine) -> None:
    """It is named with its newest reason; two failures are not yet told."""

    async def fail(times: int) -> None:
        async with a_ledger(lived.home) as ledger:
            for _ in range(times):
                wake = await ledger.wakes.enqueue(WakeRequest(type="noon"), NOW)
                await ledger.wakes.claim(NOW)
                await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=NOW))
                outcome = SessionOutcome(state="completed", ended_at=NOW, hooks=("mood", "git"))
                await ledger.sessions.finish(wake.id, outcome)
                await ledger.hooks.finish(wake.id, "mood", "done", None, NOW)
                await ledger.hooks.finish(wake.id, "git", "failed", "not pushed: the remote is gone", NOW)

    trio.run(fail, 2)
    assert findings(lived)["hooks"][0] == "ok"
    trio.run(fail, 1)
    verdict, text = findings(lived)["hooks"]
    assert verdict == "wrong"
    assert text == "git has failed after each of the last 3 sessions: not pushed: the remote is gone"
    assert lived("doctor").code == 1


def test_a_session_from_the_future_means_the_clock_went_back(lived: CommandLine) -> None:
    """A session that began after now is a clock that was set back."""
    _slots(lived, "completed", started=NOW + timedelta(hours=1))
    assert findings(lived)["clock"][0] == "wrong"


def test_the_process_is_asked_how_it_is(lived: CommandLine, process: FakeProcess) -> None:
    """A running process with all actors well is ok, with a failed one wrong, and one that can't answer too."""
    process.answers["ps"] = [ActorRow("web", "running", 0, 0, None, None, critical=True)]
    assert findings(lived)["process"] == ("ok", "running, 1 actors")
    process.answers["ps"] = [ActorRow("web", "failed", 7, 0, None, "x", critical=True)]
    assert findings(lived)["process"] == ("wrong", "web failed")
    process.answers["ps"] = CommandError("busy", "not now")
    assert findings(lived)["process"] == ("wrong", "not now")


def test_pages_that_are_not_as_they_should_be_are_named(lived: CommandLine) -> None:
    """What had to be guessed and what is left out, with what to mend: the newest ones, and the number of the rest."""
    assert findings(lived)["entries"] == ("ok", "all are served as they are written")
    (lived.home / "thoughts" / "odd.md").write_text("---\ndate: 2026-02-03\ntitle: Day 3: Noon\n---\n")
    (lived.home / "dreams" / "bad.md").write_bytes(b"\0" * 50)
    verdict, text = findings(lived)["entries"]
    assert verdict == "notice"
    assert text.startswith("2 files are not as they should be: ")
    assert "thoughts/odd.md: the frontmatter is no valid YAML (line 3" in text
    assert "dreams/bad.md is left out: no text" in text
    for number in range(20):
        (lived.home / "essays" / f"{number}.md").write_text("words")
    assert findings(lived)["entries"][1].endswith("and 12 more")
    assert lived("doctor").code == 0
