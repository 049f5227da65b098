"""Letters that visitors left and nobody has seen yet: every file still lying in visitors/, oldest first."""

import re
from datetime import datetime, tzinfo
from pathlib import Path

from runner.content import frontmatter
from runner.session.sources.base import Ask, FolderEntry, Letter, Letters, Source, entries
from runner.storage import files

MOST = 20
LETTER_LIMIT = 2_000
TOTAL_LIMIT = 12_000
FILE_LIMIT = 256 * 1024
_DATED = re.compile(r"\d{4}-\d{2}-\d{2}(-\d{4,6})?")


def letters(folder: Path, zone: tzinfo) -> Letters:
    """The letters to show. One that no longer fits waits whole for another time. Blocking."""
    waiting = sorted(entries(folder, suffix=".md"), key=lambda entry: _age(entry, zone))
    shown: list[Letter] = []
    total = unreadable = 0
    for entry in waiting:
        if len(shown) == MOST:
            break
        try:
            letter = read_letter(folder / entry.name)
        except (OSError, files.FileTooLarge):
            unreadable += 1
            continue
        if total + len(letter.text) > TOTAL_LIMIT:
            break
        total += len(letter.text)
        shown.append(letter)
    return Letters(tuple(shown), len(waiting) - len(shown) - unreadable)


def read_letter(path: Path) -> Letter:
    """One visitor's file with its sender and date before its text. Blocking."""
    page = frontmatter.parse(files.read_bytes(path, limit=FILE_LIMIT))
    heads = (("from", page.text("from")), ("date", page.text("date")))
    head = [f"{name}: {value[:100]}" for name, value in heads if value]
    body = page.body.strip()
    if len(body) > LETTER_LIMIT:
        body = body[:LETTER_LIMIT] + "\n[... cut here]"
    return Letter(f"visitors/{path.name}", "\n".join([*head, "", body]).strip(), path.name)


def _age(entry: FolderEntry, zone: tzinfo) -> tuple[str, str]:
    """By the date that the house puts into the name; a file without one by when it was written."""
    dated = _DATED.match(entry.name)
    written = datetime.fromtimestamp(entry.mtime_ns / 1e9, zone)
    return (dated[0] if dated else f"{written:%Y-%m-%d-%H%M}", entry.name)


async def gather(ask: Ask) -> Letters:
    if not ask.kind.shows_visitors:
        return Letters()
    return await waiting(ask)


async def waiting(ask: Ask) -> Letters:
    """What `visitors` shows and `visitor_check` counts: the folder is read once."""
    zone = ask.settings.resident.zone
    return await ask.memo.once("visitors", lambda: ask.run_sync(lambda: letters(ask.settings.paths.visitors, zone)))


SOURCE = Source("visitors", gather, fallback=Letters())
