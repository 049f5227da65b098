"""One content file as it is served: parsed once, its answers ready.

An entry never vanishes for a flaw in its frontmatter. What can't be taken as it is written is guessed as a person
would, and `guessed` says so, for the operator and the resident; it is never on the wire.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TypeAlias

import attrs

from runner.content import days, decoding, frontmatter, opening, titles
from runner.content.frontmatter import ParsedPage
from runner.content.kinds import ContentKind, Field
from runner.content.opening import LARGEST, NotAnEntryError, Stamp
from runner.content.paths import slug_of

__all__ = [
    "LARGEST",
    "Entry",
    "NotAnEntryError",
    "NotMeantError",
    "Served",
    "Stamp",
    "dump",
    "make_entry",
    "read_entry",
    "strong_etag",
]

Served: TypeAlias = str | bool | None
"""A value of the frontmatter as the wire has it."""

TRUE = frozenset({"true", "yes", "on"})
FALSE = frozenset({"false", "no", "off"})
NEARLY_TRUE = frozenset({"1", "1.0", "y", "t"})
NEARLY_FALSE = frozenset({"0", "0.0", "n", "f"})
README = "README"


class NotMeantError(NotAnEntryError):
    """A file about the folder, not of it: nobody misses it."""


@attrs.frozen(kw_only=True)
class Entry:
    """An entry and its answers as bytes, with a strong ETag. What is seldom asked for is read out of the answers."""

    kind: str
    slug: str
    stamp: Stamp
    date: str
    title: str
    item: bytes = attrs.field(eq=False, repr=False)
    """Its object in a list."""
    detail: bytes = attrs.field(eq=False, repr=False)
    etag: str
    guessed: tuple[str, ...] = ()
    """Sentences on what its file doesn't say as it should."""
    is_link: bool = False
    """Whether its file is a link to another one of the folder."""

    @property
    def meta(self) -> Mapping[str, Served]:
        """The values of its frontmatter, as they are served."""
        values: dict[str, Served] = json.loads(self.item)
        del values["slug"]
        return values

    @property
    def body(self) -> str:
        """Its text, as it is served."""
        return str(json.loads(self.detail)["content"])

    @property
    def order(self) -> tuple[str, int, str]:
        """Newest first when sorted in reverse: by date, then by the file's time."""
        return (self.date, self.stamp.mtime_ns, self.slug)


def read_entry(kind: ContentKind, path: Path, zone: tzinfo = UTC) -> Entry:
    """Read a file, or one of the same folder that it is a link to; blocking. OSError when it can't be read."""
    content = opening.read(path)
    entry = make_entry(kind, slug_of(path.name), content.stamp, content.data, zone)
    return attrs.evolve(entry, is_link=True) if content.is_link else entry


def make_entry(kind: ContentKind, slug: str, stamp: Stamp, data: bytes, zone: tzinfo = UTC) -> Entry:
    """Parse and serialise. `zone` says on which day a file was written. `NotAnEntryError` for what is no text."""
    try:
        decoded = decoding.decoded(data)
    except decoding.NoTextError as error:
        raise NotAnEntryError(str(error)) from None
    page = frontmatter.parse_text(decoded.text, kind.names)
    if slug == README and not page.keys:
        raise NotMeantError("a file about its folder")
    guessed = [*filter(None, (decoded.guessed,)), *page.guessed]
    guessed += [sentence for key, sentence in page.odd if key in kind.names]
    day = days.day_of(page.text("date"), slug, stamp.mtime_ns, zone)
    if day.guessed:
        guessed.append(day.guessed)
    title = _title(page, slug, guessed)
    meta: dict[str, Served] = {"date": day.text, "title": title}
    for field in kind.fields:
        value = _field(field, page, guessed)
        if value is not None or not field.sparse:
            meta[field.name] = value
    detail = dump({"slug": slug, "meta": meta, "content": page.body})
    return Entry(
        kind=kind.name,
        slug=slug,
        stamp=stamp,
        date=day.text,
        title=title,
        item=dump({"slug": slug, **meta}),
        detail=detail,
        etag=strong_etag(detail),
        guessed=tuple(guessed),
    )


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def strong_etag(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part)
    return f'"{digest.hexdigest()}"'


def _title(page: ParsedPage, slug: str, guessed: list[str]) -> str:
    written = titles.one_line(page.text("title") or "")
    if written:
        return written
    first = titles.heading(page.body)
    title = first or titles.from_name(slug)
    taken = "the first heading" if first else "the file's name"
    guessed.append(f"title is missing; {_short(title)} was taken from {taken}")
    return title


def _field(field: Field, page: ParsedPage, guessed: list[str]) -> Served:
    value = page.text(field.name)
    text = titles.one_line(value) if value is not None else ""
    if not text:
        if field.choices:
            guessed.append(f"{field.name} is missing; {field.default} stands in for it")
        return field.default if value is None or field.choices or field.type == "boolean" else ""
    if field.choices or field.type == "boolean":
        text = text.partition(" #")[0]
    if field.type == "boolean":
        return _boolean(field, text, guessed)
    if not field.choices or text in field.choices:
        return text
    meant = text.casefold()
    if meant in field.choices:
        return meant
    allowed = ", ".join(field.choices)
    guessed.append(f"{field.name} {_short(text)} is none of {allowed}; {field.default} stands in for it")
    return field.default


def _boolean(field: Field, text: str, guessed: list[str]) -> Served:
    meant = text.casefold()
    if meant in TRUE or meant in FALSE:
        return meant in TRUE
    if meant in NEARLY_TRUE or meant in NEARLY_FALSE:
        value: Served = meant in NEARLY_TRUE
        guessed.append(f"{field.name} {_short(text)} was read as {str(value).lower()}; write true or false")
        return value
    shown = "it is left out" if field.default is None else f"{str(field.default).lower()} stands in for it"
    guessed.append(f"{field.name} {_short(text)} is neither true nor false; {shown}")
    return field.default


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
