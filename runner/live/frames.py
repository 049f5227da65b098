"""Server-sent events as bytes: encoded once, shared by every viewer."""

import json

import attrs

SESSION = "session"
"""The one topic without ids: its viewers start at the first event of the session, whatever they saw before."""

EVERYTHING = "*"
"""Stands for all topics but the session's."""

DELTA = "session.delta"
START = "session.start"
TEXT = "session.text"
END = "session.end"
GAP = "gap"


@attrs.frozen(eq=False)
class Frame:
    """One event as it is kept and sent; `number` counts the hub's frames, or the session's own ones."""

    topic: str
    event: str
    number: int
    data: bytes
    wire: bytes
    weight: int = 1
    """How many events are lost with this frame: 0 for a delta, the count of an earlier gap for a gap."""

    @property
    def size(self) -> int:
        return len(self.wire)


def encode(event: str, data: bytes, *, identity: str | None = None) -> bytes:
    """The frame of one event; `data` is one line of JSON."""
    if b"\n" in data or b"\r" in data or "\n" in event or "\r" in event:
        raise ValueError(f"an event must be one line of JSON, got {event!r} with {data[:80]!r}")
    head = f"event: {event}\n" if identity is None else f"id: {identity}\nevent: {event}\n"
    return b"%sdata: %s\n\n" % (head.encode(), data)


def comment(text: str) -> bytes:
    """A line that clients ignore; it opens a stream at once."""
    return f": {text}\n\n".encode()


def heartbeat(unix_seconds: int) -> bytes:
    """The sign of life of a stream on which nothing happens."""
    return encode("heartbeat", b'{"ts":%d}' % unix_seconds)


def gap(count: int | None, reason: str) -> bytes:
    """Tells a viewer how many events are missing at this place; null when nobody can know."""
    return encode(GAP, json.dumps({"count": count, "reason": reason}).encode())
