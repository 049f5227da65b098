"""The settings as frozen classes. Their defaults, units and meanings stand in config/default.toml, and only there."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs

from runner.settings.paths import Paths

__all__ = [
    "Anthropic",
    "BudgetSettings",
    "Events",
    "GitSettings",
    "Http",
    "LogSettings",
    "Memory",
    "Moderation",
    "Resident",
    "Retention",
    "ScheduleSettings",
    "SessionSettings",
    "Settings",
    "Supervision",
    "TelegramSettings",
    "Webhook",
    "World",
]


@attrs.frozen(kw_only=True)
class Resident:
    name: str
    owner: str
    city: str
    timezone: str
    day_zero: date

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@attrs.frozen(kw_only=True)
class Http:
    host: str
    port: int
    api_key: str = attrs.field(repr=False)
    trusted_keys: tuple[str, ...] = attrs.field(repr=False)
    debug: bool
    cors_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    max_streams: int
    heartbeat_seconds: float
    visitors_per_hour: int
    shutdown_timeout: float


@attrs.frozen(kw_only=True)
class SessionSettings:
    backend: str
    claude_bin: str
    model: str
    max_turns: int
    run_as: str
    cli_key: str
    cli_token: str = attrs.field(repr=False)
    cli_user_home: Path | None
    dangerous: bool
    tools: tuple[str, ...]
    allow: tuple[str, ...]
    commands: tuple[str, ...]
    sandbox_run: bool
    outward_with_strangers: tuple[str, ...]
    deadline_seconds: float
    deadline_telegram_seconds: float
    deadline_talk_seconds: float
    stall_seconds: float
    result_grace_seconds: float
    kill_seconds: float
    drain_seconds: float
    max_line_bytes: int
    rehearsal_speed: float
    lock_path: Path | None
    stream_path: Path | None
    status_path: Path | None
    poll_interval: float


@attrs.frozen(kw_only=True)
class BudgetSettings:
    session_usd: float
    day_usd: float
    month_usd: float
    session_tokens: int
    day_tokens: int
    month_tokens: int


@attrs.frozen(kw_only=True)
class ScheduleSettings:
    enabled: bool
    max_late_minutes: int
    visit_autowake: bool
    visit_debounce_minutes: int
    visits_per_day: int
    quiet_minutes: int


@attrs.frozen(kw_only=True)
class Supervision:
    revive_after_seconds: float
    restarts: int
    window_seconds: float


@attrs.frozen(kw_only=True)
class Events:
    debounce_ms: int
    max_subscribers: int
    queue_size: int
    watch_paths: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Anthropic:
    api_key: str = attrs.field(repr=False)
    base_url: str


@attrs.frozen(kw_only=True)
class TelegramSettings:
    bot_token: str = attrs.field(repr=False)
    chat_id: str
    authorized_users: tuple[str, ...]
    history_path: Path | None
    poll_timeout: int
    api_base: str
    talk_idle_seconds: float
    wakes_per_hour: int
    talk_chat_id: str


@attrs.frozen(kw_only=True)
class Moderation:
    model: str
    fail: str
    rescreen_seconds: float
    timeout_seconds: float
    block_visitors: bool
    block_trusted: bool


@attrs.frozen(kw_only=True)
class Memory:
    embedding_backend: str
    compile_model: str
    mood_max_weight: float


@attrs.frozen(kw_only=True)
class World:
    weather_url: str
    kp_url: str
    brave_api_base: str
    brave_search_key: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class GitSettings:
    push: str


@attrs.frozen(kw_only=True)
class Webhook:
    url: str
    secret: str = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class Retention:
    days: int
    visitors_archive: Path | None
    moderation_dir: Path | None
    log_file: Path | None


@attrs.frozen(kw_only=True)
class LogSettings:
    level: str
    format: str


@attrs.frozen(kw_only=True)
class Settings:
    """One checked set of settings; a reload makes another one and never changes this."""

    home: Path
    resident: Resident
    http: Http
    session: SessionSettings
    budget: BudgetSettings
    schedule: ScheduleSettings
    supervision: Supervision
    events: Events
    anthropic: Anthropic
    telegram: TelegramSettings
    moderation: Moderation
    memory: Memory
    world: World
    git: GitSettings
    webhook: Webhook
    retention: Retention
    log: LogSettings

    @property
    def paths(self) -> Paths:
        return Paths(
            home=self.home,
            session_lock_setting=self.session.lock_path,
            live_stream_setting=self.session.stream_path,
            session_status_setting=self.session.status_path,
            chat_history_setting=self.telegram.history_path,
            visitors_archive_setting=self.retention.visitors_archive,
            moderation_setting=self.retention.moderation_dir,
            retention_log_setting=self.retention.log_file,
        )

    def secret_values(self) -> tuple[str, ...]:
        """Every secret that is set, longest first, so that redaction never leaves the rest of a longer one standing."""
        found = {
            self.http.api_key,
            *self.http.trusted_keys,
            self.session.cli_token,
            self.anthropic.api_key,
            self.telegram.bot_token,
            self.world.brave_search_key,
            self.webhook.secret,
        }
        return tuple(sorted(found - {""}, key=lambda secret: (-len(secret), secret)))
