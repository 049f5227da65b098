"""Every path of a home, derived in one place."""

from pathlib import Path

import attrs

__all__ = ["Paths"]

ORIGINAL_HOME = Path("/claude-home")
ORIGINAL_LOCK = Path("/run/claude-session.lock")


@attrs.frozen(kw_only=True)
class Paths:
    """Where everything is. The few paths that may be set are as the settings have them; relative ones start at home."""

    home: Path
    session_lock_setting: Path | None = attrs.field(default=None, repr=False)
    live_stream_setting: Path | None = attrs.field(default=None, repr=False)
    session_status_setting: Path | None = attrs.field(default=None, repr=False)
    chat_history_setting: Path | None = attrs.field(default=None, repr=False)
    visitors_archive_setting: Path | None = attrs.field(default=None, repr=False)
    moderation_setting: Path | None = attrs.field(default=None, repr=False)
    retention_log_setting: Path | None = attrs.field(default=None, repr=False)

    def _set_or(self, setting: Path | None, *usual: str) -> Path:
        return self.home / setting if setting is not None else self.home.joinpath(*usual)

    # what the resident writes

    @property
    def thoughts(self) -> Path:
        return self.home / "thoughts"

    @property
    def dreams(self) -> Path:
        return self.home / "dreams"

    @property
    def essays(self) -> Path:
        return self.home / "essays"

    @property
    def letters(self) -> Path:
        return self.home / "letters"

    @property
    def scores(self) -> Path:
        return self.home / "scores"

    @property
    def bookshelf(self) -> Path:
        return self.home / "bookshelf"

    @property
    def memory(self) -> Path:
        return self.home / "memory"

    @property
    def memory_md(self) -> Path:
        return self.memory / "memory.md"

    @property
    def identity_md(self) -> Path:
        return self.memory / "identity.md"

    @property
    def prompt(self) -> Path:
        return self.home / "prompt"

    @property
    def prompt_md(self) -> Path:
        return self.prompt / "prompt.md"

    @property
    def voice_md(self) -> Path:
        return self.home / "voice.md"

    @property
    def claude_md(self) -> Path:
        return self.home / "CLAUDE.md"

    @property
    def about(self) -> Path:
        return self.home / "about"

    @property
    def landing_page(self) -> Path:
        return self.home / "landing-page"

    @property
    def landing_summary(self) -> Path:
        return self.home / "landing-summary"

    @property
    def visitor_greeting(self) -> Path:
        return self.home / "visitor-greeting"

    @property
    def sandbox(self) -> Path:
        return self.home / "sandbox"

    @property
    def projects(self) -> Path:
        return self.home / "projects"

    @property
    def inner_thread(self) -> Path:
        return self.home / "inner-thread" / "thread.jsonl"

    # what others bring

    @property
    def news(self) -> Path:
        return self.home / "news"

    @property
    def gifts(self) -> Path:
        return self.home / "gifts"

    @property
    def readings(self) -> Path:
        return self.home / "readings"

    @property
    def visitors(self) -> Path:
        return self.home / "visitors"

    @property
    def visitors_archive(self) -> Path:
        return self._set_or(self.visitors_archive_setting, "visitors", "archive")

    @property
    def mailbox(self) -> Path:
        return self.home / "mailbox"

    @property
    def telegram(self) -> Path:
        return self.home / "telegram"

    @property
    def chat_history(self) -> Path:
        return self._set_or(self.chat_history_setting, "telegram", "chat-history.jsonl")

    # what sessions leave

    @property
    def conversations(self) -> Path:
        return self.home / "conversations"

    @property
    def transcripts(self) -> Path:
        return self.home / "transcripts"

    @property
    def moderation(self) -> Path:
        return self._set_or(self.moderation_setting, "moderation")

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def retention_log(self) -> Path:
        return self._set_or(self.retention_log_setting, "logs", "retention-sweep.log")

    # what the process keeps

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def ledger(self) -> Path:
        return self.home / "sessions.db"

    @property
    def live_stream(self) -> Path:
        return self._set_or(self.live_stream_setting, "data", "live-stream.jsonl")

    @property
    def session_status(self) -> Path:
        return self._set_or(self.session_status_setting, "data", "session-status.json")

    @property
    def mood_state(self) -> Path:
        return self.data / "mood-state.json"

    @property
    def mood_history(self) -> Path:
        return self.data / "mood-history.jsonl"

    @property
    def compiled_memory(self) -> Path:
        return self.data / "compiled-memory.md"

    @property
    def hook_report(self) -> Path:
        return self.data / "hook-report.json"

    @property
    def prompt_history(self) -> Path:
        return self.data / "prompt-history"

    @property
    def backup(self) -> Path:
        return self.data / "backup"

    @property
    def tmp(self) -> Path:
        return self.data / "tmp"

    @property
    def catalogue_db(self) -> Path:
        return self.data / "catalogue.db"

    @property
    def search_db(self) -> Path:
        return self.data / "search.db"

    @property
    def made_by_init(self) -> Path:
        """The mark `init` leaves in a home it made."""
        return self.data / "home.json"

    @property
    def control_socket(self) -> Path:
        return self.data / "control.sock"

    @property
    def tools_socket(self) -> Path:
        return self.data / "tools.sock"

    @property
    def runner_lock(self) -> Path:
        return self.data / "runner.lock"

    @property
    def session_lock(self) -> Path:
        return self._set_or(self.session_lock_setting, "data", "session.lock")

    @property
    def shared_session_lock(self) -> Path | None:
        """The predecessor's lock, taken too for its own home, so that the two never wake the resident at once."""
        if self.session_lock_setting is None and self.home == ORIGINAL_HOME:
            return ORIGINAL_LOCK
        return None

    @property
    def runner(self) -> Path:
        return self.home / "runner"

    @property
    def env_file(self) -> Path:
        return self.runner / ".env"

    @property
    def memory_index(self) -> Path:
        return self.runner / "memory" / "data"

    @property
    def config_file(self) -> Path:
        return self.home / "claude-runner.toml"
