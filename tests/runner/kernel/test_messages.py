"""Questions and replies."""

import pytest
import trio
import trio.testing

from runner.kernel import ActorDown, MailboxFull, Overflow, State, TooSlowError
from runner.kernel.mailbox import Mailbox
from tests.runner.kernel.support import Ask, Box, Do, Message


@pytest.fixture
def box(autojump_clock: trio.testing.MockClock) -> Box:
    """A mailbox nobody supervises."""
    return Mailbox[Message]("a", capacity=2)


async def answer(box: Box, value: int) -> None:
    """Answer one question with `value`."""
    message = await box.receive()
    assert isinstance(message, Ask)
    message.reply.send(value)
    message.reply.send(value + 1)  # a second answer is harmless


async def test_a_question_is_answered(nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """The asker gets the first answer."""
    nursery.start_soon(answer, box, 5)
    assert await Ask().ask(box.ref, within=1) == 5


async def test_an_error_is_raised_where_the_question_was_asked(
    nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """`Reply.fail` raises its error at the asker, and a later answer does nothing."""

    async def fail() -> None:
        message = await box.receive()
        assert isinstance(message, Ask)
        message.reply.fail(KeyError("nothing there"))
        message.reply.fail(KeyError("again"))
        message.reply.send(1)

    nursery.start_soon(fail)
    with pytest.raises(KeyError, match="nothing there"):
        await Ask().ask(box.ref, within=1)


async def test_patience_ends_after_exactly_its_time(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """An unanswered question raises TooSlowError after `within` seconds; it is never begun, and counts as expired."""
    began = trio.current_time()
    with pytest.raises(TooSlowError, match="did not answer within 3 s") as caught:
        await Ask(1).ask(box.ref, within=3)
    assert trio.current_time() - began == 3
    assert (caught.value.state, caught.value.retry_in) == (None, 0.0)
    box.ref.tell(Do(2))
    assert await box.receive() == Do(2)
    assert box.statistics().expired == 1


async def test_a_late_answer_is_harmless(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """Answering a question whose asker has left while it was in hand does nothing."""
    taken: list[Message] = []

    async def take() -> None:
        taken.append(await box.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        with pytest.raises(TooSlowError):
            await Ask(1).ask(box.ref, within=1)
    (question,) = taken
    assert isinstance(question, Ask)
    question.reply.send(1)
    question.reply.fail(ValueError("late"))
    assert not question.reply.answered


async def test_an_answer_at_the_last_instant_counts(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """When patience and answer fall on one instant, the asker never gets both and never gets nothing."""
    for _ in range(100):
        got: list[str] = []

        async def asker(got: list[str]) -> None:
            try:
                await Ask().ask(box.ref, within=1)
                got.append("answer")
            except TooSlowError:
                got.append("late")

        async def replier(at: float) -> None:
            message = await box.receive()
            assert isinstance(message, Ask)
            await trio.sleep_until(at)
            message.reply.send(1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(replier, trio.current_time() + 1)
            nursery.start_soon(asker, got)
        assert got in (["answer"], ["late"])


async def test_an_answer_before_the_wait_is_kept(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A reply that is there before the asker waits is returned."""
    question = Ask()
    question.reply.open()
    question.reply.send(9)
    await question.reply.wait()
    assert question.reply.result() == 9


async def test_a_question_is_asked_once(
    nursery: trio.Nursery, box: Box, autojump_clock: trio.testing.MockClock
) -> None:
    """Asking the same object again is an error of the programmer, and says so."""
    nursery.start_soon(answer, box, 5)
    question = Ask()
    await question.ask(box.ref, within=1)
    with pytest.raises(RuntimeError, match="asked before"):
        await question.ask(box.ref, within=1)


async def test_a_full_mailbox_is_told_at_once(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A refused question raises MailboxFull without waiting."""
    box.ref.tell(Do(1))
    box.ref.tell(Do(2))
    began = trio.current_time()
    with pytest.raises(MailboxFull, match="full"):
        await Ask().ask(box.ref, within=5)
    assert trio.current_time() == began


async def test_a_displaced_question_is_told_at_once(autojump_clock: trio.testing.MockClock) -> None:
    """A queued question that overflow pushes out raises MailboxFull at its asker; one nobody waits for just expires."""
    box = Mailbox[Message]("a", capacity=1, overflow=Overflow.DROP_OLDEST)

    async def push() -> None:
        await trio.testing.wait_all_tasks_blocked()
        box.ref.tell(Do(1))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(push)
        with pytest.raises(MailboxFull):
            await Ask().ask(box.ref, within=5)
    await box.receive()
    with pytest.raises(TooSlowError):
        await Ask().ask(box.ref, within=1)
    box.ref.tell(Do(2))
    assert (box.statistics().expired, box.statistics().displaced) == (1, 1)


@pytest.mark.parametrize("state", list(State))
async def test_only_a_down_actor_answers_at_once(
    box: Box, state: State, autojump_clock: trio.testing.MockClock
) -> None:
    """Failed, stopped and stuck raise ActorDown at zero seconds; every other state waits."""
    box.enter(state, "because")
    began = trio.current_time()
    if state.down:
        with pytest.raises(ActorDown, match="because") as caught:
            await Ask().ask(box.ref, within=5)
        assert trio.current_time() == began
        assert caught.value.state == state.value
    else:
        with pytest.raises(TooSlowError) as late:
            await Ask().ask(box.ref, within=5)
        assert late.value.state == state


async def test_going_down_fails_the_questions_that_wait(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """Questions already queued fail when the actor goes down, at that moment."""
    box.enter(State.RUNNING)
    failed: list[float] = []

    async def ask() -> None:
        with pytest.raises(ActorDown):
            await Ask().ask(box.ref, within=50)
        failed.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(1)
        box.enter(State.FAILED, "too often")
        now = trio.current_time()
    assert failed == [now]


async def test_a_cancelled_asker_leaves_nothing_behind(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A question whose asker is cancelled while waiting is never begun."""
    with trio.move_on_after(1):
        await Ask(1).ask(box.ref, within=50)
    box.ref.tell(Do(2))
    assert await box.receive() == Do(2)
    assert box.statistics().expired == 1


async def test_refs_say_what_they_know(box: Box, autojump_clock: trio.testing.MockClock) -> None:
    """A ref has its actor's name and state; the rest of a back-off counts down."""
    assert (box.ref.name, box.ref.state, box.ref.retry_in) == ("a", None, 0.0)
    assert "a" in repr(box.ref)
    box.enter(State.BACKOFF, "crashed", retry_at=trio.current_time() + 4)
    await trio.sleep(1)
    assert (box.ref.state, box.ref.retry_in) == (State.BACKOFF, 3.0)
