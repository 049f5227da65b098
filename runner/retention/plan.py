"""What is let go of in time: rules by age, and which files they concern. Pure."""

import enum
import fnmatch
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import attrs

from runner.settings import Settings

__all__ = ["CAPPED", "DAY", "LINES_KEPT", "ROTATED", "Action", "FileFacts", "RetentionRule", "plan", "rules", "too_old"]

DAY = 86_400
TRANSCRIPTS_PACKED = 30
TRANSCRIPTS = 180
SESSION_LOGS = 180
TELEGRAM_IMAGES = 365
LINES_KEPT = 50_000
CAPPED = ("mood-history.jsonl", "correspondence-history.jsonl", "self-schedule-history.jsonl")
"""Histories in `data` that are kept for ever, and only their newest lines."""
ROTATED = ("cron.log", "web.log", "api.log")
"""Logs that are turned over when they are long."""


class Action(enum.Enum):
    """What happens to a file whose time has come; the words are the log's."""

    PRUNE = "pruned"
    PACK = "packed"


@attrs.frozen
class RetentionRule:
    """One class of files: where they lie, what they are called, and after how many whole days what happens."""

    name: str
    folder: Path
    patterns: tuple[str, ...]
    days: int
    action: Action = Action.PRUNE
    until: int | None = None
    """After so many whole days another rule has them."""
    deep: bool = False
    """Whether files in folders below count too; folders that are left empty go then."""

    def concerns(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)


@attrs.frozen
class FileFacts:
    """A file as the folder lists it."""

    path: Path
    modified: float


def rules(settings: Settings) -> tuple[RetentionRule, ...]:
    """All rules of a home. What no rule names is never touched."""
    paths, days = settings.paths, settings.retention.days
    return (
        RetentionRule("visitors archive", paths.visitors_archive, ("*.md",), days, deep=True),
        RetentionRule("moderation", paths.moderation, ("*.json",), days, deep=True),
        RetentionRule("transcripts", paths.transcripts, ("session-*.md", "session-*.md.gz"), TRANSCRIPTS),
        RetentionRule(
            "transcripts to pack", paths.transcripts, ("session-*.md",), TRANSCRIPTS_PACKED, Action.PACK, TRANSCRIPTS
        ),
        RetentionRule("session logs", paths.logs, ("session-*.log", "talk-*.log", "telegram-talk-*.log"), SESSION_LOGS),
        RetentionRule("telegram images", paths.telegram / "images", ("*.jpg", "*.jpeg", "*.png"), TELEGRAM_IMAGES),
    )


def too_old(modified: float, days: int, now: datetime) -> bool:
    """Strictly more than so many whole days: a file of 30 days and 23 hours is 30 days old."""
    return (now.timestamp() - modified) // DAY > days


def plan(rule: RetentionRule, found: Iterable[FileFacts], now: datetime) -> tuple[Path, ...]:
    """The files of this rule whose time has come, oldest first."""
    due = [
        facts
        for facts in found
        if rule.concerns(facts.path.name)
        and too_old(facts.modified, rule.days, now)
        and (rule.until is None or not too_old(facts.modified, rule.until, now))
    ]
    return tuple(facts.path for facts in sorted(due, key=lambda facts: (facts.modified, facts.path)))
