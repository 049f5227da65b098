"""A part of a text around what was found in it, marked."""

from collections.abc import Mapping, Sequence

from runner.search.terms import Row
from runner.search.text import CLOSE, OPEN
from runner.search.tokens import Atoms


def excerpt(atoms: Atoms, found: Mapping[Row, int], size: int) -> str:
    """So many of its atoms, those around most of what was found; this stands between `OPEN` and `CLOSE`.

    What was `found` are tokens in a row, each with the number of atoms it covers.
    """
    text, hits = atoms.text, _covered(atoms.tokens, found)
    count = len(atoms.tokens)
    first = _first([atoms.tokens[place] for place in hits], hits, count, size)
    last = min(first + size, count)
    spans = atoms.places(first, last)
    begins = spans[0][0] if first else 0
    ends = spans[-1][1] if last < count else len(text)
    parts, at = [], begins
    for begin, end in _joined([spans[place - first] for place in hits if first <= place < last]):
        parts += [text[at:begin], OPEN, text[begin:end], CLOSE]
        at = end
    return "".join(["..." if first else "", *parts, text[at:ends], "..." if last < count else ""])


def _covered(tokens: Sequence[str], found: Mapping[Row, int]) -> list[int]:
    """The atoms that belong to what was found, in their order."""
    rows: dict[str, list[Row]] = {}
    for row in found:
        rows.setdefault(row[0], []).append(row)
    covered = {
        place: None
        for begin, token in enumerate(tokens)
        if token in rows
        for row in rows[token]
        if len(row) == 1 or tuple(tokens[begin : begin + len(row)]) == row
        for place in range(begin, begin + found[row])
    }
    return sorted(covered)


def _joined(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans with nothing between are one."""
    joined: list[tuple[int, int]] = []
    for begin, end in spans:
        if joined and joined[-1][1] == begin:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((begin, end))
    return joined


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
