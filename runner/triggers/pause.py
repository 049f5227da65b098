"""The pause: after a failure that every wake would share, none is taken in until the operator resumes.

It is one fact in the ledger, written by the session that failed, before its terminal record.
"""

import json
from datetime import datetime

import attrs

__all__ = ["PAUSED", "Pause", "shared_failure"]

PAUSED = "paused"
"""The fact's name in the ledger."""

SHARED = (
    "authentication failed",
    "authentication_failed",
    "authentication_error",
    "invalid api key",
    "please run /login",
    "oauth token has expired",
    "credit balance is too low",
    "billing_error",
    "usage limit",
    "session limit",
    "weekly limit",
    "hit your limit",
    "rate_limit",
    "rate limit",
)

OWN_END = ("max turns", "budget of the session")
"""Failures with the session's own last words behind them, whatever those are about."""


@attrs.frozen
class Pause:
    """Since when, after which session, and why."""

    since: str
    session_id: str
    reason: str

    @property
    def text(self) -> str:
        """In words, with the way out."""
        return (
            f"wakes are paused since {self.since} ({self.session_id}: {self.reason}); resume with: claude-runner resume"
        )

    def dump(self) -> str:
        return json.dumps(attrs.asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, text: str | None) -> "Pause | None":
        if text is None:
            return None
        try:
            value = json.loads(text)
            return cls(str(value["since"]), str(value["session_id"]), str(value["reason"]))
        except (ValueError, TypeError, KeyError):
            return cls("an unknown time", "an unknown session", text[:200])  # paused is paused, whatever it says

    @classmethod
    def after(cls, session_id: str, reason: str, now: datetime) -> "Pause":
        return cls(now.isoformat(timespec="seconds"), session_id, reason[:200])


def shared_failure(state: str, reason: str | None) -> bool:
    """Whether a session failed for what the next one would fail for too: the login, or a limit of the account."""
    said = (reason or "").lower()
    if state != "failed" or said.startswith(OWN_END):
        return False
    return any(words in said for words in SHARED)
