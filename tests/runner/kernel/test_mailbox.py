"""The mailbox by itself: order, hands, merging, overflow, accounts."""

from collections.abc import Hashable

import pytest
import trio
import trio.testing

from runner.kernel import Accepted, ActorDown, Crashed, DeadLetters, EventRing, Mailbox, Overflow
from runner.kernel.settling import Settlement
from tests.runner.kernel.support import Ask, AskAgain, Box, Do, Message, Once, Poke, wall_clock

CRASH = Settlement(counted=True, cause="ValueError: boom", error="traceback")
WISH = Settlement(cause="operator restart")
ORDERLY = Settlement(orderly=True, cause="operator restart")


@pytest.fixture
def events(autojump_clock: trio.testing.MockClock) -> EventRing:
    """A ring on the mock clock."""
    return EventRing(wall_clock)


@pytest.fixture
def letters(events: EventRing) -> DeadLetters:
    """Dead letters on the mock clock."""
    return DeadLetters(wall_clock, events=events)


@pytest.fixture
def box(letters: DeadLetters, events: EventRing) -> Box:
    """A mailbox nobody supervises."""
    return Mailbox[Message]("a", capacity=10, dead_letters=letters, events=events)


def balanced(box: Box) -> bool:
    """Every accepted message is in exactly one place."""
    now = box.statistics()
    return now.accepted == now.done + now.expired + now.dead + now.queued + now.in_hand


async def test_first_in_first_out(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """Messages come out as they went in, whoever sent them; each is done when the next is asked for."""
    for n in range(5):
        assert box.ref.tell(Do(n)) is Accepted.QUEUED
    assert [await box.receive() for _ in range(5)] == [Do(n) for n in range(5)]
    assert (box.statistics().done, box.statistics().in_hand) == (4, 1)
    with trio.move_on_after(0):
        await box.receive()
    assert (box.statistics().done, box.statistics().in_hand) == (5, 0)
    assert balanced(box)


async def test_done_before_the_first_checkpoint_of_the_next_receive(
    box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """Even a receive that is cancelled before it can wait has marked the last message done, and taken nothing."""
    box.ref.tell(Do(1))
    box.ref.tell(Do(2))
    await box.receive()
    with trio.CancelScope() as scope:
        scope.cancel()
        await box.receive()
    assert scope.cancelled_caught
    assert (box.statistics().done, box.statistics().in_hand, box.statistics().queued) == (1, 0, 1)


async def test_timeout_and_tell_on_one_instant(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A thousand times a timeout and a tell fall on the same instant: every message is received exactly once."""
    received: list[int] = []
    told = 0

    async def teller() -> None:
        nonlocal told
        for n in range(1_000):
            await trio.sleep_until(began + n + 1)
            box.ref.tell(Do(n))
            told += 1

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        nursery.start_soon(teller)
        while len(received) < 1_000:
            with trio.CancelScope(deadline=trio.current_time() + 1):
                message = await box.receive()
                assert isinstance(message, Do)
                received.append(message.n)
    assert received == list(range(1_000))
    assert told == 1_000
    assert balanced(box)


async def test_a_message_wakes_one_waiter(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """With several hands each message is taken once, and the begin of handling keeps the order."""
    many: Box = Mailbox[Message]("many", capacity=10, concurrency=3)
    taken: list[Message] = []

    async def hand() -> None:
        while True:
            taken.append(await many.receive())
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(hand)
        await trio.testing.wait_all_tasks_blocked()
        assert many.statistics().waiting == 3
        for n in range(7):
            many.ref.tell(Do(n))
        await trio.sleep(0.5)
        assert (many.statistics().in_hand, many.statistics().queued) == (3, 4)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert taken == [Do(n) for n in range(7)]
    assert balanced(many)


async def test_a_hand_too_many_is_an_error(
    nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """Two tasks that receive from a mailbox with one hand are a mistake, told at once."""
    nursery.start_soon(box.receive)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(RuntimeError, match=r"1 message\(s\) at a time"):
        await box.receive()
    box.ref.tell(Do(1))
    with pytest.raises(RuntimeError, match=r"1 message\(s\) at a time"):
        await box.receive()


async def test_a_woken_hand_may_find_nothing(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A waiter whose message another hand took in the meantime waits on."""
    two: Box = Mailbox[Message]("two", capacity=10, concurrency=2)
    taken: list[str] = []

    async def waiter() -> None:
        await two.receive()
        taken.append("waiter")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waiter)
        await trio.testing.wait_all_tasks_blocked()
        two.ref.tell(Do(1))
        two.put(Do(2), outside=False)
        two._line.take()
        two._line.take()  # as if others had been faster
        await trio.testing.wait_all_tasks_blocked()
        assert taken == []
        two.ref.tell(Do(3))
    assert taken == ["waiter"]


async def test_also_merges_what_comes_in_a_row(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """`also` takes the next queued message if it is wanted, into the same hand; both are done together."""
    for message in (Do(1), Do(2), Once(3), Do(4)):
        box.ref.tell(message)
    await box.receive()

    def wanted(message: Message) -> bool:
        return isinstance(message, Do)

    assert box.also(wanted) == Do(2)
    assert box.also(wanted) is None
    assert box.statistics().in_hand == 2
    assert await box.receive() == Once(3)
    assert await box.receive() == Do(4)
    assert box.also(wanted) is None
    assert box.statistics().done == 3


async def test_also_needs_a_message_in_hand(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """Merging with nothing is an error of the programmer."""
    with pytest.raises(RuntimeError, match=r"call receive\(\) first"):
        box.also(lambda _: True)


async def test_merged_messages_return_in_order(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """After a crash everything in the hand is back at the head, in order of acceptance, with an attempt counted."""
    for n in range(4):
        box.ref.tell(Do(n))
    await box.receive()
    box.also(lambda _: True)
    assert [held.attempt for held in box.in_hand()] == [1, 1]
    assert box.settle(CRASH) == []
    assert [await box.receive() for _ in range(4)] == [Do(n) for n in range(4)]
    assert box.statistics().returned == 2


@pytest.mark.parametrize(
    ("message", "verdict", "goes"),
    [
        (Do(1), CRASH, "returned"),
        (Do(1), WISH, "returned"),
        (Once(1), CRASH, "dead"),
        (Once(1), WISH, "dead"),
        (Poke(1), CRASH, "dropped"),
        (Poke(1), WISH, "dropped"),
        (Do(1), Settlement(finished=True, cause="stop"), "done"),
        (Once(1), Settlement(finished=True, cause="stop"), "done"),
        (Do(1), Settlement(lost=True, cause="shutdown"), "lost"),
        (Once(1), Settlement(lost=True, cause="shutdown"), "lost"),
        (Poke(1), Settlement(lost=True, cause="shutdown"), "dropped"),
        (Ask(1), CRASH, "dead"),
        (AskAgain(1), CRASH, "returned"),
        (Do(1), ORDERLY, "returned"),
        (Once(1), ORDERLY, "done"),
        (Poke(1), ORDERLY, "dropped"),
        (Ask(1), ORDERLY, "done"),
        (Ask(1), Settlement(lost=True, cause="shutdown"), "lost"),
    ],
)
async def test_what_is_in_hand_is_judged_by_its_class(
    box: Box, message: Message, verdict: Settlement, goes: str, autojump_clock: trio.testing.MockClock
) -> None:
    """Each delivery class under each ending goes to exactly one place."""
    box.ref.tell(message)
    await box.receive()
    lost = box.settle(verdict)
    now = box.statistics()
    assert {
        "returned": now.returned == 1 and now.queued == 1,
        "dead": now.dead == 1 and now.lost == 0,
        "dropped": now.done == 1 and now.dropped == 1,
        "done": now.done == 1 and now.dropped == 0,
        "lost": now.dead == 1 and now.lost == 1,
    }[goes]
    assert bool(lost) == (goes == "lost")
    assert now.in_hand == 0
    assert balanced(box)


async def test_an_answered_question_is_done_in_an_orderly_end(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """One that may be repeated is not repeated once it has been answered."""
    question = AskAgain(1)
    box.ref.tell(question)
    await box.receive()
    question.reply.send(1)
    box.settle(ORDERLY)
    assert (box.statistics().done, box.statistics().queued) == (1, 0)


async def test_a_task_that_has_ended_frees_its_hand(
    nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """What a task held that has ended is done when its hand is needed."""
    box.ref.tell(Do(1))
    box.ref.tell(Do(2))
    nursery.start_soon(box.receive)
    await trio.testing.wait_all_tasks_blocked()
    assert box.statistics().in_hand == 1
    assert await box.receive() == Do(2)
    assert box.statistics().done == 1


async def test_a_poisonous_message_dies_after_its_attempts(
    box: Box, letters: DeadLetters, autojump_clock: trio.testing.MockClock
) -> None:
    """Three counted endings make a dead letter with the traceback; wishes in between count nothing."""
    box.ref.tell(Do(1))
    for verdict in (CRASH, WISH, CRASH, WISH, WISH, CRASH):
        assert await box.receive() == Do(1)
        box.settle(verdict)
    (letter,) = letters.letters()
    assert (letter.attempts, letter.error, letter.reason) == (3, "traceback", "ValueError: boom")
    assert box.statistics().queued == 0


async def test_a_crash_tells_the_asker_at_once(
    nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """The asker of a question in hand gets Crashed; one that is redelivered keeps waiting for the next life."""
    told: list[str] = []

    async def ask(question: Ask | AskAgain) -> None:
        try:
            told.append(str(await question.ask(box.ref, within=5)))
        except Crashed as error:
            told.append(f"crashed: {error.cause}")

    nursery.start_soon(ask, Ask(1))
    await box.receive()
    box.settle(CRASH)
    await trio.testing.wait_all_tasks_blocked()
    assert told == ["crashed: ValueError: boom"]
    nursery.start_soon(ask, AskAgain(2))
    await box.receive()
    box.settle(CRASH)
    again = await box.receive()
    assert isinstance(again, AskAgain)
    again.reply.send(7)
    await trio.testing.wait_all_tasks_blocked()
    assert told[1:] == ["7"]


async def test_a_dead_letter_sent_again_dies_for_good(
    box: Box, letters: DeadLetters, autojump_clock: trio.testing.MockClock
) -> None:
    """A message that dies a second time is listed again, and cannot be sent again."""
    box.ref.tell(Once(1))
    await box.receive()
    box.settle(CRASH)
    letters.resend(1)
    await box.receive()
    box.settle(CRASH)
    assert [letter.resendable for letter in letters.letters()] == [False, False]


async def test_a_full_mailbox_says_so_once_a_second(
    box: Box, letters: DeadLetters, events: EventRing, autojump_clock: trio.testing.MockClock
) -> None:
    """`mailbox.full` comes at most once a second, however many are refused; each refusal is a dead letter."""
    for n in range(30):
        box.ref.tell(Do(n))
    await trio.sleep(1)
    assert box.ref.tell(Do(99)) is Accepted.REFUSED
    assert [event.name for event in events.recent()].count("mailbox.full") == 2
    assert len(letters.letters()) == 21
    assert (box.statistics().refused, box.statistics().accepted) == (21, 10)


async def test_displaced_messages_are_counted_kept_and_told(
    letters: DeadLetters, events: EventRing, autojump_clock: trio.testing.MockClock
) -> None:
    """The owner's callback gets each displaced message; a failing callback never hurts the teller."""
    lost: list[Message] = []

    def on_loss(message: Message) -> None:
        lost.append(message)
        if len(lost) == 2:
            msg = "callback"
            raise ValueError(msg)

    box = Mailbox[Message](
        "a", capacity=1, overflow=Overflow.DROP_OLDEST, on_loss=on_loss, dead_letters=letters, events=events
    )
    assert [box.ref.tell(Do(n)) for n in range(3)] == [Accepted.QUEUED, Accepted.DISPLACED, Accepted.DISPLACED]
    assert lost == [Do(0), Do(1)]
    assert [letter.reason for letter in letters.letters()] == ["displaced", "displaced"]
    assert events.recent()[-1].name == "mailbox.loss_callback_failed"
    box.ref.tell(Poke())
    box.ref.tell(Do(9))
    assert box.statistics().dropped == 1
    assert balanced(box)


async def test_without_anywhere_to_report_it_still_counts(autojump_clock: trio.testing.MockClock) -> None:
    """A mailbox with neither dead letters nor events refuses, displaces and judges all the same."""
    full = Mailbox[Message]("a", capacity=1)
    full.ref.tell(Do(1))
    assert full.ref.tell(Do(2)) is Accepted.REFUSED

    def failing(_: Message) -> None:
        raise ValueError

    newest = Mailbox[Message]("b", capacity=1, overflow=Overflow.KEEP_NEWEST, key=_same, on_loss=failing)
    newest.ref.tell(Once(1))
    assert newest.ref.tell(Once(2)) is Accepted.DISPLACED
    await newest.receive()
    newest.settle(CRASH)
    assert newest.statistics().dead == 2


def _same(_: Message) -> Hashable:
    return 0


async def test_a_sealed_mailbox_takes_nothing_and_names_what_it_loses(
    box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """Sealing returns class and label of every queued order; nudges and questions without an asker are no loss."""
    with trio.move_on_after(1):
        await Ask(1).ask(box.ref, within=50)
    for message in (Do(2), Poke(3), Once(4)):
        box.ref.tell(message)
    assert [(loss.message, loss.label) for loss in box.seal()] == [("Do", "no 2"), ("Once", "")]
    assert box.sealed
    assert box.ref.tell(Do(5)) is Accepted.REFUSED
    with pytest.raises(ActorDown, match="shutting down"):
        await Ask(6).ask(box.ref, within=1)
    assert (box.statistics().lost, box.statistics().expired, box.statistics().dropped) == (2, 1, 1)
    assert balanced(box)


async def test_the_outside_door_shuts_first(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """After `shut_outside` only actors may tell; outsiders are refused and asked to go, dead letters stay dead."""
    outsider = box.outside
    assert outsider.tell(Do(1)) is Accepted.QUEUED
    box.shut_outside()
    assert outsider.tell(Do(2)) is Accepted.REFUSED
    with pytest.raises(ActorDown, match="shutting down"):
        await Ask(3).ask(outsider, within=1)
    assert box.ref.tell(Do(4)) is Accepted.QUEUED
    assert box.resend(Do(5)) is Accepted.REFUSED


async def test_discard_sends_the_queue_to_the_dead_letters(
    box: Box, letters: DeadLetters, autojump_clock: trio.testing.MockClock
) -> None:
    """Everything queued dies with that reason, except nudges; an asker is told."""
    told: list[str] = []

    async def ask() -> None:
        try:
            await Ask(3).ask(box.ref, within=5)
        except Crashed as error:
            told.append(error.cause)

    async with trio.open_nursery() as nursery:
        box.ref.tell(Do(1))
        box.ref.tell(Poke(2))
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        box.discard("group")
    assert told == ["group"]
    assert [(letter.message, letter.reason) for letter in letters.letters()] == [("Do", "group"), ("Ask", "group")]


async def test_the_oldest_message_is_the_oldest_not_done(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """Its age is that of what is in hand or queued, whichever is older; none when the box is empty."""
    assert box.statistics().oldest_message_s is None
    box.ref.tell(Do(1))
    await trio.sleep(2)
    box.ref.tell(Do(2))
    await box.receive()
    assert box.statistics().oldest_message_s == 2
    await box.receive()
    await trio.sleep(1)
    assert box.statistics().oldest_message_s == 1
    assert "1 in hand" in repr(box)


async def test_a_fault_hook_raises_in_the_handler(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """What the hook raises comes out of receive() with the message in hand."""
    seen: list[tuple[str, Message]] = []

    def fault(name: str, message: Message) -> None:
        seen.append((name, message))
        msg = "injected"
        raise RuntimeError(msg)

    box.fault = fault
    box.ref.tell(Do(1))
    with pytest.raises(RuntimeError, match="injected"):
        await box.receive()
    assert seen == [("a", Do(1))]
    assert box.statistics().in_hand == 1


async def test_holding_back_without_an_incarnation_gives_nothing_out(
    box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """A mailbox that is held back keeps its messages until the next incarnation is attached."""
    box.hold_back(lambda: None)
    box.ref.tell(Do(1))
    with trio.move_on_after(1) as scope:
        await box.receive()
    assert scope.cancelled_caught
    box.settle(WISH)
    assert await box.receive() == Do(1)
