"""What a source is, and what it may look at."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from runner.schedule import Schedule
from runner.session.backends.base import RunSync
from runner.session.kinds import Kind
from runner.settings import Settings
from runner.storage import files


@attrs.frozen
class Ask:
    """The wake that context is gathered for."""

    kind: Kind
    now: datetime
    """The instant of waking, in the home's zone."""
    settings: Settings
    schedule: Schedule
    run_sync: RunSync

    async def text_of(self, path: Path, limit: int) -> str:
        """A text file's content, its end cut when it is over the limit; FileNotFoundError when it is not there."""
        text = await self.run_sync(lambda: files.read_text(path, limit=16 * 1024 * 1024))
        return text if len(text) <= limit else text[:limit] + "\n[... cut here: the rest is in the file]"


Gather: TypeAlias = Callable[[Ask], Awaitable[Any]]


@attrs.frozen
class Source:
    """One value of the prompt: how it is found, how long that may take, and what stands in for it."""

    name: str
    gather: Gather
    fallback: Any = ""
    within: float = 5.0
    remote: bool = False
    """Asks a service beyond this machine."""


@attrs.frozen
class Letter:
    """Words of somebody else, always shown inside a marked block."""

    source: str
    text: str
    file: str = ""
