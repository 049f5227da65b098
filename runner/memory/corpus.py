"""What the resident has written for everybody: the dated entries that drift and mirror read. All of it blocks."""

import os
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path

import attrs

from runner.content import days, decoding, frontmatter, opening
from runner.content.paths import is_entry_name
from runner.home.tree import TOP

KINDS = tuple(folder.name for folder in TOP if folder.corpus)
MARGIN = timedelta(days=2)
"""Longer than any two zones are apart."""
_NAMED = re.compile(r"\A(\d{4}-\d{2}-\d{2})(?!\d)")


@attrs.frozen
class CorpusEntry:
    """One entry: when, where, and its text without the frontmatter."""

    day: date
    kind: str
    name: str
    """`thoughts/2026-02-03-noon.md`"""
    text: str = attrs.field(repr=False)


def read(home: Path, *, zone: tzinfo, since: date | None = None, until: date | None = None) -> list[CorpusEntry]:
    """The entries from one day to another, in order of day and name; each is of the day that its readers see.

    `zone` is the home's.
    """
    found = [
        entry
        for kind in KINDS
        for name in _pages(home / kind, since)
        if (entry := _entry(home, kind, name, zone)) is not None
        and (since is None or entry.day >= since)
        and (until is None or entry.day <= until)
    ]
    return sorted(found, key=lambda entry: (entry.day, entry.name))


def _pages(folder: Path, since: date | None) -> list[str]:
    """The names of the folder's pages, without those that were last written before that day and are named so too."""
    try:
        with os.scandir(folder) as listing:
            pages = [entry for entry in listing if is_entry_name(entry.name) and entry.name != "README.md"]
            return [entry.name for entry in pages if since is None or not _is_older(entry, since)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_older(entry: os.DirEntry[str], since: date) -> bool:
    if entry.name[:10] >= since.isoformat() or _NAMED.match(entry.name) is None:
        return False
    with suppress(FileNotFoundError):
        return datetime.fromtimestamp(entry.stat().st_mtime, UTC).date() < since - MARGIN
    return True


def _entry(home: Path, kind: str, name: str, zone: tzinfo) -> CorpusEntry | None:
    try:
        content = opening.read(f"{home}/{kind}/{name}")
        text = decoding.decoded(content.data).text
    except (OSError, opening.NotAnEntryError, decoding.NoTextError):
        return None
    page = frontmatter.parse_text(text)
    day = days.day_of(page.text("date"), name.removesuffix(".md"), content.stamp.mtime_ns, zone)
    return CorpusEntry(date.fromisoformat(day.text), kind, f"{kind}/{name}", page.body)
