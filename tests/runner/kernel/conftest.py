"""Fixtures of the kernel's tests. All of them run on the mock clock."""

import pytest
import trio
import trio.testing

from tests.runner.kernel.support import Rig


@pytest.fixture
async def rig(nursery: trio.Nursery, autojump_clock: trio.testing.MockClock) -> Rig:
    """A rig in this test's nursery."""
    return Rig(nursery)
