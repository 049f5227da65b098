"""How blocking work leaves the event loop: through a function that whoever owns the threads hands in."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import trio

T = TypeVar("T")


class RunSync(Protocol):
    """Runs blocking work elsewhere: a thread in the process, a plain call in simulations.

    A cancellation comes before the work or not at all: what was begun is finished, and its value given back.
    """

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


def limited(limiter: trio.CapacityLimiter) -> RunSync:
    """One that sends work to threads, as many at a time as the limiter lets in."""

    async def run_sync(work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=limiter)

    return run_sync
