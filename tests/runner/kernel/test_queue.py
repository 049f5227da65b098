"""The waiting line and its overflow policies."""

from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.kernel import Overflow, SpecError
from runner.kernel.queue import Envelope, Line


def envelope(n: int) -> Envelope[int]:
    """An envelope around a number; its tens are its key."""
    return Envelope(n, n, 0.0)


def tens(n: int) -> Hashable:
    """The key of a number."""
    return n // 10


def line(capacity: int, overflow: Overflow) -> Line[int]:
    """A line with the key its policy needs."""
    return Line(capacity, overflow, tens if overflow is Overflow.KEEP_NEWEST else None)


@pytest.mark.parametrize(
    ("overflow", "given_", "kept", "displaced"),
    [
        (Overflow.DROP_OLDEST, [1, 2, 3], [2, 3], [1]),
        (Overflow.KEEP_NEWEST, [1, 11, 2], [11, 2], [1]),
        (Overflow.KEEP_NEWEST, [1, 11, 12], [1, 12], [11]),
        (Overflow.KEEP_NEWEST, [1, 11, 21], [11, 21], [1]),
        (Overflow.KEEP_NEWEST, [1, 2, 3, 4], [1, 4], [2, 3]),
    ],
)
def test_a_full_line_makes_room_by_its_policy(
    overflow: Overflow, given_: list[int], kept: list[int], displaced: list[int]
) -> None:
    """With room for two: which stay, in which order, and which go."""
    waiting = line(2, overflow)
    gone = [waiting.add(envelope(n)) for n in given_]
    assert [each.message for each in gone if each is not None] == displaced
    assert [each.message for each in waiting] == kept
    assert len(waiting) == len(kept)


def test_refuse_says_so_beforehand() -> None:
    """A full line that refuses is asked first; the other policies never refuse."""
    for overflow in Overflow:
        waiting = line(1, overflow)
        waiting.add(envelope(1))
        assert waiting.refuses is (overflow is Overflow.REFUSE)


@pytest.mark.parametrize(("overflow", "key"), [(Overflow.KEEP_NEWEST, None), (Overflow.REFUSE, tens)])
def test_a_key_and_keep_newest_go_together(overflow: Overflow, key: object) -> None:
    """One without the other is refused."""
    with pytest.raises(SpecError, match="key"):
        Line(1, overflow, key)  # type: ignore[arg-type] # the point of the test


@given(
    overflow=st.sampled_from(Overflow),
    capacity=st.integers(1, 4),
    steps=st.lists(st.one_of(st.integers(0, 39), st.sampled_from(["take", "back", "clear"])), max_size=60),
)
def test_the_line_behaves_like_a_list(overflow: Overflow, capacity: int, steps: list[int | str]) -> None:
    """Whatever is added, taken, given back or cleared: contents and order are those of a plain list."""
    waiting = line(capacity, overflow)
    model: list[Envelope[int]] = []
    newest: dict[Hashable, Envelope[int]] = {}
    taken: Envelope[int] | None = None
    for step in steps:
        if isinstance(step, int):
            if waiting.refuses:
                assert len(model) >= capacity
                continue
            new = envelope(step)
            displaced = waiting.add(new)
            if len(model) >= capacity:
                same = newest.get(tens(step)) if overflow is Overflow.KEEP_NEWEST else None
                gone = same if same in model else model[0]
                assert displaced is gone
                model.remove(gone)
            else:
                assert displaced is None
            model.append(new)
            newest[tens(step)] = new
        elif step == "take" and model:
            taken = waiting.take()
            assert taken is model.pop(0)
        elif step == "back" and taken is not None:
            waiting.give_back(taken)
            model.insert(0, taken)
            if newest.get(tens(taken.message)) not in model:
                newest[tens(taken.message)] = taken
            taken = None
        elif step == "clear":
            assert waiting.clear() == model
            model.clear()
            newest.clear()
        newest = {key: each for key, each in newest.items() if each in model}
        assert list(waiting) == model
        assert len(waiting) == len(model)
        assert waiting.head() is (model[0] if model else None)


def test_places_left_empty_are_cleared_away() -> None:
    """A line that overflows for ever by one key holds no more than twice its capacity, and forgets nothing else."""
    waiting = line(2, Overflow.KEEP_NEWEST)
    for n in (1, *(11 + n % 9 for n in range(100))):
        waiting.add(envelope(n))
    assert len(waiting._queue) <= 5
    assert [each.message for each in waiting] == [1, 11]


def test_an_empty_place_at_the_head_is_skipped() -> None:
    """When the oldest went by its key, the next one is the head."""
    waiting = line(2, Overflow.KEEP_NEWEST)
    for n in (1, 11, 2):
        waiting.add(envelope(n))
    head = waiting.head()
    assert head is not None
    assert head.message == 11
