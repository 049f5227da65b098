"""`ps restart stop start kill reload events` against a control server that answers as told."""

import json

import pytest

from runner.control.protocol import (
    ActionResult,
    ActorParams,
    ActorRow,
    Answer,
    CommandError,
    EventsParams,
    ReloadResult,
    RestartParams,
)
from tests.runner.cli.conftest import CommandLine, FakeProcess

FIELDS = ("name", "state", "restarts", "queue", "oldest_message_s", "last_error", "critical")


def test_ps_shows_every_actor(lived: CommandLine, process: FakeProcess) -> None:
    """The table has one line an actor with its trouble; --json has the fields that other programs rely on."""
    process.answers["ps"] = [
        ActorRow("web", "running", 2, 0, None, None, critical=True, incarnation=3, since="2026-03-01T17:00:00+00:00"),
        ActorRow("session", "running", 0, 4, 1.25, None, critical=False, paused=True, draining=True),
        ActorRow("indexer", "failed", 7, 9, None, "Traceback\nValueError: nothing [here]\n", critical=False),
    ]
    lines = lived("ps").out.splitlines()
    assert lines[0].split() == ["name", "state", "since", "life", "restarts", "queue", "oldest", "critical", "note"]
    assert "2026-03-01 12:00:00" in lines[1]
    assert "running paused draining" in lines[2]
    assert "1.2 s" in lines[2]
    assert lines[3].endswith("ValueError: nothing [here]")
    rows = lived("ps", "--json").json
    assert all(set(FIELDS) <= set(row) for row in rows)
    assert [row["critical"] for row in rows] == [True, False, False]


@pytest.mark.parametrize("action", ["restart", "stop", "start", "kill"])
def test_actions_name_the_actor_and_tell_what_became_of_it(
    lived: CommandLine, process: FakeProcess, action: str
) -> None:
    """Each action is asked by its own command, told in words or JSON, and passes on its exit code."""
    process.answers[action] = ActionResult("web", action, "running", "web is running, life 4")
    ran = lived(action, "web")
    assert (ran.code, ran.out) == (0, "web is running, life 4\n")
    assert lived(action, "web", "--json").json["state"] == "running"
    wanted = RestartParams("web") if action == "restart" else ActorParams("web")
    assert process.asked == [(action, wanted)] * 2
    process.answers[action] = Answer(ActionResult("web", action, "backoff"), exit_code=1)
    ran = lived(action, "web")
    assert (ran.code, ran.out) == (1, f"{action} web: backoff\n")


def test_a_restart_may_drain(lived: CommandLine, process: FakeProcess) -> None:
    """--drain reaches the process."""
    process.answers["restart"] = ActionResult("session", "restart", "running", "done")
    assert lived("restart", "session", "--drain").code == 0
    assert process.asked == [("restart", RestartParams("session", drain=True))]


def test_a_refusal_is_one_line_with_its_exit_code(lived: CommandLine, process: FakeProcess) -> None:
    """What the process refuses is told as it said it."""
    process.answers["stop"] = CommandError("unknown_actor", "no actor 'bob'; known: web", exit_code=2)
    ran = lived("stop", "bob")
    assert (ran.code, ran.err) == (2, "claude-runner: no actor 'bob'; known: web\n")


def test_reload_tells_what_changed(lived: CommandLine, process: FakeProcess) -> None:
    """Settings in force, actors restarted and what waits for the next start are told apart."""
    process.answers["reload"] = ReloadResult(live=("http.max_streams",), restarted=("web",))
    assert lived("reload").out.splitlines() == [
        "in force now: http.max_streams",
        "actors restarted: web",
        "waiting for the next start of the process: none",
    ]
    assert lived("reload", "--json").json["restarted"] == ["web"]


def test_without_a_process_the_command_says_so(lived: CommandLine) -> None:
    """The commands that need a process end with 1 and name what starts one."""
    for arguments in (("ps",), ("restart", "web"), ("events",), ("dead-letters", "resend", "1")):
        ran = lived(*arguments)
        assert ran.code == 1
        assert "claude-runner up" in ran.err


def test_events_come_as_they_happen(lived: CommandLine, process: FakeProcess) -> None:
    """With --json each event is one line; without, a line to read; --count ends it, --recent is asked for."""
    process.answers["events"] = [
        {"number": 1, "at": "2026-03-01T12:00:00+00:00", "name": "actor.ready", "actor": "web", "cause": None},
        {"number": 2, "at": "2026-03-01T12:00:01+00:00", "name": "actor.crashed", "error": "x\n" * 300},
        ...,
    ]
    ran = lived("events", "--json", "--count", "2", "--recent", "7")
    assert [json.loads(line)["name"] for line in ran.out.splitlines()] == ["actor.ready", "actor.crashed"]
    assert process.asked == [("events", EventsParams(7))]
    lines = lived("events", "--count", "2").out.splitlines()
    assert lines[0] == "2026-03-01T12:00:00+00:00 actor.ready actor=web"
    assert lines[1].endswith("…")
    process.answers["events"] = [None]
    assert lived("events").code == 0
