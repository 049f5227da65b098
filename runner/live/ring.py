"""The replay of one topic: the newest frames, and an exact memory of how many older ones are gone."""

from array import array
from bisect import bisect_right
from collections import deque

import attrs

from runner.live.frames import Frame

NUMBERS_KEPT = 65_536


@attrs.define(eq=False)
class Ring:
    """Keeps at most `frames` frames and `limit` bytes, dropping the oldest."""

    frames_limit: int
    bytes_limit: int
    size: int = attrs.field(default=0, init=False)
    _frames: deque[Frame] = attrs.field(factory=deque, init=False)
    _gone: "array[int]" = attrs.field(factory=lambda: array("Q"), init=False)

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        self._frames.append(frame)
        self.size += frame.size
        while len(self._frames) > self.frames_limit or (self.size > self.bytes_limit and len(self._frames) > 1):
            old = self._frames.popleft()
            self.size -= old.size
            self._gone.extend([old.number] * old.weight)
        if len(self._gone) > NUMBERS_KEPT * 2:
            del self._gone[:NUMBERS_KEPT]

    def after(self, number: int) -> tuple[int, list[Frame]]:
        """How many events after `number` are gone, and the frames that are still here."""
        kept = [frame for frame in self._frames if frame.number > number]
        return len(self._gone) - bisect_right(self._gone, number), kept
