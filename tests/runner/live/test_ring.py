from runner.live import ring as ring_module
from runner.live.frames import Frame
from runner.live.ring import Ring


def frame(number: int, *, size: int = 10, weight: int = 1) -> Frame:
    return Frame("t", "e", number, b"{}", b"x" * size, weight)


def test_the_oldest_make_room() -> None:
    """Over the count of frames the oldest go, and the ring knows how many are missing after any number."""
    ring = Ring(3, 1000)
    for number in range(1, 6):
        ring.add(frame(number))
    assert [one.number for one in ring.after(0)[1]] == [3, 4, 5]
    assert [ring.after(number)[0] for number in (0, 1, 2, 4)] == [2, 1, 0, 0]


def test_bytes_are_bounded_too() -> None:
    """Over the bytes the oldest go, but one frame always stays."""
    ring = Ring(100, 25)
    for number in range(1, 4):
        ring.add(frame(number))
    assert len(ring) == 2
    ring.add(frame(4, size=100))
    assert len(ring) == 1
    assert ring.size == 100


def test_a_dropped_gap_counts_for_all_it_stood_for() -> None:
    """The number of missing events stays exact when a gap notice itself is dropped."""
    ring = Ring(1, 1000)
    ring.add(frame(1, weight=7))
    ring.add(frame(2))
    assert ring.after(0)[0] == 7


def test_the_memory_of_what_is_gone_is_bounded() -> None:
    """A ring that has dropped very many frames keeps only the newest of their numbers."""
    ring = Ring(1, 1000)
    for number in range(2 * ring_module.NUMBERS_KEPT + 10):
        ring.add(frame(number))
    assert ring.after(0)[0] <= 2 * ring_module.NUMBERS_KEPT
