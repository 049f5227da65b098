import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from web.api.ttl_cache import MOST, Lately


class Maker:
    """Counts what it makes; fails while told to."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.gate = trio.Event()
        self.fails = False

    async def __call__(self, key: str) -> int:
        self.made.append(key)
        await self.gate.wait()
        if self.fails:
            raise OSError("no")
        return len(self.made)


async def test_who_asks_together_shares_one_making() -> None:
    """Ten who ask at once cost one look."""
    maker = Maker()
    lately = Lately(maker, clock=trio.current_time)
    found: list[int] = []

    async def ask() -> None:
        found.append(await lately.get("a"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        maker.gate.set()
    assert (found, maker.made) == ([1] * 10, ["a"])


async def test_a_value_is_made_anew_when_its_moment_is_over(autojump_clock: MockClock) -> None:
    """The moment counts from when the making began, so no answer is older than it says."""
    maker = Maker()
    maker.gate.set()
    lately = Lately(maker, clock=trio.current_time, kept=1)
    assert await lately.get("a") == 1
    await trio.sleep(0.9)
    assert await lately.get("a") == 1
    await trio.sleep(0.2)
    assert await lately.get("a") == 2
    assert autojump_clock.rate == 0


async def test_a_failure_is_not_kept() -> None:
    """The next one who asks has it tried again."""
    maker = Maker()
    maker.gate.set()
    maker.fails = True
    lately = Lately(maker, clock=trio.current_time)
    with pytest.raises(OSError, match="no"):
        await lately.get("a")
    maker.fails = False
    assert await lately.get("a") == 2


async def test_not_everything_is_kept() -> None:
    """Many different questions push the oldest answers out."""
    maker = Maker()
    maker.gate.set()
    lately = Lately(maker, clock=lambda: 0.0)
    for number in range(MOST + 1):
        await lately.get(str(number))
    await lately.get("1")
    assert len(maker.made) == MOST + 1
    await lately.get("0")
    assert len(maker.made) == MOST + 2
