"""The frames of one session from the first, for whoever joins late."""

import json

import attrs

from runner.live import frames
from runner.live.frames import Frame

OPEN_LIMIT = 8 * 1024 * 1024
"""Bytes of an unfinished block that are kept for late joiners; its full text follows anyway."""


@attrs.frozen
class SessionView:
    """What a page shows of the session without a stream."""

    session_id: str
    events: tuple[tuple[str, bytes], ...]
    open_text: str
    ended: bool


@attrs.define(eq=False)
class SessionLog:
    """Full events from the first, and the text of the block still being written.

    Readers hold a position (an absolute index) in it and read at their own pace, so joining copies nothing.
    A reader that is through goes on with `next`, the log of the session after this one.
    """

    session_id: str
    bytes_limit: int
    ended_at: float | None = attrs.field(default=None, init=False)
    next: "SessionLog | None" = attrs.field(default=None, init=False)
    size: int = attrs.field(default=0, init=False)
    numbered: int = attrs.field(default=0, init=False)
    _kept: list[tuple[Frame, int]] = attrs.field(factory=list, init=False)
    """Each frame with the weight of everything before it."""
    _base: int = attrs.field(default=0, init=False)
    _first: int = attrs.field(default=0, init=False)
    _weight: int = attrs.field(default=0, init=False)
    _open: list[str] = attrs.field(factory=list, init=False)
    _open_size: int = attrs.field(default=0, init=False)
    _holed: bool = attrs.field(default=False, init=False)
    _open_wire: bytes | None = attrs.field(default=None, init=False)

    def __len__(self) -> int:
        return len(self._kept) - self._first

    @property
    def end(self) -> int:
        """The absolute index after the newest frame."""
        return self._base + len(self._kept)

    def add(self, frame: Frame) -> None:
        """Take the next full event; the first of an over-long session make room for it."""
        self._kept.append((frame, self._weight))
        self._weight += frame.weight
        self.size += frame.size
        while self.size > self.bytes_limit and len(self) > 1:
            self.size -= self._kept[self._first][0].size
            self._first += 1
        if (
            self._first > 1024 and self._first > len(self._kept) // 2
        ):  # forget the dropped ones now and then, not each time
            del self._kept[: self._first]
            self._base += self._first
            self._first = 0
        if frame.event in (frames.TEXT, frames.START, frames.END):
            self._close_block()

    def add_delta(self, data: bytes) -> None:
        """Lengthen the open block; its deltas are kept as one."""
        text = _text_of(data)
        self._open_size += len(text)
        if self._holed or self._open_size > OPEN_LIMIT:
            self.hole()
            return
        self._open.append(text)
        self._open_wire = None

    def hole(self) -> None:
        """A delta of the open block is missing: show none of it, the full text follows."""
        self._open.clear()
        self._open_wire = None
        self._holed = True

    @property
    def holed(self) -> bool:
        return self._holed

    def read(self, index: int, weight: int, *, at_most: int) -> tuple[list[Frame], int, int, int]:
        """Frames from a position on: (frames, events lost before them, next index, next weight)."""
        start = max(index - self._base, self._first)
        lost = 0
        taken: list[Frame] = []
        size = 0
        if start < len(self._kept):
            lost = self._kept[start][1] - weight
        while start < len(self._kept) and size < at_most:
            frame, before = self._kept[start]
            taken.append(frame)
            size += frame.size
            weight = before + frame.weight
            start += 1
        return taken, lost, self._base + start, weight

    def open_block(self) -> bytes | None:
        """One delta holding all that is written of the block still open; none when there is none."""
        if not self._open:
            return None
        if self._open_wire is None:
            text = "".join(self._open)
            self._open[:] = [text]
            self._open_wire = frames.encode(frames.DELTA, json.dumps({"text": text}, ensure_ascii=False).encode())
        return self._open_wire

    def view(self) -> SessionView:
        kept = tuple((frame.event, frame.data) for frame, _ in self._kept[self._first :])
        return SessionView(self.session_id, kept, "".join(self._open), self.ended_at is not None)

    def _close_block(self) -> None:
        self._open.clear()
        self._open_size = 0
        self._open_wire = None
        self._holed = False


def _text_of(data: bytes) -> str:
    try:
        parsed = json.loads(data)
    except ValueError:
        return ""
    text = parsed.get("text") if isinstance(parsed, dict) else None
    return text if isinstance(text, str) else ""
