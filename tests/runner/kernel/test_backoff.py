"""Delays and restart windows."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.kernel import Backoff, Intensity, SpecError
from runner.kernel.backoff import RestartWindow, check_reachable


def test_the_first_failure_is_free_and_the_rest_double() -> None:
    """Without jitter the delays are 0, then 0.1 s doubled each time up to 5 s."""
    backoff = Backoff(jitter=0)
    delays = [backoff.delay(failures, random.Random(1)) for failures in range(1, 10)]
    assert delays == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5])


@given(failures=st.integers(min_value=0, max_value=10_000), seed=st.integers())
def test_a_delay_keeps_its_bounds(failures: int, seed: int) -> None:
    """A delay lies within the jitter around its base, and never over the ceiling or over `longest`."""
    backoff = Backoff()
    delay = backoff.delay(failures, random.Random(seed))
    base = Backoff(jitter=0).delay(failures, random.Random(seed))
    assert base * 0.8 <= delay <= min(backoff.ceiling, base * 1.2 + 1e-9)
    assert delay <= backoff.longest(failures) + 1e-9


def test_the_delay_is_a_function_of_what_is_handed_in() -> None:
    """Two equal random sources give equal delays."""
    assert Backoff().delay(5, random.Random(3)) == Backoff().delay(5, random.Random(3))


@pytest.mark.parametrize(
    "wrong",
    [{"first": -1}, {"factor": 0.5}, {"ceiling": -1}, {"jitter": 1.0}, {"jitter": -0.1}, {"healthy": -1}],
)
def test_an_impossible_backoff_is_refused(wrong: dict[str, float]) -> None:
    """Each impossible number is refused when the back-off is built."""
    with pytest.raises(SpecError):
        Backoff(**wrong)


@pytest.mark.parametrize(("restarts", "window"), [(-1, 60.0), (1, 0.0), (1, -5.0)])
def test_an_impossible_intensity_is_refused(restarts: int, window: float) -> None:
    """Fewer than no restarts and windows of no length are refused."""
    with pytest.raises(SpecError):
        Intensity(restarts, window)


@pytest.mark.parametrize(
    ("intensity", "backoff", "reachable"),
    [
        (Intensity(6, 60), Backoff(), True),
        (Intensity(10, 60), Backoff(first=0.5, ceiling=30), False),
        (Intensity(6, 7), Backoff(), False),
        (Intensity(1_000_000, 60), Backoff(first=0, ceiling=0), True),
        (Intensity(1_000_000, 60), Backoff(), False),
    ],
)
def test_a_backoff_that_hides_failing_is_refused(intensity: Intensity, backoff: Backoff, reachable: bool) -> None:
    """When the longest delays sum up to half the window, `failed` could never be reached: that is refused."""
    if reachable:
        check_reachable(intensity, backoff, name="x")
    else:
        with pytest.raises(SpecError, match="could crash for ever without failing"):
            check_reachable(intensity, backoff, name="x")


def test_the_window_counts_what_is_in_it() -> None:
    """The failure that exceeds the intensity says so; one exactly a window old no longer counts."""
    window = RestartWindow(Intensity(2, 10))
    assert [window.add(now) for now in (0.0, 1.0, 2.0)] == [False, False, True]
    assert window.count(10.0) == 2
    assert not window.add(11.5)
    window.clear()
    assert window.count(11.5) == 0
