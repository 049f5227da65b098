"""A ledger reached by plain calls, as simulations have it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from runner.ledger import Ledger

T = TypeVar("T")


async def inline(work: Callable[[], T]) -> T:
    return work()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    """A new ledger, closed at the end of its test."""
    opened = await Ledger.open(tmp_path / "sessions.db", run_sync=inline)
    yield opened
    await opened.close()
