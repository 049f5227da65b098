"""Keys by the lines they stand on: for blocks that are no YAML, or have no end. Each value stands for itself."""

import re
from collections.abc import Mapping

import attrs

from runner.content.languages import read_yaml
from runner.content.values import Keys, Value

_KEY = re.compile(r"""(["']?)([^\W\d][\w-]*)\1[ \t]*(?:[:\uff1a](?!//)|=(?!=))[ \t]*(.*)""")
_COMMENT = re.compile(r"[ \t]*#")
MOST_TRIED = 500
"""Values of one block that YAML is asked about; a block has a dozen, and one of a megabyte is no hurry."""

_BLOCKS = frozenset({"", "|", ">", "|-", ">-", "|+", ">+"})


@attrs.frozen
class Lines:
    """What the lines of a block say by themselves."""

    keys: Mapping[str, Value]
    odd: tuple[tuple[str, str], ...]
    is_header: bool
    """Whether it looks like keys rather than like prose between two lines across."""
    end: int
    """Where prose begins that can't belong to it; the block's length where there is none."""


class _Written(str):
    """A plain text together with what YAML takes for a comment behind it: `Walk #3`."""

    __slots__ = ()


class _NotReadError(Exception):
    """YAML that is nested too deeply."""


def looks_like_key(line: str) -> bool:
    """A single word with a colon behind it."""
    return _KEY.match(line) is not None


def end_of_keys(text: str, start: int) -> int:
    """Where the lines end that look like keys, with what is indented below them."""
    while start < len(text) and text[start] == "\n":
        start += 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        if not (looks_like_key(line) or (line[:1] in (" ", "\t") and line.strip()) or line.startswith("- ")):
            return start
        start = min(end + 1, len(text))
    return start


@attrs.define
class _Segment:
    """A key with its lines."""

    key: str
    first: str
    more: list[str] = attrs.field(factory=list)

    @property
    def takes_more(self) -> bool:
        """Whether what is indented below belongs to it, though it looks like keys."""
        return self.first.strip() in _BLOCKS or self.first[:1] in "[{"

    def value(self, *, by_yaml: bool) -> Value:
        """By YAML where that takes it, else as it is written."""
        read = read_yaml("\n".join([f"x: {self.first}", *self.more])) if by_yaml else None
        if read is not None and read.keys is not None and read.keys.keys() == {"x"}:
            return read.keys["x"]
        words = [self.first, *(line.strip() for line in self.more)]
        return _unquoted(" ".join(word for word in words if word).strip()) or None


@attrs.define
class _Block:
    """The lines read so far."""

    segments: list[_Segment] = attrs.field(factory=list)
    others: int = 0
    """Lines that are nothing of it."""
    is_after_blank: bool = False

    def take(self, line: str) -> bool:
        """False for prose that can't belong to it."""
        was_after_blank, self.is_after_blank = self.is_after_blank, not line.strip()
        last = self.segments[-1] if self.segments else None
        key = self._key(line, last)
        if key is not None:
            self.segments.append(_Segment(key[2], key[3]))
        elif last is not None and (self.is_after_blank or line[0] in " \t]}" or line.startswith("- ")):
            last.more.append(line)
        elif not self.is_after_blank and not _COMMENT.match(line):
            if last is not None and was_after_blank:
                return False
            self.others += 1
            if last is not None and not last.first.strip():
                last.more.append("  " + line)
        return True

    def _key(self, line: str, last: _Segment | None) -> re.Match[str] | None:
        if line[:1] not in (" ", "\t"):
            return _KEY.fullmatch(line)
        return None if last is not None and last.takes_more else _KEY.fullmatch(line.strip())


def read_lines(block: str) -> Lines:
    """The keys of the lines that the block begins with."""
    found, end, place = _Block(), len(block), 0
    for line in block.split("\n"):
        if not found.take(line):
            end = place
            break
        place += len(line) + 1
    keys = Keys()
    for number, segment in enumerate(found.segments):
        keys.add(segment.key, segment.value(by_yaml=number < MOST_TRIED))
    return Lines(keys.by_small_letters(), tuple(keys.odd), len(found.segments) >= max(1, found.others), end)


def _unquoted(text: str) -> str:
    """Without the quotes around it, also where the second is missing; quotes that mean something stay."""
    quote = text[:1]
    if quote not in ('"', "'"):
        return text
    inner = text[1:-1] if len(text) > 1 and text.endswith(quote) else text[1:]
    if quote == "'":
        inner = inner.replace("''", "'")
        is_plain = not re.search(r"(?<!\w)'|'(?!\w)", inner)
    else:
        is_plain = '"' not in inner
    return inner.strip() if is_plain else text
