"""What a session can do, read from the operator's rules, and what strangers' words take away."""

import pytest

from runner.tools.capabilities import COMMANDS, Capabilities, cli_rules, letters_to, of_cli, withheld


@pytest.mark.parametrize(
    ("rule", "commands"),
    [
        ("Bash", COMMANDS),
        ("Bash(*)", COMMANDS),
        ("Bash(claude-runner *)", COMMANDS),
        ("Bash(claude-runner:*)", COMMANDS),
        ("Bash(claude-runner letter *)", ("letter",)),
        ("Bash(claude-runner letter:*)", ("letter",)),
        ("Bash(claude-runner schedule --status)", ("schedule",)),
        ("Bash(claude-runner)", ()),
        ("Bash(claude-runner nonsense *)", ()),
        ("Bash(git log *)", ()),
        ("Read", ()),
    ],
)
def test_commands_are_read_from_the_rules(rule: str, commands: tuple[str, ...]) -> None:
    """Only what a rule allows, and only commands that exist."""
    assert of_cli(("Read",), (rule,), dangerous=False).commands == frozenset(commands)


def test_commands_are_given_by_the_settings_too() -> None:
    """Each with a rule for the CLI, and a way of calling it for the prompts: by the shell or as a tool."""
    able = of_cli(("Read",), ("Bash(claude-runner letter *)",), ("impulse",), dangerous=False)
    assert able.commands == {"letter", "impulse"}
    assert able.tools == ("Read", "Bash")
    assert of_cli(("Read",), (), COMMANDS, dangerous=False).tools == ("Read",)
    assert cli_rules(("letter",)) == ["Bash(claude-runner letter:*)"]
    assert list(able.usage()) == ["letter", "impulse"]
    assert all("claude-runner" in usage for usage in able.usage().values())
    assert all("tool" in usage for usage in Capabilities(commands=frozenset(COMMANDS)).usage().values())


@pytest.mark.parametrize(
    ("kind", "granted", "users"),
    [("correspondence", (), ("mira",)), ("correspondence", ("letter",), None), ("noon", (), None), ("visit", (), None)],
)
def test_who_may_be_written_to(kind: str, granted: tuple[str, ...], users: tuple[str, ...] | None) -> None:
    """A session for letters only those whose letters it holds, unless the operator grants letters."""
    assert letters_to(kind, granted, ("mira",)) == users


def test_tools_are_those_offered() -> None:
    """The chosen ones and those that a rule brings; the operator's dangerous mode is everything."""
    able = of_cli(("Read", "Write"), ("Bash(git log *)", "WebSearch"), dangerous=False)
    assert able.tools == ("Read", "Write", "Bash", "WebSearch")
    assert able.pictures
    assert able.has("Bash")
    assert not able.has("Edit")
    everything = of_cli((), (), dangerous=True)
    assert everything.has("Anything")
    assert everything.commands == frozenset(COMMANDS)
    assert not Capabilities(("Read",)).pictures


@pytest.mark.parametrize(
    ("kind", "granted", "lost"),
    [
        ("noon", (), {"letter", "telegram", "web", "WebFetch", "WebSearch"}),
        ("correspondence", (), {"telegram", "web", "WebFetch", "WebSearch"}),
        ("noon", ("letter", "telegram"), {"web", "WebFetch", "WebSearch"}),
        ("noon", ("web-search",), {"letter", "telegram", "web", "WebFetch"}),
        ("noon", ("web-search", "web-read"), {"letter", "telegram"}),
    ],
)
def test_strangers_words_cost_the_outward_tools(kind: str, granted: tuple[str, ...], lost: set[str]) -> None:
    """All that leads outward, less what the operator grants; letters stay where letters are answered."""
    assert set(withheld(kind, granted)) == lost


def test_what_is_withheld_is_gone() -> None:
    """Neither as a tool nor as a command."""
    able = Capabilities(("Read", "WebFetch"), commands=frozenset(COMMANDS)).without(("letter", "WebFetch"))
    assert able.tools == ("Read",)
    assert able.commands == frozenset(COMMANDS) - {"letter"}
