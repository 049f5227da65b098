"""Which backend a home gets, and why."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.errors import SettingsError
from runner.home import init_home
from runner.session.backends.claude_cli import ClaudeCli
from runner.session.choose import Chosen, Surroundings, choose
from tests.runner.session.stage import START, clean_environment, in_thread, settings_for
from tests.support import fake_cli


async def chosen(
    folder: Path,
    *,
    program: bool = False,
    login: str = "",
    marked: bool = False,
    ran: frozenset[str] = frozenset(),
    works: bool = True,
    extra: Mapping[str, str] | None = None,
    **overrides: Any,
) -> Chosen:
    home = folder / "home"
    environ = clean_environment(folder) | dict(extra or {})
    overrides.setdefault("session__claude_bin", str(folder / "absent"))
    if program:
        path = fake_cli.install(folder / "bin", "well" if works else "crashes")
        path.write_text(f"#!/bin/sh\nexit {0 if works else 3}\n")
        overrides["session__claude_bin"] = str(path)
    if login:
        target = folder / "user" / login
        target.parent.mkdir(exist_ok=True)
        target.write_text('{"oauthAccount": {"name": "x"}}')
    settings = settings_for(home, **overrides)
    if marked:
        init_home(settings, now=START, environ=environ)
    return await choose(settings, Surroundings(environ, ran, in_thread))


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [
        ({}, "none", "no model configured: there is no program"),
        ({"marked": True}, "rehearsal", "made for trying out"),
        ({"marked": True, "ran": frozenset({"rehearsal"})}, "rehearsal", "made for trying out"),
        ({"marked": True, "ran": frozenset({"claude-cli"})}, "none", "it has held sessions of claude-cli"),
        ({"program": True}, "none", "has no login or token"),
        ({"program": True, "marked": True}, "rehearsal", "has no login or token"),
        ({"program": True, "works": False, "login": ".claude.json"}, "none", "does not run"),
        ({"program": True, "login": ".claude.json"}, "claude-cli", "can sign in"),
        ({"program": True, "login": ".claude/.credentials.json"}, "claude-cli", "can sign in"),
        ({"program": True, "extra": {"CLAUDE_CODE_OAUTH_TOKEN": "t"}}, "claude-cli", "can sign in"),
        ({"program": True, "session__cli_token": "t"}, "claude-cli", "can sign in"),
        ({"anthropic__api_key": "key-for-moderation"}, "none", "no model configured"),
        ({"session__backend": "rehearsal"}, "rehearsal", "chosen by session.backend"),
        ({"session__backend": "claude-cli"}, "claude-cli", "with its own login; but there is no program"),
        ({"session__backend": "anthropic-api", "anthropic__api_key": "k"}, "anthropic-api", "chosen by"),
    ],
)
async def test_the_choice(tmp_path: Path, given: dict[str, Any], name: str, reason: str) -> None:
    """A CLI that can sign in; else the rehearsal in a home made for it; else none. A key alone pays for nothing."""
    found = await chosen(tmp_path, **given)
    assert found.name == name, found.reason
    assert reason in found.reason


async def test_an_explicit_choice_hands_over_the_key_only_where_it_must(tmp_path: Path) -> None:
    """Chosen explicitly, the CLI gets our key when it has no login, or when the operator said so; else never."""
    for given, key in (
        ({"session__backend": "claude-cli"}, "k"),
        ({"session__backend": "claude-cli", "login": ".claude.json"}, ""),
        ({"session__backend": "claude-cli", "session__cli_key": "api-key"}, "k"),
        ({"program": True, "session__cli_key": "api-key"}, "k"),
        ({"program": True}, ""),
    ):
        found = await chosen(tmp_path, anthropic__api_key="k", **given)
        assert isinstance(found.backend, ClaudeCli)
        assert found.backend.options.api_key == key, given


async def test_the_addresses_and_homes_of_the_settings_are_used(tmp_path: Path) -> None:
    """Another base address is passed on, the official one is not; the child's HOME is the one that was named."""
    found = await chosen(tmp_path, session__backend="claude-cli", anthropic__base_url="http://127.0.0.1:9")
    assert isinstance(found.backend, ClaudeCli)
    assert found.backend.options.base_url == "http://127.0.0.1:9"
    found = await chosen(tmp_path, session__backend="claude-cli", session__cli_user_home=str(tmp_path / "other"))
    assert isinstance(found.backend, ClaudeCli)
    assert found.backend.options.base_url == ""
    assert found.backend.options.user_home == tmp_path / "other"


async def test_the_api_without_a_key_is_a_settings_error(tmp_path: Path) -> None:
    """Chosen without its key, the API backend stops the start with the setting's name."""
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY"):
        await chosen(tmp_path, session__backend="anthropic-api")
