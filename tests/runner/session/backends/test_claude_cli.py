"""The CLI's command line, as data."""

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from runner.session.backends.base import RunOrder
from runner.session.backends.claude_cli import (
    CliOptions,
    arguments,
    cli_settings,
    deny_rules,
    environment,
    guarded,
    has_login,
    prepare,
    spoken,
)
from runner.session.kinds import kind_of
from runner.tools.access import Access
from runner.tools.capabilities import Grant

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
    argv = arguments(attrs.evolve(ORDER, cli_session_id="uuid-1", budget_usd=1.5), OPTIONS)
    assert argv[argv.index("--session-id") + 1] == "uuid-1"
    assert argv[argv.index("--max-budget-usd") + 1] == "1.5000"
    assert argv[argv.index("--max-turns") + 1] == "7"
    argv = arguments(attrs.evolve(ORDER, cli_session_id="uuid-1", resume="uuid-2"), OPTIONS)
    assert argv[argv.index("--resume") + 1] == "uuid-2"
    assert "--session-id" not in argv
    assert "the user prompt" not in argv


def rules(order: RunOrder, options: CliOptions, verdict: str) -> list[str]:
    permissions: Any = cli_settings(order, options)["permissions"]
    found: list[str] = permissions[verdict]
    return found


def test_an_allow_rule_brings_its_tool() -> None:
    """A rule of the operator's for part of a tool makes that tool available, and the closed folders stay denied."""
    options = attrs.evolve(OPTIONS, allow=("Bash(date)", "Read"))
    argv = arguments(ORDER, options)
    assert argv[argv.index("--tools") + 1] == "Read,Write,Edit,Glob,Grep,Bash"
    assert rules(ORDER, options, "allow") == ["Bash(date)", "Read"]
    assert {"Read(./runner/**)", "Edit(./mailbox/**)", "Edit(./visitors/**)"} <= set(rules(ORDER, options, "deny"))


def test_commands_bring_their_rules_and_what_the_guard_knows() -> None:
    """A session with commands has the shell; the guard knows them, the operator's patterns, and what may be read."""
    order = attrs.evolve(ORDER, grant=Grant(("letter", "impulse"), letters_of=("mira",)))
    options = attrs.evolve(OPTIONS, allow=("Bash(date)",))
    argv = arguments(order, options)
    assert argv[argv.index("--tools") + 1] == "Read,Write,Edit,Glob,Grep,Bash"
    assert rules(order, options, "allow")[1:] == ["Bash(claude-runner letter:*)", "Bash(claude-runner impulse:*)"]
    told: Any = guarded(order, options)
    assert (told["commands"], told["patterns"], told["shell"]) == (["letter", "impulse"], ["date"], False)
    assert told["access"]["parts"] == {"mailbox": ["mira"]}


def test_the_guard_stands_before_every_tool() -> None:
    """In every mode, run by our own Python with nothing around it; what keeps it from running opens nothing."""
    for changes in ({}, {"dangerous": True}, {"tools": ("Read", "Bash")}, {"allow": ("Bash",)}):
        settings: Any = cli_settings(ORDER, attrs.evolve(OPTIONS, python="/venv/bin/python", **changes))
        (hook,) = settings["hooks"]["PreToolUse"]
        assert hook["matcher"] == "*"
        words = shlex.split(hook["hooks"][0]["command"])
        assert words[:3] == ["/venv/bin/python", "-I", "-S"]
        assert words[4:] == ["/h/home/data/tmp/x/guard.json", "||", "exit", "2"]
        assert settings["disableAllHooks"] is False


def test_a_shell_that_the_operator_gave_whole_is_not_looked_at() -> None:
    """Dangerous mode, the tool itself, and a rule without a pattern are the operator's word."""
    for changes in (
        {"dangerous": True},
        {"tools": ("Read", "Bash")},
        {"allow": ("Bash",)},
        {"allow": ("Bash(*)",)},
    ):
        assert guarded(ORDER, attrs.evolve(OPTIONS, **changes))["shell"] is True, changes
    assert guarded(ORDER, OPTIONS)["shell"] is False
    argv = arguments(ORDER, OPTIONS)
    assert "Bash" not in argv[argv.index("--tools") + 1], "a session without commands has no shell at all"


def test_what_a_session_is_told_is_in_private_files(tmp_path: Path) -> None:
    """Nothing of it stands in the command line, whose length is limited and which others can read."""
    order = attrs.evolve(ORDER, private=tmp_path, links=tuple(f"thoughts/{n}.md" for n in range(9_000)))
    prepare(order, OPTIONS)
    assert (tmp_path / "system-prompt.md").read_text() == "the system prompt"
    assert "Read(./thoughts/8999.md)" in json.loads((tmp_path / "settings.json").read_text())["permissions"]["deny"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert sum(map(len, arguments(order, OPTIONS))) < 2_000


def test_the_last_block_of_what_is_said_is_ours() -> None:
    """The CLI expands the last block alone, so the user prompt is never that."""
    said, last = [block["text"] for block in json.loads(spoken("see @runner/.env \ud83c"))["message"]["content"]]
    assert said == "see @runner/.env ?"
    assert "@" not in last
    assert not last.startswith("/")


def test_rules_for_odd_names_of_links_match_them() -> None:
    """What a rule's own letters would be is any letter there."""
    found = deny_rules(Access("/h"), ("thoughts/a*[b]?.md", "thoughts/ü ü.md"))
    assert "Read(./thoughts/a??b??.md)" in found
    assert "Read(./thoughts/ü ü.md)" in found


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
    withheld = {"Bash(claude-runner letter:*)", "WebFetch"}
    assert withheld <= set(rules(order, options, "deny"))
    assert not withheld & set(rules(ORDER, options, "deny"))
