"""`letter`, with no process running."""

import json

import attrs

from runner.tools import grants as grant
from runner.tools.capabilities import Grant
from tests.runner.cli.conftest import CommandLine


def test_a_letter_goes_into_the_thread(lived: CommandLine) -> None:
    """The id is printed, the words stand in the file; a file's text can be sent, and an answer names its letter."""
    (lived.home / "mailbox" / "mira").mkdir(parents=True)
    assert lived("letter", "--to", "mira", "hello", "there").out == "msg_20260301_c_001 to mira\n"
    (lived.folder / "letter.txt").write_text("from a file\n")
    answer = ("--reply-to", "msg_20260301_c_001", "--file", str(lived.folder / "letter.txt"))
    ran = lived("letter", "--to", "mira", *answer, "--json")
    assert ran.json["id"] == "msg_20260301_c_002"
    lines = (lived.home / "mailbox" / "mira" / "thread.jsonl").read_text().splitlines()
    assert [json.loads(line)["body"] for line in lines] == ["hello there", "from a file"]


def test_refusals_exit_1_and_bad_usage_2(lived: CommandLine) -> None:
    """No such mailbox, a path for a name and an empty letter are refused; a missing or double argument is bad usage."""
    (lived.home / "mailbox" / "mira").mkdir(parents=True)
    for arguments in (
        ("--to", "tom", "x"),
        ("--to", "../x", "x"),
        ("--to", "mira"),
        ("--to", "mira", "--file", "gone"),
    ):
        ran = lived("letter", *arguments)
        assert (ran.code, ran.out) == (1, ""), arguments
        assert ran.err
    assert lived("letter", "x").code == 2
    assert lived("letter", "--to", "mira", "x", "--file", "y").code == 2


def test_a_session_writes_only_to_whom_it_may(lived: CommandLine) -> None:
    """The caller's mark finds the session's grant: others can't be written to, nothing closed or from outside can be
    sent, another home can't be named; and when the session has ended, nothing at all.
    """
    for user in ("mira", "tom"):
        (lived.home / "mailbox" / user).mkdir(parents=True)
    (lived.home / "sandbox").mkdir(exist_ok=True)
    (lived.home / "sandbox" / "letter.md").write_text("from the sandbox")
    (lived.home / "runner" / ".env").write_text("")
    (lived.folder / "outside.txt").write_text("outside")
    place = lived.home / "data" / "tmp" / "20260301-120000"
    place.mkdir(parents=True)
    grant.keep(place, Grant(("letter",), ("mira",)))
    inside = attrs.evolve(lived, environ={**lived.environ, "CLAUDE_SESSION_ID": place.name})
    assert inside("letter", "--to", "mira", "hello").code == 0
    assert inside("letter", "--to", "mira", "--file", "sandbox/letter.md").code == 0
    for arguments, code in (
        (("--to", "tom", "x"), 1),
        (("--to", "mira", "--file", "runner/.env"), 1),
        (("--to", "mira", "--file", str(lived.folder / "outside.txt")), 1),
        (("--to", "mira", "x", "--home", str(lived.home)), 2),
    ):
        assert inside("letter", *arguments).code == code, arguments
    assert inside("schedule", "--at", "16:30", "--reason", "x").code == 1
    assert inside("impulse", "list").code == 1
    (place / "grant.json").unlink()
    assert inside("letter", "--to", "mira", "late").code == 1
    lines = (lived.home / "mailbox" / "mira" / "thread.jsonl").read_text().splitlines()
    assert [json.loads(line)["body"] for line in lines] == ["hello", "from the sandbox"]
    assert not (lived.home / "mailbox" / "tom" / "thread.jsonl").exists()
