"""A part of a text around what was found in it, marked: what FTS5's `snippet` is to documents in the index."""

import re
from collections.abc import Collection, Sequence

from runner.search.text import CLOSE, OPEN
from runner.search.tokens import SILENT, Tokeniser

_WORD = re.compile(f"[^ {SILENT}][^ ]*")


def excerpt(text: str, words: Collection[str], size: int, tokens: Tokeniser) -> str:
    """So many words of it, those around most of the folded `words`; these stand between `OPEN` and `CLOSE`."""
    found = list(_WORD.finditer(tokens.folded(text)))
    hits = [place for place, match in enumerate(found) if match[0].replace(SILENT, "") in words]
    first = _first([found[place][0] for place in hits], hits, len(found), size)
    end = min(first + size, len(found))
    begins = found[first].start() if first else 0
    ends = found[end - 1].end() if end < len(found) else len(text)
    parts = []
    for place in hits:
        if first <= place < end:
            parts += [text[begins : found[place].start()], OPEN, text[found[place].start() : found[place].end()], CLOSE]
            begins = found[place].end()
    return "".join(["..." if first else "", *parts, text[begins:ends], "..." if end < len(found) else ""])


def _first(words: Sequence[str], hits: Sequence[int], count: int, size: int) -> int:
    """Where the part begins: what is found is in its middle, different words count more than many of one."""
    best, chosen = (0, 0), 0
    for number, place in enumerate(hits):
        last = number
        while last + 1 < len(hits) and hits[last + 1] < place + size:
            last += 1
        worth = len(set(words[number : last + 1])), last - number
        if worth > best:
            best, chosen = worth, place - (size - (hits[last] - place + 1)) // 2
    return max(0, min(chosen, count - size))
