from hypothesis import given
from hypothesis import strategies as st

from runner.live.once import HOLES_KEPT, ORIGINS_KEPT, Once


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50))))
def test_each_number_of_an_origin_is_new_once(seen: list[tuple[str, int]]) -> None:
    """Whatever the order of arrival, a publication is new the first time and never again."""
    once = Once()
    known: set[tuple[str, int]] = set()
    for origin, seq in seen:
        assert once.first_time(origin, seq) == ((origin, seq) not in known)
        known.add((origin, seq))


def test_numbers_that_never_come_are_given_up() -> None:
    """A publisher whose early numbers were lost for good does not make the memory grow without end."""
    once = Once()
    for seq in range(10, 10 + 2 * HOLES_KEPT):
        assert once.first_time("a", seq)
    assert not once.first_time("a", 3)


def test_origins_are_bounded() -> None:
    """Publishers of long ago are forgotten, the newest are not."""
    once = Once()
    for number in range(ORIGINS_KEPT + 1):
        once.first_time(str(number), 0)
    assert once.first_time("0", 0)
    assert not once.first_time(str(ORIGINS_KEPT), 0)
