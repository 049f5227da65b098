"""`letter`, with no process running."""

import json

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
