"""Dead letters: bounded, shown without text, sent again once."""

import pytest
import trio.testing

from runner.kernel import Accepted, CannotResend, DeadLetters, Delivery, EventRing, Mailbox, Order
from tests.runner.kernel.support import Ask, Box, Do, wall_clock


def make(**bounds: int) -> tuple[DeadLetters, EventRing]:
    """Dead letters with an event ring."""
    events = EventRing(wall_clock)
    return DeadLetters(wall_clock, events=events, **bounds), events


class Secretive(Order):
    """An order whose label is too long and on several lines."""

    def label(self) -> str:
        """Return far too much."""
        return "line\n" * 1_000


async def test_a_refused_message_is_a_dead_letter_by_class_and_label(autojump_clock: trio.testing.MockClock) -> None:
    """It is listed with actor, class, label and reason, and not with its content."""
    letters, _ = make()
    box: Box = Mailbox("a", capacity=1, dead_letters=letters)
    box.ref.tell(Do(1))
    assert box.ref.tell(Do(2)) is Accepted.REFUSED
    (letter,) = letters.letters()
    assert (letter.actor, letter.message, letter.label) == ("a", "Do", "no 2")
    assert (letter.attempts, letter.reason, letter.resendable) == (0, "refused: mailbox full", True)


class Broken(Order):
    """An order whose label cannot be made."""

    def label(self) -> str:
        """Fail."""
        raise KeyError


def test_a_broken_label_costs_nothing() -> None:
    """A label that raises is named as such."""
    letters, _ = make()
    assert (
        letters.add(Mailbox[Order]("a", capacity=1), Broken(), attempts=0, reason="x").label == "(no label: KeyError)"
    )


def test_a_label_is_one_short_line() -> None:
    """Whatever a class returns as its label, one line of at most 200 bytes is shown."""
    letters, _ = make()
    letter = letters.add(Mailbox[Order]("a", capacity=1), Secretive(), attempts=0, reason="x")
    assert "\n" not in letter.label
    assert len(letter.label.encode()) <= 200


def test_the_bounds_hold_per_mailbox_and_in_all() -> None:
    """The oldest go first: those of the same mailbox at 200, of all at 1,000; the counters remember them."""
    letters, _ = make()
    boxes = [Mailbox[Do](f"box{n}", capacity=1) for n in range(7)]
    for box in boxes:
        for n in range(250):
            letters.add(box, Do(n), attempts=0, reason="x")
    kept = letters.letters()
    assert len(kept) == 1_000
    assert {letter.actor for letter in kept} == {"box2", "box3", "box4", "box5", "box6"}
    figures = letters.statistics()
    assert (figures.total, figures.kept, figures.forgotten) == (1_750, 1_000, 750)
    assert figures.by_mailbox["box0"] == 250


async def test_a_letter_is_sent_again_once(autojump_clock: trio.testing.MockClock) -> None:
    """The first resend goes to the tail; the letter stays listed as resent, its message is let go."""
    letters, events = make()
    box: Box = Mailbox("a", capacity=2, dead_letters=letters)
    for n in (1, 2, 3):
        box.ref.tell(Do(n))
    with pytest.raises(CannotResend, match="accepts nothing"):
        letters.resend(1)
    assert await box.receive() == Do(1)
    assert letters.resend(1) is Accepted.QUEUED
    assert [await box.receive(), await box.receive()] == [Do(2), Do(3)]
    assert [letter.resent for letter in letters.letters()] == [True]
    with pytest.raises(CannotResend, match="sent again once"):
        letters.resend(1)
    assert events.recent()[-1].name == "message.resent"
    assert (letters.statistics().resent, box.statistics().resent) == (1, 1)


async def test_questions_and_unknown_letters_cannot_be_sent_again(autojump_clock: trio.testing.MockClock) -> None:
    """A question has nobody waiting any more; an id nobody knows is an error that says so."""
    letters, _ = make()
    box: Box = Mailbox("a", capacity=1, dead_letters=letters)
    box.ref.tell(Do(1))
    box.ref.tell(Ask(1))
    with pytest.raises(CannotResend, match="questions"):
        letters.resend(1)
    with pytest.raises(CannotResend, match="no dead letter 99"):
        letters.resend(99)


def test_a_label_belongs_to_orders() -> None:
    """A message of a class of its own has no label, and is redelivered like an order."""
    letters, _ = make()
    assert letters.add(Mailbox[str]("a", capacity=1), "plain", attempts=0, reason="x").label == ""
    assert Order.delivery is Delivery.REDELIVER
    assert Order().label() == ""
