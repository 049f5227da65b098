"""One content file as it is served: parsed once, its answers ready."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import attrs

from runner.content import frontmatter
from runner.content.frontmatter import Scalar
from runner.content.kinds import Field, Kind
from runner.content.paths import slug_of

LARGEST = 8 * 1024 * 1024
"""Bytes of a file that can be an entry."""


class NotAnEntryError(Exception):
    """The file is there but is no entry of its kind; its text says why, for the log."""


@attrs.frozen
class Stamp:
    """Tells one state of a file from another.

    The inode is in it because an atomic replace can keep time and size, the time of the inode's change because whoever
    writes may set the file's time back.
    """

    mtime_ns: int
    size: int
    inode: int
    ctime_ns: int

    @classmethod
    def of(cls, info: os.stat_result) -> "Stamp":
        return cls(info.st_mtime_ns, info.st_size, info.st_ino, info.st_ctime_ns)


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

    @property
    def meta(self) -> Mapping[str, Scalar]:
        """The values of its frontmatter, as they are served."""
        values: dict[str, Scalar] = json.loads(self.item)
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


def read_entry(kind: Kind, path: Path) -> Entry:
    """Read a file without following a link; blocking. OSError when it can't be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise NotAnEntryError("not a regular file")
        if info.st_size > LARGEST:
            raise NotAnEntryError(f"{info.st_size} bytes long; at most {LARGEST} are read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(
                info.st_size + 1
            )  # a buffer of the largest size for each file would cost more than reading
            if len(data) > info.st_size:
                data += file.read(LARGEST)  # it has grown since it was looked at
    finally:
        os.close(descriptor)
    return make_entry(kind, slug_of(path.name), Stamp.of(info), data)


def make_entry(kind: Kind, slug: str, stamp: Stamp, data: bytes) -> Entry:
    """Parse and serialise; raises `NotAnEntryError` where a required key is missing or wrong."""
    page = frontmatter.parse(data)
    meta: dict[str, Scalar] = {"date": _date(page.keys), "title": _title(page.keys)}
    for field in kind.fields:
        value = _field(field, page.keys)
        if value is not None or not field.sparse:
            meta[field.name] = value
    detail = dump({"slug": slug, "meta": meta, "content": page.body})
    return Entry(
        kind=kind.name,
        slug=slug,
        stamp=stamp,
        date=str(meta["date"]),
        title=str(meta["title"]),
        item=dump({"slug": slug, **meta}),
        detail=detail,
        etag=strong_etag(detail),
    )


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def strong_etag(*parts: bytes) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for part in parts:
        digest.update(part)
    return f'"{digest.hexdigest()}"'


def _date(keys: Mapping[str, Scalar]) -> str:
    written = keys.get("date")
    if not isinstance(written, str):
        raise NotAnEntryError("date is missing")
    text = written.strip()[:10]
    try:
        real = date.fromisoformat(text)
    except ValueError:
        real = None
    if real is None or real.isoformat() != text:
        raise NotAnEntryError(f"date is {written[:40]!r}; it has to be a real day as YYYY-MM-DD")
    return text


def _title(keys: Mapping[str, Scalar]) -> str:
    title = _text(keys.get("title"))
    if not title:
        raise NotAnEntryError("title is missing")
    return title


def _text(value: Scalar) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _field(field: Field, keys: Mapping[str, Scalar]) -> Scalar:
    value = keys.get(field.name)
    if value is None:
        if field.required:
            raise NotAnEntryError(f"{field.name} is missing")
        return field.default
    if field.type == "boolean":
        if isinstance(value, bool):
            return value
        raise NotAnEntryError(f"{field.name} is {value[:40]!r}; it has to be true or false")
    text = _text(value)
    if field.choices and text not in field.choices:
        raise NotAnEntryError(f"{field.name} is {str(text)[:40]!r}; allowed are {', '.join(field.choices)}")
    return text
