"""A real ledger for tests: SQLite in a temporary home, with its work done inline where time is mocked."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from runner.ledger import Ledger

T = TypeVar("T")


async def inline(work: Callable[[], T], /) -> T:
    """A `run_sync` without a thread: the mock clock does not see threads."""
    await trio.lowlevel.checkpoint()
    return work()


async def open_ledger(home: Path) -> Ledger:
    """The ledger of this home."""
    return await Ledger.open(home / "sessions.db", run_sync=inline)
