"""Time limits of a connection: for its silence, and for what is sent where no cancellation reaches."""

from math import inf
from types import TracebackType
from typing import Any

import attrs
import trio

SILENT_SECONDS = 0.1
"""For a silent connection once the server is stopping."""


@attrs.define(eq=False)
class Patience:
    """How long a silent connection is kept: a deadline for its reading, where hypercorn starts a task each time."""

    seconds: float
    reading: trio.CancelScope
    _idle: bool = attrs.field(default=False, init=False)

    async def restart(self, _group: Any, _action: Any) -> None:
        """Nothing is being answered."""
        self._idle = True
        self.reading.deadline = trio.current_time() + self.seconds

    async def stop(self) -> None:
        """A request is there; it has time."""
        self._idle = False
        self.reading.deadline = inf

    def hurry(self) -> None:
        """Have little patience from now on, also with a connection whose answer is just going out."""
        self.seconds = SILENT_SECONDS
        if self._idle:
            self.reading.deadline = min(self.reading.deadline, trio.current_time() + SILENT_SECONDS)


class Shield:
    """A shield with a deadline, which the server can take away."""

    __slots__ = ("_all", "_scope")

    def __init__(self, everybodys: set[trio.CancelScope], seconds: float) -> None:
        self._scope = trio.CancelScope(deadline=trio.current_time() + seconds, shield=True)
        self._all = everybodys

    def __enter__(self) -> trio.CancelScope:
        self._all.add(self._scope)
        return self._scope.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._all.discard(self._scope)
        return self._scope.__exit__(kind, error, trace)
