"""What the resident has written for everybody: the dated entries that drift and mirror read. All of it blocks."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import attrs

from runner.content import frontmatter
from runner.storage import files

KINDS = ("thoughts", "dreams", "essays", "letters", "scores")
LIMIT = 1024 * 1024
_HEAD = re.compile(r"\A(?:\ufeff)?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_PLAIN = re.compile(r"""^date:[ \t]*(["']?)(\d{4}-\d{2}-\d{2})(?:[T ][^"'\n]*)?\1[ \t]*\r?$""", re.MULTILINE)
_NAMED = re.compile(r"\A(\d{4}-\d{2}-\d{2})(?!\d)")


@attrs.frozen
class Entry:
    """One entry: when, where, and its text without the frontmatter."""

    day: date
    kind: str
    name: str
    """`thoughts/2026-02-03-noon.md`"""
    text: str = attrs.field(repr=False)


def read(home: Path, *, wanted: Callable[[date], bool] = lambda _day: True) -> list[Entry]:
    """The entries of the wanted days, in order of day and name. What can't be read or has no date is none."""
    found = [entry for kind in KINDS for path in _pages(home / kind) if (entry := _entry(kind, path, wanted))]
    return sorted(found, key=lambda entry: (entry.day, entry.name))


def _pages(folder: Path) -> Iterable[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".md" and path.name != "README.md")
    except (FileNotFoundError, NotADirectoryError):
        return ()


def _entry(kind: str, path: Path, wanted: Callable[[date], bool]) -> Entry | None:
    try:
        content = files.read_bytes(path, limit=LIMIT)  # refuses links
    except (OSError, files.FileTooLarge):
        return None
    text = content.decode("utf-8", "replace")
    head = _HEAD.match(text)
    day = _day(head[1] if head else "", content, path.stem)
    if day is None or not wanted(day):
        return None
    return Entry(day, kind, f"{kind}/{path.name}", text[head.end() :] if head else text)


def _day(head: str, content: bytes, stem: str) -> date | None:
    """By the frontmatter; a file whose frontmatter says nothing by its name. Most dates are found without YAML."""
    plain = _PLAIN.search(head)
    stated = plain[2] if plain else str(frontmatter.parse(content).keys.get("date") or "") if head else ""
    named = _NAMED.match(stated) or _NAMED.match(stem)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None
