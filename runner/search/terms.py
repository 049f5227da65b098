"""What a question asks for: each term as words in a row, of which the last may be a beginning."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

import attrs

from runner.search.letters import Shape
from runner.search.tokens import Atoms, Tokeniser

MOST = 64
"""Terms of one question."""

Row: TypeAlias = tuple[str, ...]
"""Tokens that follow one another."""


@attrs.frozen(eq=False)
class Term:
    """Stems that the last token may be found by, each with a word that has it, and how it may begin instead."""

    stems: Mapping[str, str]
    beginning: str | None = None
    lead: Sequence[Mapping[str, str]] = ()
    """The tokens before the last one, each by its stem."""
    wide: bool = False
    """Whether the index itself is asked for the beginning; a word's is asked for by the stems that it stands for."""
    atoms: int = 1
    """How many atoms of a text it covers."""

    def roots(self) -> list[list[str]]:
        """Of each token in its turn, how all that fit begin; none of these begins with another."""
        return [*(_roots(stems) for stems in self.lead), _roots(self.stems, self.beginning)]

    def fits(self, rows: Sequence[Row], tokens: Tokeniser) -> dict[Row, str]:
        """Those that do, each with the stem of its last if that is what fits."""
        words = {} if self.wide and not self.lead else dict.fromkeys(word for row in rows for word in row)
        stems = dict(zip(words, tokens.stems(words), strict=True)) if words else {}
        found: dict[Row, str] = {}
        for row in rows:
            if self.lead and not all(stems[word] in known for word, known in zip(row, self.lead, strict=False)):
                continue
            word = row[-1]
            if stems.get(word) in self.stems:
                found[row] = stems[word]
            elif self.beginning is not None and word.startswith(self.beginning):
                found[row] = ""
        return found

    def phrases(self) -> dict[str, str]:
        """Each way to be found as FTS5 asks for it, by the stem; no stem where a mere beginning is asked for."""
        before = [word for stems in self.lead for word in stems.values()]
        found = {stem: quoted([*before, word]) for stem, word in self.stems.items()}
        if self.wide and self.beginning is not None:
            found[""] = quoted([*before, self.beginning]) + " *"
        return found

    def expression(self) -> str:
        """All of them."""
        return "(" + " OR ".join(self.phrases().values()) + ")"


def quoted(words: Sequence[str]) -> str:
    """Tokens in a row; none of them has a quotation mark."""
    return '"' + " ".join(words) + '"'


def terms_of(text: str, tokens: Tokeniser, stands_for: Callable[[str], Mapping[str, str]]) -> list[Term]:
    """The terms of a text that `line` has composed.

    Words, units and what of both stands without a gap between is found in a row. The last word is a beginning: what
    it `stands_for` are words by their stems, itself among them. A unit at the end of a row always is one, because
    nobody can see whether more belongs to it.
    """
    asked = tokens.atoms(text)
    groups = list(_groups(asked))
    if not groups:
        return []
    *others, last = groups
    chosen = [*list(dict.fromkeys(others))[:MOST], last]
    words = list(dict.fromkeys(token for group in chosen for token in group.row))
    stems = dict(zip(words, tokens.stems(words), strict=True))
    terms = []
    for group in chosen:
        *before, word = group.row
        lead = tuple({stems[token]: token} for token in before)
        if group.ends is not Shape.LETTER:
            terms.append(Term({}, word, lead=lead, wide=True, atoms=group.atoms))
        elif group is last:
            terms.append(Term(stands_for(word), word, lead=lead, atoms=group.atoms))
        else:
            terms.append(Term({stems[word]: word}, lead=lead, atoms=group.atoms))
    return terms


@attrs.frozen
class _Group:
    row: Row
    atoms: int
    ends: Shape
    """What its last atom is."""


def _groups(asked: Atoms) -> Iterator[_Group]:
    """What stands without a gap; symbols alone."""
    shapes, spans = asked.shapes(), asked.places(0, len(asked.tokens))
    begin = 0
    for number, shape in enumerate(shapes):
        after = number + 1
        if after < len(shapes) and spans[number][1] == spans[after][0] and Shape.SYMBOL not in (shape, shapes[after]):
            continue
        row = tuple(asked.tokens[begin:after])
        if shapes[begin:after][-2:] == [Shape.UNIT, Shape.UNIT]:
            row = row[:-1]  # the unit before has it in its token
        yield _Group(row, after - begin, shape)
        begin = after


def _roots(stems: Mapping[str, str], beginning: str | None = None) -> list[str]:
    """Porter's stems begin like their words, but for the last letter at most."""
    roots = {stem[:-1] or stem for stem in stems} | ({beginning} if beginning else set())
    return [root for root in sorted(roots) if not any(root[:size] in roots for size in range(1, len(root)))]
