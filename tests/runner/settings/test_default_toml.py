"""config/default.toml and the classes say the same, and every name of the predecessor is known."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from runner import resources
from runner.settings import Settings, declared_options, load_settings
from runner.settings.options import CHECKS

ACTORS = {"control", "broadcaster", "moderator", "indexer", "session", "watcher", "telegram", "scheduler", "web"}

PREDECESSOR_NAMES = [
    "API_HOST",
    "API_PORT",
    "API_DEBUG",
    "API_KEY",
    "API_CORS_ORIGINS_RAW",
    "API_SHUTDOWN_TIMEOUT",
    "API_EVENT_DEBOUNCE_MS",
    "API_EVENT_QUEUE_SIZE",
    "API_EVENT_MAX_SUBSCRIBERS",
    "API_SSE_HEARTBEAT_INTERVAL",
    "API_WATCH_PATHS_RAW",
    "API_SESSION_STREAM_PATH",
    "API_SESSION_STATUS_PATH",
    "API_SESSION_POLL_INTERVAL",
    "TRUSTED_API_KEYS",
    "ANTHROPIC_API_KEY",
    "VERCEL_REVALIDATE_URL",
    "VERCEL_REVALIDATE_SECRET",
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_CHAT_ID",
    "TELEGRAM_AUTHORIZED_USERS_RAW",
    "TELEGRAM_HISTORY_PATH",
    "TELEGRAM_POLL_TIMEOUT",
    "TELEGRAM_TALK_CHAT_ID",
    "BRAVE_SEARCH_API_KEY",
    "RETENTION_DAYS",
    "VISITORS_ARCHIVE",
    "MODERATION_DIR",
    "LOG_FILE",
    "CLAUDE_HOME",
    "CLAUDE_BIN",
    "CLAUDE_MODEL",
    "CLAUDE_MAX_TURNS",
    "CLAUDE_RUN_AS",
    "SESSION_LOCK_PATH",
    "HOME_TIMEZONE",
    "HOME_CITY",
    "DAY_ZERO",
    "RESIDENT_NAME",
    "OWNER_NAME",
    "SCHEDULER_ENABLED",
    "GIT_PUSH_ENABLED",
    "MODERATION_MODEL",
    "COMPILE_MODEL",
    "EMBEDDING_BACKEND",
    "VISIT_AUTOWAKE",
    "SESSION_BACKEND",
    "ANTHROPIC_BASE_URL",
    "TELEGRAM_API_BASE",
    "REHEARSAL_SPEED",
    "WEATHER_URL",
    "KP_URL",
    "BRAVE_API_BASE",
]


def keys_of_classes() -> Iterator[str]:
    for field in attrs.fields(Settings):
        kind: Any = field.type
        if attrs.has(kind):
            yield from (f"{field.name}.{inner.name}" for inner in attrs.fields(kind))
        else:
            yield field.name


def test_classes_and_file_agree_exactly() -> None:
    """Every declared setting has its field and every field its declaration, in the same order."""
    assert list(declared_options()) == list(keys_of_classes())


def test_every_declaration_is_complete() -> None:
    """Each setting says its meaning, its one environment name, and what a reload does about it."""
    options = declared_options().values()
    names = [option.env for option in options]
    assert len(names) == len(set(names))
    for option in options:
        assert re.fullmatch(r"[A-Z][A-Z0-9_]+", option.env), option.key
        assert option.about.endswith("."), option.key
        assert option.applies in {"live", "process"} or option.applies.removeprefix("actor ") in ACTORS, option.key
        assert option.check in {"", *CHECKS}, option.key
        assert not option.unused or not option.unused.endswith("."), option.key


def test_path_settings_are_marked() -> None:
    """The mark for people and tools that a setting is a path agrees with its type."""
    for option in declared_options().values():
        if option.key != "home":
            assert option.path == (option.kind == Path | None), option.key


@pytest.mark.parametrize("name", PREDECESSOR_NAMES)
def test_predecessor_names_are_accepted(name: str) -> None:
    """A name that older set-ups hold is a setting here, so it never draws a warning."""
    assert name in {option.env for option in declared_options().values()}


def test_secrets_are_the_secret_settings(tmp_path: Path) -> None:
    """Everything marked as a secret reaches redaction, and shows up in no repr and no listing."""
    secrets = [option for option in declared_options().values() if option.secret]
    environ = {option.env: f"hush-{number}-{option.env.lower()}" for number, option in enumerate(secrets)}
    loaded = load_settings({"home": tmp_path}, environ)
    assert sorted(loaded.settings.secret_values()) == sorted(environ.values())
    shown = repr(loaded.settings) + repr(loaded.listing())
    assert "hush" not in shown
    assert {view.value for view in loaded.listing() if view.secret} == {"(hidden)"}


def test_example_of_the_file_is_what_the_loader_reads() -> None:
    """The file is plain TOML with one inline table a setting, so that people can read it top to bottom."""
    document = tomllib.loads((resources.config_dir() / "default.toml").read_text(encoding="utf-8"))
    for section in document.values():
        entries = [section] if "env" in section else list(section.values())
        assert all({"default", "env", "unit", "applies", "about"} <= set(entry) for entry in entries)
