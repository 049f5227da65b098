"""What goes into the ledger and what comes out of it, as frozen values."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from runner.errors import RunnerError

__all__ = [
    "ACTIVE",
    "HOOK_VERDICTS",
    "OPEN",
    "PRIORITIES",
    "TERMINAL",
    "HookRow",
    "LettersOf",
    "SessionFacts",
    "SessionOutcome",
    "SessionRow",
    "SpendEntry",
    "SpendLimits",
    "Totals",
    "Wake",
    "WakeRequest",
    "WrongState",
    "parse_stamp",
    "priority_of",
    "slot_key",
    "stamp",
]

OPEN = ("queued", "claimed", "spawning", "running")
ACTIVE = ("spawning", "running")
TERMINAL = ("completed", "failed", "missed", "interrupted", "refused")
HOOK_VERDICTS = ("done", "not_due", "failed", "upstream_failed", "timed_out")

PRIORITIES: Mapping[str, int] = {
    "talk": 0,
    "telegram_talk_open": 0,
    "telegram": 10,
    "custom": 30,
    "self": 40,
    "visit": 50,
    "correspondence": 60,
}
SCHEDULED_PRIORITY = 20


class WrongState(RunnerError):
    """A row is not in the state its owner believed; somebody else has ended, refused or returned it meanwhile."""


def priority_of(wake_type: str) -> int:
    """Lower goes first. Types that aren't listed are the slots'."""
    return PRIORITIES.get(wake_type, SCHEDULED_PRIORITY)


def stamp(moment: datetime) -> str:
    """An instant as the ledger writes it: UTC with microseconds, so that texts sort as instants do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def parse_stamp(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def slot_key(slot: datetime | str | None) -> str | None:
    """A slot's one name: its instant in UTC, to the second."""
    if slot is None:
        return None
    moment = datetime.fromisoformat(slot) if isinstance(slot, str) else slot
    if moment.tzinfo is None:
        raise ValueError(f"a slot needs an offset; {slot!r} has none")
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@attrs.frozen(kw_only=True)
class WakeRequest:
    """What somebody asks for. The ledger gives it an id when it accepts it."""

    type: str
    source: str = "command"
    """Who asks: scheduler, command, api, visitor, telegram, self, correspondence."""
    message: str = attrs.field(default="", repr=False)
    sender: str = ""
    image: str | None = None
    max_turns: int | None = None
    slot: str | None = attrs.field(default=None, converter=slot_key)
    key: str | None = None
    """What is asked for, by name, where the asker may ask twice: a second request of this name makes no second wake."""
    not_before: datetime | None = None
    expires_at: datetime | None = None
    priority: int | None = None


@attrs.frozen(kw_only=True)
class Wake:
    """One row of the queue."""

    id: str
    type: str
    state: str
    source: str
    message: str = attrs.field(repr=False)
    sender: str
    image: str | None
    max_turns: int | None
    slot: str | None
    enqueued_at: datetime
    not_before: datetime | None
    expires_at: datetime | None
    attempts: int
    """How many times it was claimed."""
    priority: int
    reason: str | None
    key: str | None = None
    created: bool = attrs.field(default=False, eq=False)
    """True in the answer to the request that made the row, and nowhere else."""

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL

    def as_json(self) -> dict[str, Any]:
        """The row as `queue --json` shows it."""
        return {
            "id": self.id,
            "type": self.type,
            "state": self.state,
            "source": self.source,
            "enqueued_at": self.enqueued_at.isoformat(),
            "not_before": self.not_before.isoformat() if self.not_before else None,
            "attempts": self.attempts,
        }


@attrs.frozen(kw_only=True)
class SessionFacts:
    """What is known about a session just before its model is started."""

    backend: str
    started_at: datetime
    model: str | None = None
    claude_session_id: str | None = None


@attrs.frozen(kw_only=True)
class SessionOutcome:
    """How a session ended. `state` is one of TERMINAL; a reason belongs to every state but completed."""

    state: str = attrs.field(validator=attrs.validators.in_(TERMINAL))
    ended_at: datetime
    reason: str | None = None
    exit_code: int | None = None
    is_error: bool = False
    num_turns: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cost_usd: float | None = None
    model: str | None = None
    claude_session_id: str | None = None
    duration_seconds: float | None = None
    tools: Mapping[str, int] = attrs.field(factory=dict)
    files_written: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    summary: str = ""
    hooks: tuple[str, ...] = ()
    """Hooks that have to run now, in order: planned in the same transaction, so that none is lost between the two."""


@attrs.frozen(kw_only=True)
class HookRow:
    session_id: str
    name: str
    begins: int
    verdict: str | None
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None

    def as_json(self) -> dict[str, Any]:
        """The hook as `sessions --json` shows it."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "error": self.error,
        }


@attrs.frozen(kw_only=True)
class SessionRow:
    """One session that ran, is running, or ended without running. Times are texts: the predecessor's have no offset."""

    session_id: str
    type: str
    state: str
    reason: str | None
    source: str | None
    slot: str | None
    backend: str | None
    model: str | None
    claude_session_id: str | None
    started_at: str | None
    ended_at: str | None
    exit_code: int | None
    is_error: bool
    num_turns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_creation_tokens: int | None
    cost_usd: float | None
    duration_seconds: float | None
    files_created: int
    pid: int | None
    pid_started: int | None
    tools: Mapping[str, int]
    files_written: tuple[str, ...]
    files_read: tuple[str, ...]
    summary: str
    hooks: tuple[HookRow, ...] = ()
    notices: tuple[str, ...] = ()
    """What people should know besides how it ended."""

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL

    def as_json(self) -> dict[str, Any]:
        """The row as `sessions --json` shows it: what has not ended is running."""
        return {
            "session_id": self.session_id,
            "type": self.type,
            "state": "running" if self.state in ACTIVE else self.state,
            "reason": self.reason,
            "started_at": _with_offset(self.started_at),
            "ended_at": _with_offset(self.ended_at),
            "exit_code": self.exit_code,
            "num_turns": self.num_turns,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
            "model": self.model,
            "backend": self.backend,
            "hooks": [hook.as_json() for hook in self.hooks],
            "notices": list(self.notices),
        }


@attrs.frozen(kw_only=True)
class LettersOf:
    """How far the letters of one correspondent were shown to the resident."""

    user: str
    last_seen_id: str | None = None
    """The newest letter that a completed session was shown."""
    last_session_at: datetime | None = None
    attempts: int = 0
    """How many completed sessions were shown the letters up to that one."""
    offered_id: str | None = None
    offered_in: str | None = None
    """The wake that is to show the letters up to `offered_id`, until it has ended."""


@attrs.frozen(kw_only=True)
class SpendEntry:
    """Money and tokens used for one purpose of one session (or of another thing that has an id)."""

    ref: str
    purpose: str = "session"
    at: datetime
    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@attrs.frozen(kw_only=True)
class SpendLimits:
    """Most that may be spent; 0 is no limit."""

    day_usd: float = 0.0
    month_usd: float = 0.0
    day_tokens: int = 0
    month_tokens: int = 0


@attrs.frozen(kw_only=True)
class Totals:
    """Spent and reserved on a day and in its month, by the home's calendar."""

    day_usd: float = 0.0
    day_tokens: int = 0
    month_usd: float = 0.0
    month_tokens: int = 0

    def over(self, limits: SpendLimits, *, usd: float = 0.0, tokens: int = 0) -> str | None:
        """Which limit *usd* and *tokens* more would break, in words; None when none."""
        checks = (
            ("day", "USD", self.day_usd + usd, limits.day_usd),
            ("month", "USD", self.month_usd + usd, limits.month_usd),
            ("day", "tokens", self.day_tokens + tokens, limits.day_tokens),
            ("month", "tokens", self.month_tokens + tokens, limits.month_tokens),
        )
        for period, unit, wanted, limit in checks:
            if limit and (wanted > limit or (wanted == limit and not (usd or tokens))):
                return f"budget of the {period}: {wanted:g} {unit} of {limit:g}"
        return None

    def left(self, limits: SpendLimits) -> tuple[float | None, int | None]:
        """What is left of the tightest limit, in USD and in tokens; None where there is none."""
        usd = [
            limit - used
            for used, limit in ((self.day_usd, limits.day_usd), (self.month_usd, limits.month_usd))
            if limit
        ]
        tokens = [
            limit - used
            for used, limit in ((self.day_tokens, limits.day_tokens), (self.month_tokens, limits.month_tokens))
            if limit
        ]
        return min(usd, default=None), min(tokens, default=None)


def to_json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with_offset(text: str | None) -> str | None:
    """Times of the predecessor's rows may lack an offset; those were UTC on its host."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
