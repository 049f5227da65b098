"""Time limits of a connection: for its silence, and for what its client does not take."""

import socket
import struct
from math import inf
from types import TracebackType
from typing import Any

import attrs
import trio

SILENT_SECONDS = 0.1
"""For a silent connection once the server is stopping."""

TCP_STATE = struct.Struct("=24xI92xQ16xI")
"""Of Linux's `tcp_info`: segments that are not acknowledged, bytes that are, bytes that were not sent yet."""


@attrs.define(eq=False)
class Patience:
    """How long a connection is kept that asks for nothing: a deadline for its reading.

    It goes by what is being answered and by nothing else, so it is the same for whatever the client speaks: no bytes
    that are no whole request renew it.
    """

    seconds: float
    reading: trio.CancelScope
    _answers: int = attrs.field(default=0, init=False)

    @property
    def answering(self) -> bool:
        """Whether a request is being answered."""
        return self._answers > 0

    def restart(self) -> None:
        """The time begins, or begins anew."""
        if not self._answers:
            self.reading.deadline = trio.current_time() + self.seconds

    def begin(self) -> None:
        """One more request is being answered; it has time."""
        self._answers += 1
        self.reading.deadline = inf

    def end(self) -> None:
        """One less; after the last one the time begins."""
        self._answers -= 1
        self.restart()

    def hurry(self) -> None:
        """Have little patience from now on, also with a connection whose answer is just going out."""
        self.seconds = SILENT_SECONDS
        if not self._answers:
            self.reading.deadline = min(self.reading.deadline, trio.current_time() + SILENT_SECONDS)


@attrs.define(eq=False)
class Debt:
    """What is owed to a client, and since when it takes none of it."""

    _taken: int = attrs.field(default=-1, init=False)
    _since: float | None = attrs.field(default=None, init=False)

    def is_stale(self, owed: int, taken: int, limit: float) -> bool:
        """Whether nothing of what is owed was taken for `limit` seconds; to be asked every now and then."""
        if not owed:
            self._since = None
            return False
        now = trio.current_time()
        if self._since is None or taken != self._taken:
            self._since, self._taken = now, taken
        return now - self._since >= limit


def at_the_system(connection: Any) -> tuple[int, int] | None:
    """What the system still has of a connection's bytes, as a number that is 0 only for none; and what was taken.

    None on a system that does not say.
    """
    option = getattr(socket, "TCP_INFO", None)
    info = b"" if option is None else connection.getsockopt(socket.IPPROTO_TCP, option, TCP_STATE.size)
    if len(info) < TCP_STATE.size:
        return None
    segments, acknowledged, unsent = TCP_STATE.unpack(info)
    return segments + unsent, acknowledged


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
