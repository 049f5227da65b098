"""What the CLI's shell may run: one plain call of a command, and nothing a shell would make more of."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.session import guard

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
    patterns = ("git log *", "git status:*", "date")
    for command in ("git log -3", "git log", "git status", "git status --short", "date"):
        assert guard.passes(command, (), patterns), command
    for command in ("git logs", "git log; cat < runner/.env", "git log < runner/.env", "git push", "cat x"):
        assert not guard.passes(command, (), patterns), command


@given(st.text(alphabet="ab \"'\\$`;|&<>(){}\n\t#~*!=", max_size=40))
def test_a_call_that_passes_is_the_same_words_to_a_shell(text: str) -> None:
    """Whatever stands behind the command: when it passes, bash sees exactly these words and runs nothing else."""
    command = f"claude-runner letter {text}"
    words = guard.words_of(command.strip())
    if words is None:
        return
    shown = "claude-runner() { printf '%s\\0' claude-runner \"$@\"; }\n"
    ran = subprocess.run(("bash", "-c", shown + command), capture_output=True, check=True, timeout=20)
    assert ran.stdout.decode().split("\0")[:-1] == words
    assert ran.stderr == b""


def test_it_answers_as_the_cli_asks() -> None:
    """Run alone it reads the call from standard input: 0 lets it go on, 2 refuses and says what can be done."""

    def run(told: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-I", "-S", guard.__file__, *arguments)
        return subprocess.run(command, input=told, capture_output=True, check=False, text=True, timeout=20)

    def call(command: str) -> str:
        return json.dumps({"tool_name": "Bash", "tool_input": {"command": command}})

    assert run(call("claude-runner letter --to mira x"), "letter", "--").returncode == 0
    assert run(call("git log -3"), "--", "git log *").returncode == 0
    for wrong in (call("cat < runner/.env"), "no json", "{}", '{"tool_input": {"command": 5}}'):
        ran = run(wrong, "letter", "--")
        assert ran.returncode == 2
        assert "`claude-runner letter ...`" in ran.stderr
