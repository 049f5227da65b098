"""Messages nobody will handle: counted, listed by class and label, and kept for one resend.

In memory only, 200 a mailbox and 1,000 in all: what must survive the process is in a ledger, not in a message.
"""

import datetime as dt
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from runner.kernel.errors import CannotResend
from runner.kernel.events import EventRing
from runner.kernel.messages import Order, Question
from runner.kernel.ref import Accepted
from runner.kernel.text import clip, one_line

PER_MAILBOX = 200
IN_ALL = 1_000


class Resendable(Protocol):
    """What a dead letter needs of the mailbox it came from."""

    @property
    def name(self) -> str: ...
    def resend(self, message: Any) -> Accepted: ...


@attrs.frozen
class DeadLetter:
    """One lost message as it may be shown: class and label, never the text."""

    id: int
    actor: str
    message: str
    label: str
    attempts: int
    error: str
    reason: str
    at: dt.datetime
    resendable: bool
    resent: bool = False


@attrs.frozen
class DeadLetterStatistics:
    """Counters: `total` ever, `kept` now, `forgotten` pushed out by newer ones, `resent`, and totals by mailbox."""

    total: int
    kept: int
    forgotten: int
    resent: int
    by_mailbox: dict[str, int]


def label_of(message: object) -> str:
    """The message's own label, on one short line."""
    if not isinstance(message, Order):
        return ""
    try:
        return one_line(message.label())
    except Exception as error:  # noqa: BLE001 - a label that cannot be made must not cost its message
        return f"(no label: {type(error).__name__})"


@attrs.define(eq=False)
class _Kept:
    letter: DeadLetter
    mailbox: Resendable
    message: object


@attrs.define(eq=False)
class DeadLetters:
    """All dead letters of a process, newest last."""

    _now: Callable[[], dt.datetime]
    _events: EventRing | None = attrs.field(default=None, kw_only=True)
    per_mailbox: int = attrs.field(default=PER_MAILBOX, kw_only=True)
    in_all: int = attrs.field(default=IN_ALL, kw_only=True)
    _kept: OrderedDict[int, _Kept] = attrs.field(factory=OrderedDict, init=False)
    _ids: dict[str, deque[int]] = attrs.field(factory=dict, init=False)
    _total: Counter[str] = attrs.field(factory=Counter, init=False)
    _number: int = attrs.field(default=0, init=False)
    _forgotten: int = attrs.field(default=0, init=False)
    _resent: int = attrs.field(default=0, init=False)

    def add(
        self, mailbox: Resendable, message: object, *, attempts: int, reason: str, error: str = "", again: bool = False
    ) -> DeadLetter:
        """Keep one more; `again` says that it has been resent before and may not be once more."""
        self._number += 1
        letter = DeadLetter(
            id=self._number,
            actor=mailbox.name,
            message=type(message).__name__,
            label=label_of(message),
            attempts=attempts,
            error=clip(error),
            reason=reason,
            at=self._now(),
            resendable=not again and not isinstance(message, Question),
        )
        self._total[mailbox.name] += 1
        # what can't be resent is not held either
        self._kept[letter.id] = _Kept(letter, mailbox, message if letter.resendable else None)
        ids = self._ids.setdefault(mailbox.name, deque())
        ids.append(letter.id)
        if len(ids) > self.per_mailbox:
            self._forget(ids[0])
        if len(self._kept) > self.in_all:
            self._forget(next(iter(self._kept)))
        return letter

    def letters(self) -> tuple[DeadLetter, ...]:
        """All that are kept, oldest first."""
        return tuple(kept.letter for kept in self._kept.values())

    def resend(self, number: int) -> Accepted:
        """Send one again, to the tail of its mailbox, once. Raises CannotResend when that is not possible."""
        kept = self._kept.get(number)
        if kept is None:
            msg = f"there is no dead letter {number}; the list shows the ids there are"
            raise CannotResend(msg)
        letter = kept.letter
        if not letter.resendable:
            why = "it was sent again once" if letter.resent else "questions and messages that died twice never are"
            msg = f"dead letter {number} ({letter.message} for {letter.actor}) is not sent again: {why}"
            raise CannotResend(msg)
        answer = kept.mailbox.resend(kept.message)
        if answer is Accepted.REFUSED:
            msg = f"dead letter {number} is not sent again now: the mailbox of {letter.actor} accepts nothing"
            raise CannotResend(msg)
        kept.letter = attrs.evolve(letter, resendable=False, resent=True)
        kept.message = None
        self._resent += 1
        if self._events is not None:
            self._events.emit(
                "message.resent", actor=letter.actor, message=letter.message, label=letter.label, id=number
            )
        return answer

    def statistics(self) -> DeadLetterStatistics:
        """A snapshot of the counters."""
        return DeadLetterStatistics(
            total=self._number,
            kept=len(self._kept),
            forgotten=self._forgotten,
            resent=self._resent,
            by_mailbox=dict(self._total),
        )

    def _forget(self, number: int) -> None:
        kept = self._kept.pop(number)
        self._ids[kept.letter.actor].remove(number)
        self._forgotten += 1
