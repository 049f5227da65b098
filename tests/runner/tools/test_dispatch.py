"""The resident's commands as tools: the same library as the command line, within the session's grant."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runner.correspondence import Threads
from runner.schedule import load_schedule
from runner.tools.capabilities import COMMANDS, Grant
from runner.tools.commands import ResidentCommands
from runner.tools.dispatch import SessionTools
from runner.tools.files import HomeTools, ToolAnswer
from tests.runner.session.stage import make_home, settings_for

NOW = datetime(2026, 3, 2, 15, 15, tzinfo=UTC)
"""A quarter past ten in New York."""
ALL = Grant(tuple(COMMANDS))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = make_home(tmp_path)
    for user in ("mira", "tom"):
        (home / "mailbox" / user).mkdir(parents=True)
    return home


def tools(home: Path, grant: Grant = ALL) -> SessionTools:
    settings = settings_for(home)
    resident_commands = ResidentCommands(settings, load_schedule(settings.resident.zone), lambda: NOW)
    return SessionTools.of(HomeTools(home, ("Read",)), resident_commands, grant)


def call(home: Path, name: str, grant: Grant = ALL, /, **given: Any) -> ToolAnswer:
    return tools(home, grant).call(name, given)


def test_a_session_has_the_commands_of_its_grant(home: Path) -> None:
    """As tools with a description and their members, behind the home's own; without a library there are none."""
    assert tools(home).names() == ("Read", *COMMANDS)
    assert tools(home, Grant(("impulse",))).names() == ("Read", "impulse")
    letter = next(tool for tool in tools(home).definitions() if tool["name"] == "letter")
    assert set(letter["input_schema"]["properties"]) == {"to", "text", "reply_to"}
    assert letter["input_schema"]["required"] == ["to", "text"]
    assert SessionTools.of(HomeTools(home, ("Read",)), None, ALL).names() == ("Read",)


def test_a_letter_is_sent(home: Path) -> None:
    """It stands in the thread; whom the grant leaves out, and who has no mailbox, is not written to."""
    threads = Threads(home / "mailbox")
    asked = threads.append("mira", "well?", now=NOW, sender="mira")
    sent = call(home, "letter", to="mira", text="It is.", reply_to=asked.id)
    assert (sent.content, sent.is_error) == ("msg_20260302_c_001 to mira", False)
    assert [(one.body, one.in_reply_to) for one in threads.tail("mira")][1:] == [("It is.", asked.id)]
    for grant, to in ((Grant(("letter",), ("mira",)), "tom"), (ALL, "nobody"), (ALL, "../x")):
        assert call(home, "letter", grant, to=to, text="x").is_error
    assert threads.tail("tom") == ()
    assert call(home, "letter", to="mira").content == "text has to be a text, not null"


def test_a_command_that_is_not_had_is_no_tool(home: Path) -> None:
    """The answer names what there is."""
    found = call(home, "letter", Grant(("impulse",)), to="mira", text="x")
    assert (found.content, found.is_error) == ("there is no tool 'letter'; you have Read, impulse", True)


def test_an_own_wake_is_set_shown_and_cancelled(home: Path) -> None:
    """As by the command line, with the same rules."""
    assert call(home, "schedule", at="10:30", reason="the tide").content == "you will wake at 2026-03-02 10:30"
    assert json.loads((home / "data" / "self-schedule.json").read_text())["reason"] == "the tide"
    assert "this replaces the wake of 2026-03-02 10:30" in call(home, "schedule", at="11:00", reason="x").content
    assert "0 of 3, 3 left; set for 2026-03-02 11:00: x" in call(home, "schedule", action="status").content
    assert call(home, "schedule", action="cancel").content == "cancelled the wake of 2026-03-02 11:00"
    assert call(home, "schedule", action="cancel").content == "nothing was set"
    for given in ({}, {"at": "10:30", "in": "2h"}, {"at": "12:10", "reason": "x"}, {"at": "11:00"}, {"action": "x"}):
        assert call(home, "schedule", **given).is_error, given


def test_a_wish_is_kept_and_dropped(home: Path) -> None:
    """Added, listed and let go of; what can't be kept is said."""
    name = call(home, "impulse", action="add", words="paint the door").content.partition(" ")[0]
    assert call(home, "impulse", action="list").content == f"{name} (low): paint the door"
    assert call(home, "impulse", action="drop", id=name).content == f"{name} dropped"
    assert call(home, "impulse", action="list").content == "no impulses"
    for given in ({"action": "add", "words": " "}, {"action": "drop", "id": "x"}, {"action": "paint"}, {}):
        assert call(home, "impulse", **given).is_error, given
