"""A home as a newcomer gets it, made by the shipped command."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.support.http_client import EventStream
from tests.support.process import Running, command, scrubbed


@pytest.fixture
async def demo_home(tmp_path: Path) -> Path:
    """A home made by `init --demo`."""
    home = tmp_path / "home"
    done = await command(scrubbed(home), "init", "--demo", "--home", str(home))
    assert done.returncode == 0, done.stderr
    return home


Join: TypeAlias = Callable[..., Awaitable[EventStream]]
STREAM = "/api/v1/session/stream"


@pytest.fixture
async def join() -> AsyncIterator[Join]:
    """Opens event streams (of the session, when nothing else is named) that are left at the end of the test."""
    opened: list[EventStream] = []

    async def open_one(up: Running, path: str = STREAM, **headers: str) -> EventStream:
        stream = await EventStream.open(up.host, up.port, path, **headers)
        opened.append(stream)
        return stream

    yield open_one
    for stream in opened:
        await stream.aclose()
