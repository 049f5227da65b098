"""Who a session is with: decides which private words of earlier days it may hold."""

from runner.session.kinds import KINDS
from runner.session.sources.base import Ask

OPEN_TYPES = frozenset(kind.name for kind in KINDS.values() if kind.live)
"""Types whose conversations were public when they happened."""


def counterpart(ask: Ask) -> str | None:
    """The one whose chat this session may recall; None where strangers are, or letters of several people."""
    if ask.kind.name in {"visit", "correspondence"}:
        return None
    if ask.kind.name in {"telegram", "telegram_talk_open"}:
        return ask.sender or ask.settings.resident.owner
    return ask.settings.resident.owner


def same(one: object, other: str) -> bool:
    """Whether two names are one person's."""
    return isinstance(one, str) and one.casefold() == other.casefold()
