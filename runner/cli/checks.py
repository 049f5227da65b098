"""What `doctor` looks at. Each check gives one finding and changes nothing; secrets are counted, never shown."""

import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import attrs

from runner.cli.context import CliContext
from runner.cli.offline import chosen_backend
from runner.content import look_over, read_kinds
from runner.control.client import NoProcessError
from runner.control.protocol import CommandError
from runner.errors import RunnerError
from runner.ledger import LedgerView, SessionRow, failing_hooks
from runner.ledger.budget import LEVELS, Level, limits_of, worst
from runner.ledger.failing import IN_A_ROW
from runner.resources import config_dir
from runner.settings import Loaded, Settings
from runner.triggers.pause import PAUSED, Pause

__all__ = ["Finding", "examine"]

Verdict = Literal["ok", "notice", "wrong"]

_DISK_WRONG: Final = 200 * 1024**2
_DISK_NOTICE: Final = 2 * 1024**3
_OLDEST_CLOCK_YEAR: Final = 2026
_SLOTS_SHOWN: Final = 8
_ENTRIES_SHOWN: Final = 10
_SKEW: Final = timedelta(minutes=5)


@attrs.frozen
class Finding:
    """One line of the doctor."""

    what: str
    verdict: Verdict
    text: str


def examine(shell: CliContext, home: Path | None, config: Path | None) -> Iterator[Finding]:
    """All findings; where the settings can't be read or there is no home, the rest has nothing to look at."""
    try:
        loaded = shell.load(home, config, must_exist=False, serving=True)
    except RunnerError as error:
        yield Finding("configuration", "wrong", str(error))
        return
    yield _configuration(loaded)
    settings = loaded.settings
    yield _home(settings)
    if not settings.home.is_dir():
        return
    yield from _credentials(settings)
    yield _model(shell, settings)
    try:
        with LedgerView.open(settings.paths.ledger) as ledger:
            sessions = ledger.sessions(200)
            waiting = len(ledger.queue())
            pause = Pause.load(ledger.meta(PAUSED))
            level = worst(ledger.totals(shell.now(), settings.resident.zone), limits_of(settings.budget))
    except (RunnerError, OSError) as error:
        yield Finding("ledger", "wrong", str(error))
        sessions = ()
    else:
        yield Finding("ledger", "ok", _ledger_text(settings, sessions, waiting))
        yield _pause(pause)
        yield _budget(settings, level)
        yield _hooks(sessions)
    yield _entries(settings)
    yield _index(settings)
    yield _disk(settings)
    yield _clock(shell, settings, sessions)
    yield _slots(settings, sessions)
    yield _process(shell, settings)


def _configuration(loaded: Loaded) -> Finding:
    changed = sum(1 for source in loaded.sources.values() if source != "default")
    if loaded.warnings:
        return Finding("configuration", "notice", "; ".join(loaded.warnings))
    return Finding("configuration", "ok", f"readable; {changed} settings differ from the defaults")


def _home(settings: Settings) -> Finding:
    home = settings.home
    if not home.is_dir():
        return Finding("home", "wrong", f"{home} does not exist; make it with: claude-runner init --home {home}")
    blocked = [
        folder
        for folder in (home, settings.paths.data, settings.paths.thoughts, settings.paths.logs)
        if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    ]
    if blocked:
        return Finding("home", "wrong", f"{blocked[0]} can't be written by this user (uid {os.geteuid()})")
    missing = [folder.name for folder in (settings.paths.data, settings.paths.thoughts) if not folder.exists()]
    if missing:
        return Finding("home", "notice", f"{home}: {', '.join(missing)} missing; the next start makes them")
    return Finding("home", "ok", f"{home}, writable")


def _credentials(settings: Settings) -> Iterator[Finding]:
    shown = {
        "API_KEY": settings.http.api_key,
        "ANTHROPIC_API_KEY": settings.anthropic.api_key,
        "CLAUDE_CODE_OAUTH_TOKEN": settings.session.cli_token,
        "TELEGRAM_BOT_TOKEN": settings.telegram.bot_token,
    }
    text = ", ".join(f"{name} {_masked(value)}" for name, value in shown.items())
    yield Finding("credentials", "ok", text)
    if not settings.anthropic.api_key:
        yield Finding(
            "moderation", "notice", "ANTHROPIC_API_KEY is not set: visitors' words stay unscreened, and say so"
        )
    env_file = settings.paths.env_file
    if env_file.exists() and env_file.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP):
        yield Finding(
            "secrets file", "wrong", f"{env_file} is open to other users; close it with: chmod 600 {env_file}"
        )


def _masked(value: str) -> str:
    return f"set ({len(value)} characters)" if value else "not set"


def _model(shell: CliContext, settings: Settings) -> Finding:
    try:
        chosen = chosen_backend(shell, settings)
    except RunnerError as error:
        return Finding("model", "wrong", str(error))
    program = settings.session.claude_bin
    if chosen.name == "claude-cli" and shutil.which(program, path=shell.environ.get("PATH")) is None:
        return Finding("model", "wrong", f"the backend is claude-cli, but there is no program {program!r} (CLAUDE_BIN)")
    text = f"{chosen.name}: {chosen.reason}"
    return Finding("model", "ok" if chosen.backend is not None else "wrong", text)


def _ledger_text(settings: Settings, sessions: tuple[SessionRow, ...], waiting: int) -> str:
    if not settings.paths.ledger.exists():
        return "not made yet; the first start makes it"
    newest = f", newest {sessions[0].session_id} {sessions[0].state}" if sessions else ""
    return f"readable; {waiting} waiting{newest}"


def _pause(pause: Pause | None) -> Finding:
    if pause is not None:
        return Finding("scheduled wakes", "wrong", pause.text)
    return Finding("scheduled wakes", "ok", "not paused")


def _budget(settings: Settings, level: Level | None) -> Finding:
    if level is not None:
        return Finding("budget", "wrong" if level.percent >= LEVELS[-1] else "notice", level.text)
    limited = any(attrs.astuple(settings.budget))
    return Finding("budget", "ok", f"less than {LEVELS[0]} % used" if limited else "no limit is set")


def _hooks(sessions: tuple[SessionRow, ...]) -> Finding:
    failing = failing_hooks(sessions)
    if failing:
        return Finding("hooks", "wrong", "; ".join(hook.text for hook in failing))
    return Finding("hooks", "ok", f"none has failed after {IN_A_ROW} sessions in a row")


def _entries(settings: Settings) -> Finding:
    kinds = read_kinds(config_dir() / "content.toml")
    remarks = look_over(settings.home, kinds, settings.resident.zone, settings.paths.catalogue_db)
    if not remarks:
        return Finding("entries", "ok", "all are served as they are written")
    shown = [remark.text for remark in remarks[:_ENTRIES_SHOWN]]
    if len(remarks) > _ENTRIES_SHOWN:
        shown.append(f"and {len(remarks) - _ENTRIES_SHOWN} more")
    count = "1 file is not as it should be" if len(remarks) == 1 else f"{len(remarks)} files are not as they should be"
    return Finding("entries", "notice", f"{count}: " + " | ".join(shown))


def _index(settings: Settings) -> Finding:
    path = settings.paths.search_db
    return Finding("index", "ok", f"{path.stat().st_size // 1024} KiB" if path.exists() else "not built yet")


def _disk(settings: Settings) -> Finding:
    free = shutil.disk_usage(settings.home).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < _DISK_WRONG:
        return Finding("disk", "wrong", f"{text}; sessions need at least {_DISK_WRONG // 1024**2} MiB")
    return Finding("disk", "notice" if free < _DISK_NOTICE else "ok", text)


def _clock(shell: CliContext, settings: Settings, sessions: tuple[SessionRow, ...]) -> Finding:
    now = shell.now()
    local = now.astimezone(settings.resident.zone)
    if now.year < _OLDEST_CLOCK_YEAR:
        return Finding("clock", "wrong", f"the clock says {now:%Y-%m-%d}; slots and file names need the right day")
    border = (now + _SKEW).isoformat()
    ahead = [row for row in sessions if row.started_at is not None and _utc(row.started_at) > _utc(border)]
    if ahead:
        return Finding("clock", "wrong", f"session {ahead[0].session_id} began in the future: the clock went back")
    return Finding("clock", "ok", f"{local:%Y-%m-%d %H:%M} in {settings.resident.timezone}")


def _utc(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _slots(settings: Settings, sessions: tuple[SessionRow, ...]) -> Finding:
    if not settings.schedule.enabled:
        return Finding("last slots", "notice", "the scheduler is switched off (SCHEDULER_ENABLED=false)")
    ran = [row for row in sessions if row.slot is not None][:_SLOTS_SHOWN]
    if not ran:
        return Finding("last slots", "ok", "none yet")
    text = ", ".join(f"{row.type} {row.state}" for row in ran)
    bad = [row for row in ran if row.state not in {"completed", "running"}]
    if len(bad) == len(ran):
        return Finding("last slots", "wrong", f"{text} (last reason: {bad[0].reason or 'none given'})")
    return Finding("last slots", "notice" if bad else "ok", text)


def _process(shell: CliContext, settings: Settings) -> Finding:
    try:
        rows = shell.ask(settings.paths.control_socket, "ps", within=5).result
    except NoProcessError:
        return Finding("process", "notice", "not running")
    except CommandError as error:
        return Finding("process", "wrong", str(error))
    assert isinstance(rows, list)
    bad = [f"{row['name']} {row['state']}" for row in rows if row["state"] in {"failed", "stuck", "backoff"}]
    if bad:
        return Finding("process", "wrong", ", ".join(bad))
    return Finding("process", "ok", f"running, {len(rows)} actors")
