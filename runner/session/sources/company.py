"""Who a session is with: decides which private words of earlier days it may hold."""

from runner.session.kinds import KINDS, SessionKind
from runner.session.sources.base import Ask
from runner.session.sources.visitors import waiting

OPEN_TYPES = frozenset(kind.name for kind in KINDS.values() if kind.live)
"""Types whose conversations were public when they happened."""
STRANGERS_TYPE = "visit"
OWN_TYPE = "self"
"""A conversation of the resident with nobody else."""
_CHATS = frozenset({"telegram", "telegram_talk_open"})


def is_a_strangers(kind: SessionKind, sender: str, *, owner: str) -> bool:
    """Whether what a wake of this type says comes from somebody who is neither the resident nor the owner."""
    return kind.name == STRANGERS_TYPE or (kind.name in _CHATS and not same(sender, owner))


async def with_strangers(ask: Ask) -> bool:
    """Whether this session is shown words of such a person: then nobody else's that were said in private."""
    if ask.kind.name == "correspondence" or is_a_strangers(ask.kind, _speaker(ask), owner=ask.settings.resident.owner):
        return True
    return ask.kind.shows_visitors and bool(await waiting(ask))


async def counterpart(ask: Ask) -> str | None:
    """The one whose chat this session may recall; None where strangers are, or letters of several people."""
    if ask.kind.name in _CHATS:
        return _speaker(ask)
    return None if await with_strangers(ask) else ask.settings.resident.owner


def _speaker(ask: Ask) -> str:
    return ask.sender or ask.settings.resident.owner


def same(one: object, other: str) -> bool:
    """Whether two names are one person's."""
    return isinstance(one, str) and one.casefold() == other.casefold()
