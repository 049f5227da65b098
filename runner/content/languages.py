"""The two languages of frontmatter. An ordinary YAML block is taken by its lines; any other by YAML's events.

Events and not objects, so that an unquoted date stays the text it is, and nothing is built that a file could make huge.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import attrs
import yaml

from runner.content.values import DEEPEST, NULLS, BlockReading, Keys, Node, Pairs, value_of

LONGEST_TOML = 64 * 1024
MERGE = "<<"

_ODD = "\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ufeff\\ufffe\\uffff"  # what YAML refuses or takes for the end of a line
_ORDINARY = re.compile(
    rf"([A-Za-z][A-Za-z0-9_-]*):(?:[ ]+(?:"
    rf'"([^"\\{_ODD}]*)"'
    rf"|'([^'{_ODD}]*)'"
    rf"|([^\W_](?:[^:#{_ODD}]|:(?=\S)|(?<=\S)#|#(?=\S))*)"
    rf"))?[ ]*"
)
_NUMBER_SIGN = re.compile(r"[ \t]+#(?=\S)[^\n]*")


class _Written(str):
    """A plain text together with what YAML takes for a comment behind it: `Walk #3`."""

    __slots__ = ()


class _NotReadError(Exception):
    """YAML that is nested too deeply."""


def read_yaml(block: str) -> BlockReading:
    """The keys of a YAML mapping."""
    return _ordinary(block) or _read_events(block)


def _ordinary(block: str) -> BlockReading | None:
    """Nothing but single lines whose meaning is plain; what YAML makes of them, in a fraction of the time."""
    keys = Keys()
    for line in block.split("\n"):
        match = _ORDINARY.fullmatch(line)
        if match is None:
            if line.strip(" "):
                return None
            continue
        key, double, single, plain = match.groups()
        value = double if double is not None else single
        if plain is not None:
            value = plain.rstrip(" ")
            if " #" in value:
                keys.note_number_sign(key)
            value = None if value in NULLS else value
        keys.add(key, value)
    return BlockReading(keys.by_small_letters(), tuple(keys.odd)) if keys.values else None


def _read_events(block: str) -> BlockReading:
    try:
        root = _composed(block)
    except (yaml.YAMLError, ValueError, _NotReadError) as error:
        return BlockReading(None, problem=_problem(error))
    if not isinstance(root, Pairs):
        return BlockReading(None, problem="it holds no keys")
    keys = Keys()
    for key, node in root.items:
        if key is None or key == MERGE:
            continue
        if isinstance(node, _Written):
            keys.note_number_sign(key)
        keys.add(key, value_of(node))
    for key, node in _merged(root):
        if keys.values.get(key) is None:
            keys.values[key] = value_of(node)
    return BlockReading(keys.by_small_letters(), tuple(keys.odd))


def _problem(error: Exception) -> str:
    if isinstance(error, _NotReadError):
        return str(error)
    if isinstance(error, yaml.reader.ReaderError):
        return "it holds a character that YAML doesn't allow"
    mark = getattr(error, "problem_mark", None)
    what = str(getattr(error, "problem", None) or "it can't be read")
    # the line that people see: the block begins below its fence
    return f"line {mark.line + 2}: {what}" if mark is not None else what


@attrs.define
class _Place:
    """A list or a mapping that is being filled; of a mapping the key that waits for its value."""

    into: list[Node] | Pairs
    key: str | None = None
    is_key_there: bool = False

    @property
    def awaits_value(self) -> bool:
        return self.is_key_there and isinstance(self.into, Pairs)

    def add(self, node: Node) -> None:
        if isinstance(self.into, list):
            self.into.append(node)
        elif self.is_key_there:
            self.into.items.append((self.key, node))
            self.is_key_there = False
        else:
            self.key = str(node) if isinstance(node, str) else "" if node is None else None
            self.is_key_there = True


@attrs.define
class _Composer:
    """Makes the block's values from its events; a reference is the thing itself, so that nothing grows."""

    block: str
    root: Node = None
    anchors: dict[str, Node] = attrs.field(factory=dict)
    places: list[_Place] = attrs.field(factory=list)

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.MappingStartEvent():
                self._begin(event.anchor, Pairs())
            case yaml.SequenceStartEvent():
                self._begin(event.anchor, [])
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self.places.pop()
            case yaml.ScalarEvent():
                self._add(event.anchor, self._scalar(event))
            case yaml.AliasEvent():
                self._add(None, self.anchors.get(str(event.anchor), f"*{event.anchor}"))

    def _begin(self, anchor: str | None, node: list[Node] | Pairs) -> None:
        if len(self.places) >= DEEPEST:
            raise _NotReadError("it is nested too deeply")
        self._add(anchor, node)
        self.places.append(_Place(node))

    def _add(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self.anchors[anchor] = node
        if self.places:
            self.places[-1].add(node)
        else:
            self.root = node

    def _scalar(self, event: yaml.ScalarEvent) -> str | None:
        text = str(event.value)
        if event.tag is not None and event.tag.startswith("!") and event.tag != "!":
            return f"{event.tag} {text}".strip()  # somebody shouts, and means no type of ours
        if event.implicit[0] and text in NULLS:  # plain, with no tag of its own
            return None
        mark = event.end_mark
        if mark is not None and not event.style and len(self.places) == 1 and self.places[0].awaits_value:
            rest = _NUMBER_SIGN.match(self.block, mark.index)
            return _Written(text + rest[0].rstrip()) if rest else text
        return text


def _composed(block: str) -> Node:
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    composer = _Composer(block)
    for event in yaml.parse(block, Loader=loader):
        composer.take(event)
    return composer.root


def _merged(root: Pairs) -> Iterator[tuple[str, Node]]:
    """What the mapping takes from others by `<<`, nearest first."""
    todo: list[Pairs] = [root]
    seen = {id(root)}
    while todo:
        here = todo.pop(0)
        if here is not root:
            yield from ((key, node) for key, node in here.items if key is not None and key != MERGE)
        for key, node in here.items:
            others = node if isinstance(node, list) else [node]
            for other in others if key == MERGE else ():
                if isinstance(other, Pairs) and id(other) not in seen:
                    seen.add(id(other))
                    todo.append(other)


def read_toml(block: str) -> BlockReading:
    """The keys of a TOML table."""
    if len(block) > LONGEST_TOML:
        return BlockReading(None, problem="it is too long to be read otherwise")
    try:
        table = tomllib.loads(block, parse_float=str)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        return BlockReading(
            None, problem=str(error) if isinstance(error, tomllib.TOMLDecodeError) else "it can't be read"
        )
    return BlockReading(Keys({key: value_of(_node(value)) for key, value in table.items()}).by_small_letters())


def _node(value: Any) -> Node:  # recursion: the reader above has its own bound, which is lower than ours
    if isinstance(value, dict):
        return Pairs([(key, _node(child)) for key, child in value.items()])
    if isinstance(value, list):
        return [_node(child) for child in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
