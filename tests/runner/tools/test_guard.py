"""What the guard lets pass: one plain call of a command, and paths that the session may read or write."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.tools import guard
from runner.tools.capabilities import Grant
from runner.tools.grants import access_of
from runner.tools.links import leading_out

NAMES = ("letter", "schedule")


@pytest.mark.parametrize(
    "command",
    [
        'claude-runner letter --to mira "hello; it is 5 & <more> | (all)"',
        "claude-runner letter --to mira 'costs $5 `or so`, isn'\"'\"'t it'",
        'claude-runner letter --to mira "line one\nline two" --reply-to msg_20260301_u_001',
        '  claude-runner schedule --in 2h --reason "a \\"quoted\\" reason"  ',
    ],
)
def test_plain_calls_pass(command: str) -> None:
    """Quoted text may hold anything; outside of quotes there are words and spaces."""
    assert guard.passes(command, NAMES, ())


@pytest.mark.parametrize(
    "command",
    [
        "",
        "claude-runner",
        "claude-runner up",
        "claude-runner impulse list",
        "claude-runner letters",
        "cat < runner/.env",
        "grep -r KEY .",
        "cat thoughts/x.md",
        'claude-runner letter --to mira "$(cat runner/.env)"',
        'claude-runner letter --to mira "`cat runner/.env`"',
        "claude-runner letter --to mira $HOME",
        "claude-runner letter --to mira x; cat < runner/.env",
        "claude-runner letter --to mira x\ncat < runner/.env",
        "claude-runner letter --to mira x && cat y",
        "claude-runner letter --to mira x | cat",
        "claude-runner letter --to mira x > sandbox/y",
        "claude-runner letter --to mira <(cat runner/.env)",
        "claude-runner letter --to mira <<EOF\nx\nEOF",
        "CLAUDE_SESSION_ID= claude-runner letter --to mira x",
        "env -u CLAUDE_SESSION_ID claude-runner letter --to mira x",
        "timeout 5 claude-runner letter --to mira x",
        "./claude-runner letter --to mira x",
        'claude-runner letter --to mira "open',
        "claude-runner letter --to mira x #",
        "claude-runner letter --to mira ~/x",
        "claude-runner letter --to mira {a,b}",
        "claude-runner letter --to mira run*",
        'claude-runner "up" letter',
        "claude-runner letter --to mira $'x'",
    ],
)
def test_everything_else_is_refused(command: str) -> None:
    """Other programs, other commands, and whatever a shell would expand, redirect or go on with."""
    assert not guard.passes(command, NAMES, ())


def test_the_operators_own_patterns_pass_as_plain_calls() -> None:
    """What the settings allow stays allowed, in both ways of writing a pattern; nothing rides on it."""
    patterns = ("make test *", "make check:*", "date", "ls sandbox/?")
    for command in ("make test -k", "make test", "make check", "make check a", "date", "ls sandbox/a"):
        assert guard.passes(command, (), patterns), command
    for command in (
        "make tests",
        "make test; cat x",
        "make test < x",
        "make all",
        "cat x",
        "date -f x",
        "ls sandbox/ab",
    ):
        assert not guard.passes(command, (), patterns), command


@pytest.mark.parametrize(
    "command",
    [
        "claude-runner letter --to mira x\x0c",
        "\x0bclaude-runner letter --to mira x",
        "claude-runner letter --to mira a\x0cb",
        "claude-runner letter --to mira a\x85b",
        "claude-runner letter --to mira a\u2028b",
        "claude-runner letter --to mira a\u00a0b",
        "claude-runner letter --to mira 'a\0b'",
        'claude-runner letter --to mira "a\\$b"',
        'claude-runner letter --to mira "a\\`b"',
        'claude-runner letter --to mira "a\\nb"',
        "claude-runner letter --to mira \\x",
        "claude-runner\tletter --to mira x",
        "claude-runner letter --to mira ^x",
    ],
)
def test_what_is_read_differently_is_refused(command: str) -> None:
    """Blanks that are none to a shell, letters that it drops, and backslashes that it takes for others."""
    assert not guard.passes(command, NAMES, ())


ODD = "ab-_.@%+=:,/ \"'\\$`;|&<>(){}[]^\n\t\r#~*!?\x0b\x0c\x1c\x85\xa0\u2028\u3000\ufeff\x7f\x01é東"


@given(st.lists(st.text(alphabet=ODD, max_size=30), min_size=40, max_size=40))
@settings(max_examples=25, deadline=None)
def test_a_call_that_passes_is_the_same_words_to_a_shell(texts: list[str]) -> None:
    """Whatever stands behind the command: when it passes, bash sees exactly these words and runs nothing else."""
    calls = [f"claude-runner letter {text}" for text in texts]
    assert_read_alike([call for call in calls if guard.passes(call, NAMES, ())])


def assert_read_alike(calls: list[str]) -> None:
    """Each by a shell of its own, many shells at a time."""
    script = "claude-runner() { printf '%s\\0' claude-runner \"$@\"; printf '\\1\\0'; }\n"
    runner = 'while IFS= read -r -d "" call; do bash -c "$1$call" </dev/null; done'
    told = "".join(f"{call}\0" for call in calls)
    ran = subprocess.run(
        ("bash", "-c", runner, "bash", script), input=told.encode(), capture_output=True, check=True, timeout=60
    )
    read = [words.split("\0")[:-1] for words in ran.stdout.decode().split("\1\0")[:-1]]
    assert read == [guard.words_of(call.strip(" \t\n")) for call in calls]
    assert ran.stderr == b""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    for folder in ("thoughts", "runner", "mailbox/mira", "mailbox/tom", "memory", "essays"):
        (made / folder).mkdir(parents=True)
    return made


def told(home: Path, grant: Grant | None = None, **changes: Any) -> str:
    grant = grant or Grant()
    what = {"access": access_of(grant, home).as_json(), "commands": ["letter"], "patterns": [], "shell": False}
    return json.dumps(what | changes)


def call(tool: str, **given: object) -> str:
    return json.dumps({"tool_name": tool, "tool_input": given})


def test_it_answers_as_the_cli_asks(home: Path, tmp_path: Path) -> None:
    """Run alone it reads the call from standard input: 0 lets it go on, 2 refuses and says what can be done."""

    def run(asked: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        (tmp_path / "guard.json").write_text(told(home, **changes))
        command = (sys.executable, "-I", "-S", guard.__file__, str(tmp_path / "guard.json"))
        return subprocess.run(command, input=asked, capture_output=True, check=False, text=True, timeout=20)

    assert run(call("Bash", command="claude-runner letter --to mira x")).returncode == 0
    assert run(call("Bash", command="date"), patterns=["date"]).returncode == 0
    assert run(call("Bash", command="cat < runner/.env"), shell=True).returncode == 0
    assert run(call("Read", file_path=str(home / "thoughts/x.md"))).returncode == 0
    ran = run(call("Bash", command="cat < runner/.env"))
    assert ran.returncode == 2
    assert "`claude-runner letter ...`" in ran.stderr
    ran = run(call("Read", file_path=str(home / "runner/\udcff\u2028.env")))
    assert ran.returncode == 2
    assert "is closed" in ran.stderr
    for wrong in ("no json", "{}", '{"tool_name": "Bash", "tool_input": {"command": 5}}', '{"tool_name": 5}', "[]"):
        assert run(wrong).returncode == 2, wrong
    ran = run(call("Read", file_path="thoughts/x.md"), access={})
    assert ran.returncode == 2


def refused(home: Path, tool: str, grant: Grant | None = None, **given: Any) -> str | None:
    return guard.verdict(json.loads(told(home, grant)), json.loads(call(tool, **given)))


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Read", {"file_path": "runner/.env"}),
        ("Read", {"file_path": "thoughts/../runner/.env"}),
        ("Read", {"file_path": "/proc/self/cwd/runner/.env"}),
        ("Read", {"file_path": "~/x"}),
        ("Read", {"file_path": "sandbox/prod.ENV"}),
        ("Read", {"file_path": "projects/x/.git/config"}),
        ("Read", {"file_path": ".claude/settings.json"}),
        ("Write", {"file_path": "mailbox/mira/thread.jsonl"}),
        ("Write", {"file_path": "mailbox/new/thread.jsonl"}),
        ("Write", {"file_path": "conversations/x.md"}),
        ("Edit", {"file_path": "transcripts/x.md"}),
        ("MultiEdit", {"file_path": "visitors/x.md"}),
        ("NotebookEdit", {"notebook_path": "telegram/x.ipynb"}),
        ("Write", {"file_path": "gifts/x.md"}),
        ("Write", {"file_path": "CLAUDE.md"}),
        ("Write", {"file_path": ".gitattributes"}),
        ("SomeNewTool", {"path": "data/x"}),
        ("Grep", {"pattern": "x", "path": "logs"}),
        ("Grep", {"pattern": "x", "glob": "data/**"}),
        ("Glob", {"pattern": "runner/*"}),
        ("Glob", {"pattern": "/etc/*"}),
        ("Glob", {"pattern": "thoughts/*/../../runner/*"}),
        ("Glob", {"pattern": "~/*"}),
    ],
)
def test_what_no_session_may_touch(home: Path, tool: str, given: dict[str, Any]) -> None:
    """By whatever tool, spelling or pattern."""
    assert refused(home, tool, **given) is not None


def test_links_are_followed_only_inside_their_folder(home: Path) -> None:
    """A link to a closed place, to the outside or to another folder is none that can be used, as file or as folder."""
    (home / "runner" / "x.md").write_text("x")
    (home / "thoughts" / "real.md").write_text("x")
    for name, to in (
        ("env.md", home / "runner" / "x.md"),
        ("outside.md", home.parent),
        ("memory.md", home / "memory" / "memory.md"),
        ("dangling.md", home / "runner" / "none"),
        ("folder", home / "runner"),
        ("loop.md", home / "thoughts" / "loop.md"),
    ):
        (home / "thoughts" / name).symlink_to(to)
    (home / "thoughts" / "good.md").symlink_to("real.md")
    (home / "essays" / "deep").symlink_to(home / "thoughts")
    for path in ("env.md", "outside.md", "memory.md", "dangling.md", "folder/x.md", "folder"):
        for tool in ("Read", "Write"):
            assert refused(home, tool, file_path=f"thoughts/{path}") is not None, path
    assert refused(home, "Write", file_path="essays/deep/a.md") is not None
    assert refused(home, "Glob", pattern="thoughts/folder/*") is not None
    assert refused(home, "Read", file_path="thoughts/good.md") is None
    assert leading_out(access_of(Grant(), home)) == (
        "essays/deep",
        "thoughts/dangling.md",
        "thoughts/env.md",
        "thoughts/folder",
        "thoughts/memory.md",
        "thoughts/outside.md",
    )


def test_a_home_behind_a_link_is_the_same_home(tmp_path: Path, home: Path) -> None:
    """By the link or by its name on the disk, from wherever the shell went: what is open is, what is closed is."""
    link = tmp_path / "claude-home"
    link.symlink_to(home)
    (home / "thoughts" / "a.md").write_text("x")
    (home / "runner" / "x.md").write_text("x")

    def asked(path: Path | str, cwd: Path | None = None) -> str | None:
        given = {"tool_name": "Read", "tool_input": {"file_path": str(path)}} | ({"cwd": str(cwd)} if cwd else {})
        return guard.verdict(json.loads(told(link)), given)

    for open_ in (link / "thoughts/a.md", home / "thoughts/a.md", "thoughts/a.md"):
        assert asked(open_) is None, open_
        assert asked(open_, home) is None, open_
        assert asked(open_, link) is None, open_
    assert asked("a.md", home / "thoughts") is None
    for closed in (link / "runner/x.md", home / "runner/x.md", "runner/x.md", tmp_path / "x"):
        assert asked(closed) is not None, closed
        assert asked(closed, home) is not None, closed
    assert asked("x.md", home / "runner") is not None
    assert asked("x.md", tmp_path) is not None


def test_private_words_are_read_by_grant(home: Path) -> None:
    """Alone with its own a session reads its mail; holding letters of one it reads that one's; with strangers none."""
    mira, tom = "mailbox/mira/thread.jsonl", "mailbox/tom/thread.jsonl"
    private = (mira, tom, "conversations/x.md", "transcripts/x.md", "visitors/x.md", "telegram/chat-history.jsonl")
    assert all(refused(home, "Read", file_path=path) is None for path in private)
    letters = Grant(letters_of=("mira",))
    assert [path for path in private if refused(home, "Read", letters, file_path=path) is None] == [mira]
    visit = Grant(letters_of=())
    assert not [path for path in private if refused(home, "Read", visit, file_path=path) is None]
    assert refused(home, "Read", visit, file_path="memory/memory.md") is None
    picture = Grant(letters_of=(), shown=("telegram/images/a.jpg", "runner/x.jpg"))
    assert refused(home, "Read", picture, file_path="telegram/images/a.jpg") is None
    assert refused(home, "Read", picture, file_path="telegram/images/b.jpg") is not None
    assert refused(home, "Read", picture, file_path="runner/x.jpg") is not None
