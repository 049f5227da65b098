"""What the house has to say of the resident's files: what had to be guessed, and what is left out.

The same is told to the log when a file comes, to the operator by `doctor`, and to the resident in its next prompt.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import tzinfo
from pathlib import Path

import attrs

from runner.content import catalogue_cache as kept
from runner.content.catalogue import Catalogue, Shelf, look
from runner.content.entry import Entry, Stamp
from runner.content.kinds import ContentKind, Kinds
from runner.content.paths import is_entry_name, is_misnamed, slug_of
from runner.storage import sqlite


@attrs.frozen
class Remark:
    """One file of which there is something to say."""

    name: str
    """`thoughts/noon.md`"""
    sentences: tuple[str, ...]
    is_left_out: bool = False
    """Whether it is no entry at all."""
    mtime_ns: int = attrs.field(default=0, eq=False)

    @property
    def text(self) -> str:
        """What is to be mended, on one line."""
        return f"{self.name}{' is left out' if self.is_left_out else ''}: {'; '.join(self.sentences)}"


def of_entry(kind: ContentKind, entry: Entry) -> Remark:
    return Remark(f"{kind.folder}/{entry.slug}.md", entry.guessed, mtime_ns=entry.stamp.mtime_ns)


def of_problem(kind: ContentKind, slug: str, problem: tuple[Stamp, str]) -> Remark:
    stamp, reason = problem
    return Remark(f"{kind.folder}/{slug}.md", (reason,), is_left_out=True, mtime_ns=stamp.mtime_ns)


def told_anew(last: Catalogue, new: Catalogue) -> tuple[Remark, ...]:
    """What there is to say of files that came or changed between two snapshots, newest first."""
    found: list[Remark] = []
    for name, shelf in new.shelves.items():
        if shelf is not last.shelves[name]:
            found += _fresh(last.shelves[name], shelf)
    return newest_first(found)


def _fresh(last: Shelf, shelf: Shelf) -> Iterator[Remark]:
    for slug, entry in shelf.odd.items():
        before = last.odd.get(slug)
        if entry.guessed and (before is None or (before.guessed, before.stamp) != (entry.guessed, entry.stamp)):
            yield of_entry(shelf.kind, entry)
    for slug, problem in shelf.problems.items():
        if last.problems.get(slug) != problem:
            yield of_problem(shelf.kind, slug, problem)


def newest_first(found: list[Remark]) -> tuple[Remark, ...]:
    return tuple(sorted(found, key=lambda remark: (-remark.mtime_ns, remark.name)))


def look_over(home: Path, kinds: Kinds, zone: tzinfo, database: Path) -> tuple[Remark, ...]:
    """What there is to say of all files as they are now, newest first, whether or not a process runs. Blocking.

    What is kept is believed of a file that has not changed since; only others are read.
    """
    known = _known(database, kinds, zone)
    found: list[Remark] = []
    for kind in kinds:
        found += _folder(kind, home / kind.folder, zone, known)
    return newest_first(found)


_Known = dict[tuple[str, str], tuple[Stamp, tuple[str, ...], bool]]


def _known(database: Path, kinds: Kinds, zone: tzinfo) -> _Known:
    """Stamp, sentences, and whether it is left out, of every file in the cache; none of them where it can't be read."""
    if not database.is_file():
        return {}
    found: _Known = {}
    try:
        with closing(sqlite.open_reader(database)) as connection:
            if not kept.was_made_with(connection, kinds, zone):
                return {}
            connection.row_factory = None
            columns = "kind, slug, mtime_ns, size, inode, ctime_ns"
            said = {
                (kind, slug): tuple(json.loads(guessed))
                for kind, slug, guessed in connection.execute("SELECT kind, slug, guessed FROM odd")
            }
            for kind, slug, *stamp in connection.execute(f"SELECT {columns} FROM entries"):  # noqa: S608
                found[kind, slug] = (Stamp(*stamp), said.get((kind, slug), ()), False)
            for kind, slug, *stamp, reason in connection.execute(f"SELECT {columns}, reason FROM problems"):  # noqa: S608
                found[kind, slug] = (Stamp(*stamp), (reason,), True)
    except (sqlite3.Error, ValueError, TypeError):
        return {}
    return found


def _folder(kind: ContentKind, folder: Path, zone: tzinfo, known: _Known) -> Iterator[Remark]:
    try:
        with os.scandir(folder) as listing:
            items = [item for item in listing if is_entry_name(item.name) or is_misnamed(item.name)]
    except OSError:
        return  # an absent folder holds nothing, and of one that can't be read others speak
    for item in items:
        slug = slug_of(item.name)
        stamp, sentences, is_left_out = known.get((kind.name, slug), (None, (), False))
        try:
            is_same = stamp == Stamp.of(item.stat(follow_symlinks=False)) and not item.is_symlink()
        except OSError:
            continue
        if is_same and stamp is not None:
            if sentences:
                yield Remark(f"{kind.folder}/{slug}.md", sentences, is_left_out, stamp.mtime_ns)
            continue
        entry, problem = look(kind, folder / item.name, zone)
        if entry is not None and entry.guessed:
            yield of_entry(kind, entry)
        elif problem is not None:
            yield of_problem(kind, slug, problem)
