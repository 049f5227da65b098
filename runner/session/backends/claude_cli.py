"""The real Claude Code CLI as a subprocess: its arguments, its permissions, its environment."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from runner.session import guard
from runner.session.abilities import cli_rules
from runner.session.backends.base import RunListener, RunOrder, RunResult, RunSync
from runner.session.backends.process import Limits, Program, Watch, run_process_group
from runner.session.orphans import Mark
from runner.session.records import (
    Answered,
    BlockClosed,
    BlockOpened,
    Ended,
    MessageOpened,
    Notice,
    Said,
    TextArrived,
    parse,
)

CLOSED_FOLDERS = ("runner", "data", "moderation", "logs")
"""Never read or written by the resident: keys, state, verdicts about strangers, logs."""
KEPT_FOLDERS = (".git", ".claude")
"""Never written: files in them are run by git, or by the CLI itself, as whoever runs the process."""
CLOSED_FILES = ("sessions.db", "sessions.db-wal", "sessions.db-shm", ".env", "claude-runner.toml")
PASSED_ON = frozenset(
    {
        "PATH",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TERM",
        "TMPDIR",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "https_proxy",
        "http_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "CLAUDE_CONFIG_DIR",
    }
)
"""What of our own environment the child may see; everything else stays here, the `.env` secrets above all."""

SHELL = "Bash"
GUARD_WITHIN = 3600
"""Seconds. It takes some hundredths of one; but the CLI goes on without a guard that is late, so a machine that is that
busy had better stall the session.
"""
_LARGE = 1024 * 1024


@attrs.frozen
class CliOptions:
    """How the CLI is started; all of it comes from the settings."""

    binary: str
    user_home: Path
    environ: Mapping[str, str]
    base_url: str
    """Empty: wherever the CLI goes by itself."""
    tools: tuple[str, ...] = ("Read", "Write", "Edit", "Glob", "Grep")
    allow: tuple[str, ...] = ()
    dangerous: bool = False
    api_key: str = attrs.field(default="", repr=False)
    """Handed over only where the operator said so; empty: the CLI uses a login of its own."""
    token: str = attrs.field(default="", repr=False)
    stall: float = 120.0
    result_grace: float = 10.0
    kill: float = 10.0
    line_bytes: int = 64 * 1024 * 1024
    as_root: bool = False
    python: str = sys.executable
    """Runs the guard of the shell; the resident's commands lie beside it."""


def deny_rules() -> list[str]:
    """The rules that hold in every permission mode. `./` is the home; what is outside is never granted."""
    closed = [f"./{folder}/**" for folder in CLOSED_FOLDERS] + [f"./{name}" for name in CLOSED_FILES]
    kept = [f"./{folder}/**" for folder in KEPT_FOLDERS]
    rules = [f"{tool}({path})" for path in closed for tool in ("Read", "Edit")]
    return rules + [f"Edit({path})" for path in (*kept, "./.mcp.json")]


def withholding_rules(withheld: Sequence[str]) -> list[str]:
    """Rules that take commands and tools away from one session, whatever it is allowed otherwise."""
    return [name if name[:1].isupper() else f"Bash(claude-runner {name}:*)" for name in withheld]


def arguments(order: RunOrder, options: CliOptions, prompt_file: Path) -> list[str]:
    """The command line. Prompts are never in it: others on the machine can read it, and it is limited in size."""
    argv = [options.binary, "-p", "--model", order.model, "--system-prompt-file", str(prompt_file)]
    argv += ["--output-format", "stream-json", "--verbose", "--include-partial-messages"]
    argv += ["--max-turns", str(order.max_turns)]
    permissions: dict[str, object] = {"deny": deny_rules() + withholding_rules(order.withheld)}
    if options.dangerous:
        argv += ["--dangerously-skip-permissions"]
    else:
        allow = [*options.allow, *cli_rules(order.permit.commands)]
        permissions |= {"defaultMode": "acceptEdits", "allow": allow}
        argv += ["--permission-mode", "acceptEdits", "--tools", ",".join(offered(options.tools, allow))]
    settings = {"permissions": permissions, **guarded(order.permit.commands, options)}
    # the home's own CLI settings are not read: the resident can write them, and they can name programs to run
    argv += ["--settings", json.dumps(settings), "--setting-sources", "user", "--strict-mcp-config"]
    if order.budget_usd is not None:
        argv += ["--max-budget-usd", f"{order.budget_usd:.4f}"]
    if order.resume is not None:
        argv += ["--resume", order.resume]
    elif order.cli_session_id is not None:
        argv += ["--session-id", order.cli_session_id]
    return argv


def offered(tools: Sequence[str], allow: Sequence[str]) -> list[str]:
    """The tools a session has: the chosen ones, and those that a rule allows in part."""
    named = [rule.partition("(")[0].strip() for rule in allow]
    return list(dict.fromkeys([*tools, *(name for name in named if name)]))


def guarded(commands: Sequence[str], options: CliOptions) -> dict[str, object]:
    """The settings that put the guard before the shell, unless the operator gave the session a whole one."""
    patterns = [rule.strip() for rule in options.allow if rule.strip().partition("(")[0].strip() == SHELL]
    inside = [pattern.partition("(")[2].removesuffix(")") for pattern in patterns]
    if options.dangerous or SHELL in options.tools or any(pattern in {"", "*", ":*"} for pattern in inside):
        return {}
    call = shlex.join([options.python, "-I", "-S", str(Path(guard.__file__)), *commands, "--", *inside])
    # what keeps the guard from running must not open the shell
    hook = {"type": "command", "command": f"{call} || exit 2", "timeout": GUARD_WITHIN}
    # said outright, because the operator's own settings of the CLI may switch all hooks off
    return {"hooks": {"PreToolUse": [{"matcher": SHELL, "hooks": [hook]}]}, "disableAllHooks": False}


def environment(order: RunOrder, options: CliOptions) -> dict[str, str]:
    """The child's whole environment, from an allow-list."""
    env = {name: value for name, value in options.environ.items() if name in PASSED_ON}
    env |= {
        "HOME": str(options.user_home),
        # where `claude-runner` is found, whatever the process itself was started with
        "PATH": os.pathsep.join((str(Path(options.python).parent), env.get("PATH") or os.defpath)),
        "CLAUDE_SESSION_TYPE": order.kind.name,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    if options.base_url:
        env["ANTHROPIC_BASE_URL"] = options.base_url
    env |= Mark(order.session_id, order.home).environment()
    if options.api_key:
        env["ANTHROPIC_API_KEY"] = options.api_key
    if options.token:
        env["CLAUDE_CODE_OAUTH_TOKEN"] = options.token
    if options.dangerous and options.as_root:
        env["IS_SANDBOX"] = "1"  # the CLI refuses that mode to root without it
    return env


def notice(line: bytes, watch: Watch) -> None:
    """Look for the two things that end a run early: its result, and a refused login that it would retry for minutes."""
    head = line if len(line) < _LARGE else line[:512]  # a huge line is content of files, not one of those two
    if not watch.finished and b'"result"' not in head and b"authentication_failed" not in head:
        return
    if watch.finished and len(line) > _LARGE:
        watch.goes_on = True
        return
    match parse(line):
        case Ended():
            watch.finished, watch.goes_on = True, False
        case Notice(subtype="api_retry", fields=fields) if fields.get("error") == "authentication_failed":
            watch.fatal = "authentication failed: the model's service refuses the login or key"
        case Said(error="authentication_failed"):
            watch.fatal = "authentication failed: the model's service refuses the login or key"
        case Said() | Answered() | MessageOpened() | BlockOpened() | TextArrived() | BlockClosed():
            watch.goes_on = watch.finished
        case _:
            return


@attrs.frozen
class ClaudeCli:
    """The backend `claude-cli`."""

    options: CliOptions
    run_sync: RunSync
    name: str = "claude-cli"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        prompt_file = order.private / "system-prompt.md"
        await self.run_sync(lambda: write_private(prompt_file, order.system))
        program = Program(
            argv=arguments(order, self.options, prompt_file),
            environment=environment(order, self.options),
            cwd=order.home,
            stdin=order.user.encode("utf-8", "replace"),
        )
        limits = Limits(
            stall=self.options.stall,
            deadline=order.deadline,
            result_grace=self.options.result_grace,
            kill=self.options.kill,
            line_bytes=self.options.line_bytes,
        )
        mark = Mark(order.session_id, order.home)
        return await run_process_group(
            program, mark=mark, limits=limits, listener=listener, notice=notice, run_sync=self.run_sync
        )


def write_private(path: Path, text: str) -> None:
    """A file that nobody else on the machine can read; its folder is private too."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "replace"))


def has_login(user_home: Path, environ: Mapping[str, str]) -> bool:
    """Whether the CLI could sign in by itself: a token in the environment, or what its own login leaves. Blocking."""
    if environ.get("CLAUDE_CODE_OAUTH_TOKEN") or environ.get("ANTHROPIC_AUTH_TOKEN"):
        return True
    folder = Path(environ.get("CLAUDE_CONFIG_DIR") or user_home / ".claude")
    return (folder / ".credentials.json").is_file() or _names_login(user_home / ".claude.json")


def _names_login(path: Path, members: Sequence[str] = ("oauthAccount", "primaryApiKey")) -> bool:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(value, dict) and any(value.get(member) for member in members)
