"""The CLI's command line, as data."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from runner.session.abilities import Permit
from runner.session.backends.base import RunOrder
from runner.session.backends.claude_cli import CliOptions, arguments, deny_rules, environment, has_login
from runner.session.kinds import kind_of

ORDER = RunOrder(
    session_id="20260302-090000",
    kind=kind_of("telegram_talk_open"),
    system="the system prompt",
    user="the user prompt",
    home=Path("/h/home"),
    private=Path("/h/home/data/tmp/x"),
    model="some-model",
    max_turns=7,
    deadline=10.0,
    now=datetime(2026, 3, 2, tzinfo=UTC),
)
OPTIONS = CliOptions(binary="claude", user_home=Path("/u"), environ={}, base_url="")


def test_sessions_are_named_resumed_and_bounded_by_arguments() -> None:
    """A new conversation gets the id it is given, a resumed one its own; turns and money are passed down."""
    argv = arguments(attrs.evolve(ORDER, cli_session_id="uuid-1", budget_usd=1.5), OPTIONS, Path("/f"))
    assert argv[argv.index("--session-id") + 1] == "uuid-1"
    assert argv[argv.index("--max-budget-usd") + 1] == "1.5000"
    assert argv[argv.index("--max-turns") + 1] == "7"
    argv = arguments(attrs.evolve(ORDER, cli_session_id="uuid-1", resume="uuid-2"), OPTIONS, Path("/f"))
    assert argv[argv.index("--resume") + 1] == "uuid-2"
    assert "--session-id" not in argv
    assert "the user prompt" not in argv


def test_an_allow_rule_brings_its_tool() -> None:
    """A rule of the operator's for part of a tool makes that tool available, and the closed folders stay denied."""
    argv = arguments(ORDER, attrs.evolve(OPTIONS, allow=("Bash(git log *)", "Read")), Path("/f"))
    assert argv[argv.index("--tools") + 1] == "Read,Write,Edit,Glob,Grep,Bash"
    assert "Bash(git log *)" in argv[argv.index("--settings") + 1]
    assert "Read(./runner/**)" in deny_rules()


def settings_of(order: RunOrder, options: CliOptions) -> dict[str, Any]:
    argv = arguments(order, options, Path("/f"))
    found = json.loads(argv[argv.index("--settings") + 1])
    assert isinstance(found, dict)
    return found


def test_commands_bring_their_rules_and_a_guarded_shell() -> None:
    """A session with commands has the shell, and before it the guard, which knows them and the operator's patterns."""
    order = attrs.evolve(ORDER, permit=Permit(("letter", "impulse")))
    argv = arguments(order, OPTIONS, Path("/f"))
    assert argv[argv.index("--tools") + 1] == "Read,Write,Edit,Glob,Grep,Bash"
    settings = settings_of(order, attrs.evolve(OPTIONS, allow=("Bash(git log *)",), python="/venv/bin/python"))
    assert settings["permissions"]["allow"][1:] == ["Bash(claude-runner letter:*)", "Bash(claude-runner impulse:*)"]
    (hook,) = settings["hooks"]["PreToolUse"]
    assert hook["matcher"] == "Bash"
    words = shlex.split(hook["hooks"][0]["command"])
    assert words[:3] == ["/venv/bin/python", "-I", "-S"]
    assert words[4:] == ["letter", "impulse", "--", "git log *", "||", "exit", "2"]
    assert settings["disableAllHooks"] is False


def test_a_shell_that_the_operator_gave_whole_is_not_guarded() -> None:
    """Dangerous mode, the tool itself, and a rule without a pattern are the operator's word."""
    for changes in (
        {"dangerous": True},
        {"tools": ("Read", "Bash")},
        {"allow": ("Bash",)},
        {"allow": ("Bash(*)",)},
    ):
        assert "hooks" not in settings_of(ORDER, attrs.evolve(OPTIONS, **changes)), changes
    argv = arguments(ORDER, OPTIONS, Path("/f"))
    assert "Bash" not in argv[argv.index("--tools") + 1], "a session without commands has no shell at all"


def test_the_environment_is_an_allow_list() -> None:
    """Only listed names pass; key and token only where they are handed over."""
    options = attrs.evolve(OPTIONS, environ={"PATH": "/bin", "SECRET": "x", "ANTHROPIC_API_KEY": "y"})
    env = environment(ORDER, options)
    assert env["PATH"] == f"{Path(sys.executable).parent}:/bin"
    assert not {"SECRET", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN"} & env.keys()
    env = environment(ORDER, attrs.evolve(options, api_key="k", token="t", base_url="http://b"))
    assert (env["ANTHROPIC_API_KEY"], env["CLAUDE_CODE_OAUTH_TOKEN"], env["ANTHROPIC_BASE_URL"]) == (
        "k",
        "t",
        "http://b",
    )


def test_a_login_is_found_where_the_cli_leaves_it(tmp_path: Path) -> None:
    """Tokens in the environment, credentials in the CLI's folder, an account in its settings; odd files are none."""
    assert not has_login(tmp_path, {})
    assert has_login(tmp_path, {"ANTHROPIC_AUTH_TOKEN": "t"})
    (tmp_path / ".claude.json").write_text("[half")
    assert not has_login(tmp_path, {})
    (tmp_path / ".claude.json").write_text('{"primaryApiKey": "k"}')
    assert has_login(tmp_path, {})
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / ".credentials.json").write_text("{}")
    assert has_login(tmp_path / "nobody", {"CLAUDE_CONFIG_DIR": str(tmp_path / "conf")})


def test_what_a_session_must_not_have_is_denied() -> None:
    """Commands and tools that are withheld are denied for this one session, whatever the operator allows otherwise."""
    options = attrs.evolve(OPTIONS, allow=("Bash(claude-runner *)", "WebFetch"))
    order = attrs.evolve(ORDER, withheld=("letter", "WebFetch"))

    def denied(argv: list[str]) -> list[str]:
        rules: list[str] = json.loads(argv[argv.index("--settings") + 1])["permissions"]["deny"]
        return rules

    assert {"Bash(claude-runner letter:*)", "WebFetch"} <= set(denied(arguments(order, options, Path("/f"))))
    assert set(denied(arguments(ORDER, options, Path("/f")))) == set(deny_rules())
