"""The one door by which a wake gets into the queue, whoever asks for it.

The rules are one table. An asker only translates the answer: a route into a status, a command into an exit code, a
trigger into asking again.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType

import attrs

from runner.errors import RunnerError, UsageError
from runner.ledger import Ledger, Wake, WakeRequest
from runner.ledger.budget import limits_of
from runner.schedule import SLOT_TYPES
from runner.settings import Settings
from runner.triggers.pause import PAUSED, Pause

__all__ = [
    "AUTOMATIC",
    "LONGEST_MESSAGE",
    "RULES",
    "Intake",
    "IntakeRule",
    "NotNow",
    "OutOfBudget",
    "Put",
    "WakesPaused",
    "WrongWake",
    "as_message",
    "check",
]

LONGEST_MESSAGE = 20_000
LONGEST_NAME = 1_000
MOST_TURNS = 1_000

_NO_TEXT = re.compile("[\\0\ud800-\udfff]")

Put = Callable[[WakeRequest, datetime], Awaitable[Wake]]
"""Writes the row of an accepted request, in one transaction with whatever belongs to it."""


class WrongWake(UsageError):
    """What was asked for is no wake, or not one that this asker may ask for; the text names what is allowed."""


class NotNow(RunnerError):
    """What was asked for is right, and no wake is taken in at present; the text says why and what to do."""


class WakesPaused(NotNow):
    """A failure that every wake would share has paused them."""


class OutOfBudget(NotNow):
    """A limit leaves no room for another session."""


@attrs.frozen
class IntakeRule:
    """What one source of wakes may do."""

    types: tuple[str, ...]
    heeds_pause: bool = True
    """Told no while wakes are paused. What becomes of the wish is the asker's: an answer, a record, a later try."""
    heeds_budget: bool = True
    """Told no while a limit has no room. The others are asked for room only when their turn comes."""
    held_in_queue: bool = False
    """A pause that begins while it waits refuses it too: nobody was told that it will be run."""


RULES: Mapping[str, IntakeRule] = MappingProxyType(
    {
        # a day's budget begins anew within the hour that a slot may wait
        "scheduler": IntakeRule(SLOT_TYPES, heeds_budget=False, held_in_queue=True),
        "self": IntakeRule(("self",), held_in_queue=True),
        "visitor": IntakeRule(("visit",), held_in_queue=True),
        "correspondence": IntakeRule(("correspondence",), held_in_queue=True),
        "api": IntakeRule((*SLOT_TYPES, "custom", "self", "visit", "correspondence")),
        "command": IntakeRule(
            (*SLOT_TYPES, "visit", "telegram", "correspondence", "self", "custom", "telegram_talk_open"),
        ),
        # a person at a terminal can log in again there, and sees at once whether it worked
        "terminal": IntakeRule(("talk",), heeds_pause=False),
    }
)
"""By the source that a request bears."""

AUTOMATIC = frozenset(source for source, rule in RULES.items() if rule.held_in_queue)
"""Sources of wakes that nobody asks for at the moment: a pause holds for them in the queue too."""


def check(request: WakeRequest) -> None:
    """Refuse what no moment would make right; `WrongWake` says what and what is allowed."""
    types = RULES[request.source].types
    if request.type not in types:
        raise WrongWake(f"unknown type {request.type!r}; allowed: {', '.join(types)}")
    for name, text, longest in (
        ("message", request.message, LONGEST_MESSAGE),
        ("sender", request.sender, LONGEST_NAME),
        ("image", request.image or "", LONGEST_NAME),
    ):
        if len(text) > longest:
            raise WrongWake(f"the {name} has {len(text)} characters; at most {longest} are taken")
        wrong = _NO_TEXT.search(text)
        if wrong is not None:
            place = f"{wrong.group()!a} at character {wrong.start() + 1}"
            raise WrongWake(f"the {name} holds what is no text ({place}); write it in UTF-8, without NUL")
    if request.max_turns is not None and not 1 <= request.max_turns <= MOST_TURNS:
        raise WrongWake(f"max_turns is {request.max_turns}; allowed is 1 to {MOST_TURNS}")


def as_message(text: str) -> str:
    """What a file of a home says, as a message that is taken in: a flaw in it must not keep a wake from coming."""
    return _NO_TEXT.sub("\ufffd", text)[:LONGEST_MESSAGE]


def _untold() -> None:
    """For askers whose queue is looked at anyway."""


@attrs.frozen(eq=False)
class Intake:
    """Takes in wakes on one home. It keeps nothing: every copy says the same."""

    ledger: Ledger
    settings: Callable[[], Settings]
    nudge: Callable[[], None] = _untold
    """Tells those who look at the queue that there is something new."""

    async def admit(self, request: WakeRequest, now: datetime, put: Put | None = None) -> Wake:
        """The row, committed, for what was asked; `WrongWake` or `NotNow` with the reason, and then no row.

        A pause that begins between our look and the row meets the wake when its turn comes, like any that waits.
        """
        await self.look(request, now)
        wake = await (put or self.ledger.wakes.enqueue)(request, now)
        if wake.created:
            self.nudge()
        return wake

    async def look(self, request: WakeRequest, now: datetime) -> None:
        """Raise what `admit` would raise now, and write nothing."""
        check(request)
        rule = RULES[request.source]
        if rule.heeds_pause:
            pause = Pause.load(await self.ledger.meta.get(PAUSED))
            if pause is not None:
                raise WakesPaused(pause.text)
        budget = self.settings().budget
        limits = limits_of(budget)
        if rule.heeds_budget and any(attrs.astuple(limits)):
            totals = await self.ledger.spend.totals(now)
            # used up, or with less left than a session sets aside for itself
            over = totals.over(limits) or totals.over(limits, usd=budget.session_usd, tokens=budget.session_tokens)
            if over is not None:
                raise OutOfBudget(f"{over}; raise the limit in the settings, or wait for the next day or month")
