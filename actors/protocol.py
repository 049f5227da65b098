"""The messages that cross actors: frozen values, each saying how it may be delivered and how long handling may take."""

import enum

import attrs

from runner.kernel import Nudge, Order, Question


@attrs.frozen
class Publish(Order):
    """Show this event to everyone who follows the topic.

    `origin` and `number` name the event for ever: a redelivered publish that already reached the viewers is not
    shown to them again. `data` is one line of JSON.
    """

    topic: str
    event: str
    data: bytes = attrs.field(repr=False)
    origin: str
    number: int
    session: str | None = None

    def label(self) -> str:
        """Where it would have been shown; never what it says."""
        return f"{self.topic} {self.event} {self.number}"


@attrs.frozen
class Changed(Order):
    """The file at this absolute path was written, replaced or removed."""

    path: str

    def label(self) -> str:
        """The path, which is also what newer news of the same file replaces."""
        return self.path


@attrs.frozen
class Scan(Nudge):
    """Compare the whole catalogue with the disk: news of single files may have been missed."""


@attrs.frozen
class Meaning(Question[tuple[tuple[str, str], ...]]):
    """Which entries, as kind and slug, are nearest in meaning to this text, the nearest first?"""

    text: str = attrs.field(repr=False)
    kinds: tuple[str, ...]
    limit: int


@attrs.frozen
class Rescan(Nudge):
    """Look again at which folders there are to watch."""


@attrs.frozen
class Work(Nudge):
    """Look at the ledger: there may be something to do."""


@attrs.frozen
class Rescreen(Nudge):
    """Look at what has not been screened yet."""


class Screened(enum.Enum):
    """What screening said of a stranger's text."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    UNSCREENED = "unscreened"


@attrs.frozen
class Screening:
    """A verdict and, in words, why."""

    verdict: Screened
    reason: str


@attrs.frozen
class Screen(Question[Screening]):
    """May this stranger's text be shown to the resident?"""

    name: str
    text: str = attrs.field(repr=False)


@attrs.frozen
class SessionState:
    """What the session actor is doing: `phase` is idle, recovering, gathering, running, hooks or ending."""

    phase: str
    session_id: str | None = None
    type: str | None = None
    draining: bool = False
    waits: str = ""
    """Why the ledger doesn't take what is to be written, while that is so."""


@attrs.frozen
class Status(Question[SessionState]):
    """What is the session actor doing?"""


@attrs.frozen
class Cancel(Question[bool]):
    """End this wake, recorded as interrupted. The answer says whether it was the one under way."""

    session_id: str
    reason: str


@attrs.frozen
class Drain(Question[None]):
    """Begin no further wake, and answer when the one under way, its hooks included, is over. Holds for this life."""


@attrs.define(eq=False)
class CurrentSession:
    """What the session actor is doing, readable by anyone at any time; it outlives incarnations."""

    state: SessionState = SessionState("starting")


@attrs.frozen
class ComingWake:
    """One wake that the schedule holds."""

    type: str
    at: str
    source: str


@attrs.frozen
class Upcoming(Question[tuple[ComingWake, ...]]):
    """Which wakes come next, soonest first?"""

    count: int
