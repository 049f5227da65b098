"""Bytes in any pieces to whole lines, with a ceiling: a longer line is cut and marked, never fatal."""

import attrs

CUT = b" ...[line cut: longer than the limit]"


@attrs.define(eq=False)
class LineSplitter:
    """Feed it chunks, get whole lines without their ends. The unterminated rest waits for more."""

    limit: int
    cut: int = attrs.field(default=0, init=False)
    """How many lines were over the limit."""
    _pieces: list[bytes] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)

    def feed(self, chunk: bytes) -> list[bytes]:
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        first, *middle, rest = chunk.split(b"\n")
        self._keep(first)
        lines = [self._take()]
        for line in middle:
            self._keep(line)
            lines.append(self._take())
        self._keep(rest)
        return lines

    def finish(self) -> list[bytes]:
        """What came after the last line end, if anything."""
        return [self._take()] if self._size else []

    def _keep(self, piece: bytes) -> None:
        room = self.limit - sum(map(len, self._pieces)) if self._size + len(piece) > self.limit else len(piece)
        self._size += len(piece)
        if piece and room > 0:
            self._pieces.append(piece[:room])

    def _take(self) -> bytes:
        line = b"".join(self._pieces)
        if self._size > self.limit:
            self.cut += 1
            line += CUT
        self._pieces = []
        self._size = 0
        return line.removesuffix(b"\r")
