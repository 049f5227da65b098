"""What a block of keys says: texts as they are written, lists as tuples of texts, None where nothing is said."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TypeAlias

import attrs

Value: TypeAlias = str | tuple[str, ...] | None
Node: TypeAlias = "str | list[Node] | Pairs | None"

NULLS = frozenset({"", "~", "null", "Null", "NULL"})

DEEPEST = 64
"""Levels of nesting that a value is followed into: YAML's reader takes quadratic time over deep ones."""

MOST_PIECES = 5_000
"""Texts that one value is made of at the most; references could make it huge."""

MOST_STEPS = 50_000
"""Values that are looked at for one."""


@attrs.frozen
class BlockReading:
    """The keys of a block; None, and why, where its language doesn't take it for a block of keys."""

    keys: Mapping[str, Value] | None
    odd: tuple[tuple[str, str], ...] = ()
    """Keys whose value was guessed, each with a sentence on it."""
    problem: str = ""


@attrs.define
class Keys:
    """Values as they come, and what is odd about them."""

    values: dict[str, Value] = attrs.field(factory=dict)
    odd: list[tuple[str, str]] = attrs.field(factory=list)

    def add(self, key: str, value: Value) -> None:
        """Of a key that comes twice the last value counts that is one."""
        if key in self.values:
            self.odd.append((key, f"{key} is said twice; the last one counts"))
            value = self.values[key] if value is None else value
        self.values[key] = value

    def note_number_sign(self, key: str) -> None:
        self.odd.append((key, f"{key} holds a # that YAML takes for a comment; put it in quotes"))

    def by_small_letters(self) -> dict[str, Value]:
        """`Title` is found as `title` too."""
        for key in list(self.values):
            if not key.islower():
                self.values.setdefault(key.casefold(), self.values[key])
        return self.values


@attrs.define(eq=False)
class Pairs:
    """A mapping with every pair as it stands there: keys may come twice."""

    items: list[tuple[str | None, Node]] = attrs.field(factory=list)


def value_of(node: Node) -> Value:
    if node is None or isinstance(node, str):
        return node if node is None else str(node)
    return tuple(islice((text for text in _pieces(node) if text), MOST_PIECES)) or None


def _pieces(node: Node) -> Iterator[str]:
    """The texts of a list, or the pairs of a mapping, one after the other."""
    stack: list[Iterator[tuple[str | None, Node]]] = [_children(node)]
    for _ in range(MOST_STEPS):  # a reference may lead round in a circle, or to a thousand more
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            if not stack:
                break
            continue
        key, child = step
        if child is None or isinstance(child, str):
            yield ": ".join(part for part in (key, child) if part)
        elif len(stack) < DEEPEST:
            yield f"{key}:" if key else ""
            stack.append(_children(child))


def _children(node: Node) -> Iterator[tuple[str | None, Node]]:
    if isinstance(node, Pairs):
        return iter(list(node.items))
    return ((None, child) for child in (node if isinstance(node, list) else [node]))
