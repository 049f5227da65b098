"""The table of content kinds, read from config/content.toml: what differs between kinds is data, not code."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from runner.content.frontmatter import USUAL
from runner.errors import SettingsError


@attrs.frozen(kw_only=True)
class Field:
    """One value of the frontmatter beside date and title."""

    name: str
    type: str = attrs.field(validator=attrs.validators.in_(("string", "boolean")))
    choices: tuple[str, ...] = attrs.field(default=(), converter=tuple)
    default: str | bool | None = None
    sparse: bool = False

    def __attrs_post_init__(self) -> None:
        if self.choices and self.default not in self.choices:
            raise ValueError(f"the field {self.name} has choices, so its default has to be one of them")


@attrs.frozen(kw_only=True)
class ContentKind:
    """One folder of markdown files that share their fields."""

    name: str
    folder: str
    singular: str
    title: str
    empty: str
    topic: str
    described: bool = False
    echoed: bool = False
    fields: tuple[Field, ...] = ()
    in_all: bool = False
    """Whether a search for `all` means it too."""
    names: frozenset[str] = attrs.field(init=False, repr=False, eq=False)
    """Every key that its files may say."""

    @names.default
    def _all_names(self) -> frozenset[str]:
        return USUAL | {field.name for field in self.fields}


@attrs.frozen
class Kinds:
    """All kinds, in the order of the table."""

    by_name: Mapping[str, ContentKind]

    def __iter__(self) -> Iterator[ContentKind]:
        return iter(self.by_name.values())

    def get(self, name: str) -> ContentKind | None:
        return self.by_name.get(name)

    def of_folder(self, folder: str) -> ContentKind | None:
        return next((kind for kind in self if kind.folder == folder), None)


def read_kinds(path: Path) -> Kinds:
    """The table in `path`; a wrong one is told by its name and place."""
    try:
        return parse_kinds(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"the table of content kinds in {path} can't be used: {error}") from error


def parse_kinds(text: str) -> Kinds:
    return Kinds(MappingProxyType({name: _kind(name, row) for name, row in tomllib.loads(text).items()}))


def _kind(name: str, row: dict[str, Any]) -> ContentKind:
    fields = tuple(Field(name=key, **value) for key, value in row.pop("fields", {}).items())
    return ContentKind(name=name, fields=fields, **row)
