"""The block of keys that opens a content file, read the tolerant way: scalars as they are written, never an error.

Values are taken from YAML's events, not from its objects: an unquoted date stays the text it is, nothing is built
that a file could make huge, and no nesting is deep enough to hurt.
"""

import re
from collections.abc import Mapping
from typing import TypeAlias

import attrs
import yaml

LONGEST = 8 * 1024
"""Characters of a block that are looked at; the YAML reader takes quadratic time over deep nesting."""
FENCE = re.compile(r"\A---[ \t]*\n(.*?)(?:^)---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)

Scalar: TypeAlias = str | bool | None


@attrs.frozen
class Page:
    """A file's keys and its text. No frontmatter, or none that can be read, is no keys and the whole file as text."""

    keys: Mapping[str, Scalar]
    body: str


def parse(data: bytes) -> Page:
    """Read a file's bytes; odd bytes are replaced, a byte order mark is dropped, line ends become LF."""
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    match = FENCE.match(text)
    if match is None or len(match[1]) > LONGEST:
        return Page({}, text)
    keys = _scalars(match[1])
    if keys is None:
        return Page({}, text)
    return Page(keys, _without_blank_lines(text[match.end() :]))


def _without_blank_lines(body: str) -> str:
    """Drop empty lines at the start; the indentation of the first line with text stays."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", body)


def _scalars(block: str) -> dict[str, Scalar] | None:
    """The scalar values at the top of a mapping; None where it is no mapping or no YAML."""
    reader = _Reader()
    loader = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
    try:
        for event in yaml.parse(block, Loader=loader):
            reader.take(event)
    except (yaml.YAMLError, ValueError):
        return None
    return reader.found if reader.is_mapping else None


@attrs.define
class _Reader:
    """Walks over YAML's events; only depth 1 matters."""

    found: dict[str, Scalar] = attrs.field(factory=dict)
    is_mapping: bool = False
    depth: int = 0
    key: str | None = None

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            if self.depth == 0:
                self.is_mapping = isinstance(event, yaml.MappingStartEvent)
            self.depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.depth -= 1
            self.key = None  # the value was a collection: nothing we read
        elif self.depth == 1 and isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent)):
            self._scalar(event)

    def _scalar(self, event: yaml.Event) -> None:
        if self.key is None:
            self.key = event.value if isinstance(event, yaml.ScalarEvent) else ""
            return
        if isinstance(event, yaml.ScalarEvent):
            self.found[self.key] = _value(event)
        self.key = None


def _value(event: yaml.ScalarEvent) -> Scalar:
    text = str(event.value)
    if event.implicit[0]:  # plain, with no tag of its own
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"):
            return True
        if text in ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"):
            return False
    return text
