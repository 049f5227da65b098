"""What the resident has written for everybody: the dated entries that drift and mirror read. All of it blocks."""

import os
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import attrs

from runner.content import frontmatter
from runner.storage import files

KINDS = ("thoughts", "dreams", "essays", "letters", "scores")
LIMIT = 1024 * 1024
MARGIN = timedelta(days=2)
"""Longer than any two zones are apart."""
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


def read(home: Path, *, since: date | None = None, until: date | None = None) -> list[Entry]:
    """The entries from one day to another, in order of day and name. What can't be read or has no date is none."""
    found = [
        entry
        for kind in KINDS
        for name in _pages(home / kind, since)
        if (entry := _entry(home, kind, name)) is not None
        and (since is None or entry.day >= since)
        and (until is None or entry.day <= until)
    ]
    return sorted(found, key=lambda entry: (entry.day, entry.name))


def _pages(folder: Path, since: date | None) -> list[str]:
    """The names of the folder's pages, without those that were last written before that day and are named so too."""
    try:
        with os.scandir(folder) as listing:
            pages = [entry for entry in listing if entry.name.endswith(".md") and entry.name != "README.md"]
            return [entry.name for entry in pages if since is None or not _is_older(entry, since)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_older(entry: os.DirEntry[str], since: date) -> bool:
    if entry.name[:10] >= since.isoformat() or _NAMED.match(entry.name) is None:
        return False
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC).date() < since - MARGIN
    return True


def _entry(home: Path, kind: str, name: str) -> Entry | None:
    try:
        content = files.read_bytes(home / kind / name, limit=LIMIT)  # refuses links
    except (OSError, files.FileTooLarge):
        return None
    text = content.decode("utf-8", "replace")
    head = _HEAD.match(text)
    day = _day(head[1] if head else "", content, name.removesuffix(".md"))
    if day is None:
        return None
    return Entry(day, kind, f"{kind}/{name}", text[head.end() :] if head else text)


def _day(head: str, content: bytes, stem: str) -> date | None:
    """By the frontmatter; a file whose frontmatter says nothing by its name. Most dates are found without YAML."""
    plain = _PLAIN.search(head)
    stated = plain[2] if plain else str(frontmatter.parse(content).keys.get("date") or "") if head else ""
    named = _NAMED.match(stated) or _NAMED.match(stem)
    try:
        return date.fromisoformat(named[1]) if named else None
    except ValueError:
        return None
