"""The table of session types: what each shows, keeps, may take and is told."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import attrs

from runner.schedule import SLOT_TYPES
from runner.session.errors import UnknownSessionTypeError

MINUTES = 60.0


class Header(enum.Enum):
    """How the system prompt opens."""

    SCHEDULED = "scheduled"
    SELF = "self"
    UNSCHEDULED = "unscheduled"


class Deadline(enum.Enum):
    """Which of the configured deadlines holds for a type; the numbers are settings."""

    SESSION = "session"
    TELEGRAM = "telegram"
    TALK_OPEN = "talk_open"


@attrs.frozen
class SessionKind:
    """One session type."""

    name: str
    template: str
    header: Header
    live: bool
    """Streamed to viewers and shown in the status file; what is not live is private altogether."""
    saves: bool
    """Keeps a conversation file, when there is a message."""
    prompt_file: bool
    """Gets the prompt.md that the previous session left."""
    reminder: Literal["full", "self", "none"]
    shows_visitors: bool
    """Puts visitors' letters into the prompt."""
    deadline: Deadline = Deadline.SESSION
    reduced_hooks: bool = False

    @property
    def private(self) -> bool:
        return not self.live


def _scheduled(name: str) -> SessionKind:
    return SessionKind(
        name,
        "user_scheduled",
        Header.SCHEDULED,
        live=True,
        saves=False,
        prompt_file=True,
        reminder="full",
        shows_visitors=True,
    )


SCHEDULED = SLOT_TYPES

_TABLE = (
    *(_scheduled(name) for name in SCHEDULED),
    SessionKind(
        "visit",
        "user_visit",
        Header.UNSCHEDULED,
        live=True,
        saves=True,
        prompt_file=False,
        reminder="full",
        shows_visitors=True,
    ),
    SessionKind(
        "telegram",
        "user_telegram",
        Header.UNSCHEDULED,
        live=False,
        saves=True,
        prompt_file=False,
        reminder="full",
        shows_visitors=False,
        deadline=Deadline.TELEGRAM,
    ),
    SessionKind(
        "correspondence",
        "user_correspondence",
        Header.UNSCHEDULED,
        live=False,
        saves=True,
        prompt_file=False,
        reminder="full",
        shows_visitors=False,
    ),
    SessionKind(
        "self",
        "user_self",
        Header.SELF,
        live=True,
        saves=True,
        prompt_file=False,
        reminder="self",
        shows_visitors=True,
    ),
    SessionKind(
        "custom",
        "user_custom",
        Header.UNSCHEDULED,
        live=True,
        saves=True,
        prompt_file=False,
        reminder="none",
        shows_visitors=False,
    ),
    SessionKind(
        "talk",
        "user_custom",
        Header.UNSCHEDULED,
        live=False,
        saves=False,
        prompt_file=False,
        reminder="none",
        shows_visitors=False,
        reduced_hooks=True,
    ),
    SessionKind(
        "telegram_talk_open",
        "user_telegram_talk",
        Header.UNSCHEDULED,
        live=False,
        saves=False,
        prompt_file=False,
        reminder="none",
        shows_visitors=False,
        deadline=Deadline.TALK_OPEN,
        reduced_hooks=True,
    ),
)

KINDS: Mapping[str, SessionKind] = MappingProxyType({kind.name: kind for kind in _TABLE})

WAKE_TYPES: tuple[str, ...] = tuple(name for name in KINDS if name != "talk")
"""What a wake can be asked for; a `talk` needs a terminal and is begun by its own command."""


def kind_of(name: str) -> SessionKind:
    """The type of this name; an unknown one is the asker's mistake and names what is allowed."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownSessionTypeError(name, tuple(KINDS)) from None
