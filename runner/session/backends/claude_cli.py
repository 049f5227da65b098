"""The real Claude Code CLI as a subprocess: its arguments, its permissions, its environment."""

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from runner.children.group import GroupLimits, Program, Watch, run_process_group
from runner.children.reap import Mark
from runner.offload import RunSync
from runner.session.backends.base import RunListener, RunOrder, RunResult, as_line
from runner.stream.records import (
    Answered,
    BlockClosed,
    BlockOpened,
    MessageOpened,
    Notice,
    ResultRecord,
    Said,
    TextArrived,
    parse,
)
from runner.tools import guard
from runner.tools.access import KEY_ENDINGS, MACHINERY, Access, all_but
from runner.tools.capabilities import cli_rules
from runner.tools.grants import access_of

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
LAST_WORDS = "(This is the end of what is said to you here.)"
SYSTEM, SETTINGS, GUARD = "system-prompt.md", "settings.json", "guard.json"
"""Files of one session, in its private folder."""
_HIDDEN = ("./.[!.]*", "./.[!.]*/**")
_NO_PLAIN = re.compile(r"[^\w./ -]|^\s|\s$")
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


def deny_rules(access: Access, links: Sequence[str] = ()) -> list[str]:
    """The rules that hold in every permission mode; `./` is the home. What is outside is never granted.

    The guard decides about each single path. These are for what walks over many, and for a day on which it can't.
    """
    unread: list[str] = [*_HIDDEN, *(f"./**/*{ending}" for ending in KEY_ENDINGS), f"./**/{MACHINERY}/**"]
    unwritten = list(unread)
    for name in sorted(access.closed):
        left_open = access.open_in(name)
        unread += [f"./{pattern}" for pattern in all_but(name, left_open)] + ([] if left_open else [f"./{name}"])
        unwritten += [f"./{name}", f"./{name}/**"]
    for name in sorted(access.kept):
        unwritten += [f"./{name}", f"./{name}/**"]
    for link in links:
        pattern = _NO_PLAIN.sub("?", link)
        unread += [f"./{pattern}", f"./{pattern}/**"]
        unwritten += [f"./{pattern}", f"./{pattern}/**"]
    return [f"Read({path})" for path in unread] + [f"Edit({path})" for path in unwritten]


def withholding_rules(withheld: Sequence[str]) -> list[str]:
    """Rules that take commands and tools away from one session, whatever it is allowed otherwise."""
    return [name if name[:1].isupper() else f"Bash(claude-runner {name}:*)" for name in withheld]


def arguments(order: RunOrder, options: CliOptions) -> list[str]:
    """The command line. Nothing that is said stands in it: others on the machine can read it, and it is limited."""
    argv = [options.binary, "-p", "--model", order.model, "--system-prompt-file", str(order.private / SYSTEM)]
    argv += ["--input-format", "stream-json"]
    argv += ["--output-format", "stream-json", "--verbose", "--include-partial-messages"]
    argv += ["--max-turns", str(order.max_turns)]
    if options.dangerous:
        argv += ["--dangerously-skip-permissions"]
    else:
        argv += [
            "--permission-mode",
            "acceptEdits",
            "--tools",
            ",".join(offered(options.tools, _allowed(order, options))),
        ]
    # the home's own CLI settings are not read: the resident can write them, and they can name programs to run
    argv += ["--settings", str(order.private / SETTINGS), "--setting-sources", "user", "--strict-mcp-config"]
    # the program knows its folder by the name on the disk; the prompts call it as the settings do
    argv += ["--add-dir", str(order.home)]
    if order.budget_usd is not None:
        argv += ["--max-budget-usd", f"{order.budget_usd:.4f}"]
    if order.resume is not None:
        argv += ["--resume", order.resume]
    elif order.cli_session_id is not None:
        argv += ["--session-id", order.cli_session_id]
    return argv


def _allowed(order: RunOrder, options: CliOptions) -> list[str]:
    return [*options.allow, *cli_rules(order.grant.commands)]


def offered(tools: Sequence[str], allow: Sequence[str]) -> list[str]:
    """The tools a session has: the chosen ones, and those that a rule allows in part."""
    named = [rule.partition("(")[0].strip() for rule in allow]
    return list(dict.fromkeys([*tools, *(name for name in named if name)]))


def cli_settings(order: RunOrder, options: CliOptions) -> dict[str, object]:
    """The CLI's settings of one session: its rules, and the guard before each use of a tool."""
    access = access_of(order.grant, order.home)
    permissions: dict[str, object] = {"deny": deny_rules(access, order.links) + withholding_rules(order.withheld)}
    if not options.dangerous:
        permissions |= {"defaultMode": "acceptEdits", "allow": _allowed(order, options)}
    call = shlex.join([options.python, "-I", "-S", str(Path(guard.__file__)), str(order.private / GUARD)])
    # what keeps the guard from running must not open anything
    hook = {"type": "command", "command": f"{call} || exit 2", "timeout": GUARD_WITHIN}
    # said outright, because the operator's own settings of the CLI may switch all hooks off
    hooks = {"PreToolUse": [{"matcher": "*", "hooks": [hook]}]}
    return {"permissions": permissions, "hooks": hooks, "disableAllHooks": False}


def guarded(order: RunOrder, options: CliOptions) -> dict[str, object]:
    """What the guard has to know. A shell that the operator gave whole is not looked at."""
    patterns = [rule.strip() for rule in options.allow if rule.strip().partition("(")[0].strip() == SHELL]
    inside = [pattern.partition("(")[2].removesuffix(")") for pattern in patterns]
    whole = options.dangerous or SHELL in options.tools or any(pattern in {"", "*", ":*"} for pattern in inside)
    return {
        "access": access_of(order.grant, order.home).as_json(),
        "commands": list(order.grant.commands),
        "patterns": inside,
        "shell": whole,
    }


def prepare(order: RunOrder, options: CliOptions) -> None:
    """Write what the CLI and the guard read into the session's private folder. Blocking."""
    write_private(order.private / SYSTEM, order.system)
    write_private(order.private / SETTINGS, json.dumps(cli_settings(order, options)))
    write_private(order.private / GUARD, json.dumps(guarded(order, options)))


def spoken(user: str) -> bytes:
    """The user prompt as the CLI reads it from its standard input.

    Of one text the CLI takes `@path` for a file to be put in, past every rule, and a `/` at the beginning for a command
    of its own. Of a message of several it looks at the last one alone: that one is ours.
    """
    blocks = [{"type": "text", "text": text} for text in (user, LAST_WORDS)]
    message = {"type": "user", "message": {"role": "user", "content": blocks}}
    return as_line(message) + b"\n"


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
        case ResultRecord():
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
        await self.run_sync(lambda: prepare(order, self.options))
        program = Program(
            argv=arguments(order, self.options),
            environment=environment(order, self.options),
            cwd=order.home,
            stdin=spoken(order.user),
        )
        limits = GroupLimits(
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
