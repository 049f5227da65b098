"""Which backend runs the sessions of this home, and why: decided once at start and told to the operator."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

from runner.children.group import probe
from runner.clock import Now, system_now
from runner.errors import SettingsError
from runner.home import made_by_init
from runner.offload import RunSync
from runner.schedule import load_schedule
from runner.session.backends.anthropic_api import AnthropicApi, ApiOptions
from runner.session.backends.base import Backend
from runner.session.backends.claude_cli import ClaudeCli, CliOptions, has_login
from runner.session.backends.rehearsal import Rehearsal
from runner.settings import Settings
from runner.tools.commands import ResidentCommands
from runner.tools.files import HomeTools

PROBE_WITHIN = 15.0
OFFICIAL_URL = "https://api.anthropic.com"


@attrs.frozen
class Chosen:
    """The decision. With no backend every wake is refused for the reason; everything else serves."""

    backend: Backend | None
    reason: str

    @property
    def name(self) -> str:
        return self.backend.name if self.backend is not None else "none"


@attrs.frozen
class Surroundings:
    """What the choice depends on beside the settings."""

    environ: Mapping[str, str]
    ran_backends: frozenset[str]
    """Every backend that ever ran a session here, from the ledger."""
    run_sync: RunSync
    as_root: bool = False
    now: Now = system_now


async def choose(settings: Settings, around: Surroundings) -> Chosen:
    """The backend of these settings."""
    wanted = settings.session.backend
    if wanted == "rehearsal":
        return Chosen(_rehearsal(settings, around), "chosen by session.backend; a script writes, no model")
    if wanted == "anthropic-api":
        if not settings.anthropic.api_key:
            raise SettingsError(
                "session.backend = anthropic-api needs a key: set ANTHROPIC_API_KEY (anthropic.api_key)"
            )
        return Chosen(_api(settings, around), "chosen by session.backend; the key pays for each session")
    login = await around.run_sync(lambda: _has_login(settings, around))
    if wanted == "claude-cli":
        handed = not login or settings.session.cli_key == "api-key"
        key = "with the API key" if handed and settings.anthropic.api_key else "with its own login"
        absent = "" if _binary(settings, around) else f"; but there is no program {settings.session.claude_bin!r}"
        return Chosen(_cli(settings, around, hand_key=handed), f"chosen by session.backend, {key}{absent}")
    return await _auto(settings, around, login=login)


async def _auto(settings: Settings, around: Surroundings, *, login: bool) -> Chosen:
    binary = _binary(settings, around)
    if binary is None:
        found = f"there is no program {settings.session.claude_bin or 'claude'!r}"
    elif not await probe([binary, "--version"], environment=_plain(around), within=PROBE_WITHIN):
        found = f"{binary} does not run"
    elif not login:
        found = f"{binary} has no login or token of its own"
    else:
        handed = settings.session.cli_key == "api-key"
        return Chosen(_cli(settings, around, hand_key=handed), f"{binary} runs and can sign in")
    marked = await around.run_sync(lambda: made_by_init(settings.paths) is not None)
    others = sorted(around.ran_backends - {"rehearsal"})
    if marked and not others:
        return Chosen(
            _rehearsal(settings, around), f"{found}; this home was made for trying out, so a script writes in it"
        )
    why = f"it has held sessions of {', '.join(others)}" if others else "`init` did not make it"
    return Chosen(None, f"no model configured: {found}, and the rehearsal never writes into this home, because {why}")


def _has_login(settings: Settings, around: Surroundings) -> bool:
    return bool(settings.session.cli_token) or has_login(_user_home(settings, around), around.environ)


def _user_home(settings: Settings, around: Surroundings) -> Path:
    if settings.session.cli_user_home is not None:
        return settings.session.cli_user_home
    return Path(around.environ.get("HOME") or Path.home())


def _binary(settings: Settings, around: Surroundings) -> str | None:
    return shutil.which(settings.session.claude_bin, path=around.environ.get("PATH"))


def _plain(around: Surroundings) -> dict[str, str]:
    return {name: around.environ[name] for name in ("PATH", "HOME", "LANG") if name in around.environ}


def _cli(settings: Settings, around: Surroundings, *, hand_key: bool) -> ClaudeCli:
    session = settings.session
    base_url = settings.anthropic.base_url
    options = CliOptions(
        binary=_binary(settings, around) or session.claude_bin,
        user_home=_user_home(settings, around),
        environ=around.environ,
        base_url="" if base_url == OFFICIAL_URL else base_url,
        tools=session.tools,
        allow=session.allow,
        dangerous=session.dangerous,
        api_key=settings.anthropic.api_key if hand_key else "",
        token=session.cli_token or around.environ.get("CLAUDE_CODE_OAUTH_TOKEN", ""),
        stall=session.stall_seconds,
        result_grace=session.result_grace_seconds,
        kill=session.kill_seconds,
        line_bytes=session.max_line_bytes,
        as_root=around.as_root,
    )
    return ClaudeCli(options, around.run_sync)


def _api(settings: Settings, around: Surroundings) -> AnthropicApi:
    options = ApiOptions(
        api_key=settings.anthropic.api_key,
        base_url=settings.anthropic.base_url,
        stall=settings.session.stall_seconds,
    )
    tools = HomeTools(settings.home, settings.session.tools)
    return AnthropicApi(options, tools, around.run_sync, _resident_commands(settings, around))


def _rehearsal(settings: Settings, around: Surroundings) -> Rehearsal:
    tools = HomeTools(settings.home, (*settings.session.tools, "Read", "Write", "List"))
    return Rehearsal(tools, around.run_sync, settings.session.rehearsal_speed, _resident_commands(settings, around))


def _resident_commands(settings: Settings, around: Surroundings) -> ResidentCommands:
    return ResidentCommands(settings, load_schedule(settings.resident.zone), around.now)
