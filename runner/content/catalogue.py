"""Every content file, parsed, with its answers ready: an immutable snapshot that readers hold and never wait for.

`scan` and `update` make the next snapshot from the last one. They block (disk, parsing), so the indexer runs them in
a thread; it is the only one who puts a new snapshot in force.
"""

import os
import stat
from bisect import insort
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, tzinfo
from pathlib import Path
from types import MappingProxyType

import attrs

from runner.content.entry import Entry, NotAnEntryError, NotMeantError, Stamp, read_entry, strong_etag
from runner.content.kinds import ContentKind, Kinds
from runner.content.paths import is_entry_name, is_misnamed, slug_of

SORTED_FROM = 16
"""One entry in so many that is new makes sorting cheaper than putting each into its place."""


@attrs.frozen
class Change:
    """What a new snapshot tells anew of one entry."""

    kind: str
    slug: str
    action: str
    """created, modified or deleted"""


@attrs.frozen(eq=False)
class Shelf:
    """All entries of one kind, newest first, and their list as it is answered."""

    kind: ContentKind
    entries: MappingProxyType[str, Entry]
    order: tuple[Entry, ...]
    list_json: bytes = attrs.field(repr=False)
    etag: str
    problems: MappingProxyType[str, tuple[Stamp, str]]
    """Files that look like entries and are left out, and why."""
    odd: MappingProxyType[str, Entry]
    """The entries of which something was guessed, and those that are links."""

    @classmethod
    def make(cls, kind: ContentKind, entries: dict[str, Entry], problems: dict[str, tuple[Stamp, str]]) -> "Shelf":
        order = tuple(sorted(entries.values(), key=_place, reverse=True))
        odd = {entry.slug: entry for entry in order if entry.guessed or entry.is_link}
        return cls._of(kind, entries, problems, order, odd)

    def with_others(
        self, entries: dict[str, Entry], problems: dict[str, tuple[Stamp, str]], touched: AbstractSet[str]
    ) -> "Shelf":
        """The next shelf, where only the `touched` slugs differ: they are put into their places, the rest stays."""
        if len(touched) > len(entries) // SORTED_FROM:
            return Shelf.make(self.kind, entries, problems)
        order = [entry for entry in self.order if entry.slug not in touched]
        odd = {slug: entry for slug, entry in self.odd.items() if slug not in touched}
        order.reverse()
        for slug in touched:
            if slug in entries:
                entry = entries[slug]
                insort(order, entry, key=_place)
                if entry.guessed or entry.is_link:
                    odd[slug] = entry
        return self._of(self.kind, entries, problems, tuple(reversed(order)), odd)

    @classmethod
    def _of(
        cls,
        kind: ContentKind,
        entries: dict[str, Entry],
        problems: dict[str, tuple[Stamp, str]],
        order: tuple[Entry, ...],
        odd: dict[str, Entry],
    ) -> "Shelf":
        data = b"[" + b",".join([entry.item for entry in order]) + b"]"
        held = MappingProxyType(entries), order, data, strong_etag(data)
        return cls(kind, *held, MappingProxyType(problems), MappingProxyType(odd))


def _place(entry: Entry) -> tuple[str, int, str]:
    return entry.order


@attrs.frozen(eq=False)
class Catalogue:
    """One snapshot of all shelves."""

    home: Path
    kinds: Kinds
    shelves: Mapping[str, Shelf]
    generation: int = 0
    zone: tzinfo = UTC
    """The home's: an entry that says no day is of the one on which its file was written."""

    @classmethod
    def empty(cls, kinds: Kinds, home: Path, zone: tzinfo = UTC) -> "Catalogue":
        return cls(home, kinds, MappingProxyType({kind.name: Shelf.make(kind, {}, {}) for kind in kinds}), zone=zone)

    def with_shelves(self, shelves: Mapping[str, Shelf]) -> "Catalogue":
        """The next snapshot."""
        return attrs.evolve(self, shelves=MappingProxyType(dict(shelves)), generation=self.generation + 1)

    def shelf(self, kind: str) -> Shelf | None:
        return self.shelves.get(kind)

    def folder(self, kind: ContentKind) -> Path:
        return self.home / kind.folder

    def path(self, entry: Entry) -> Path:
        return self.folder(self.shelves[entry.kind].kind) / f"{entry.slug}.md"


def scan(last: Catalogue) -> tuple[Catalogue, tuple[Change, ...]]:
    """Look at every file; what has the same time, size and inode is not read again."""
    shelves: dict[str, Shelf] = {}
    changes: list[Change] = []
    for kind in last.kinds:
        shelf, found = _rescanned(last.shelves[kind.name], last.folder(kind), last.zone)
        shelves[kind.name] = shelf
        changes += found
    return _next(last, shelves, changes)


def update(last: Catalogue, paths: Iterable[Path]) -> tuple[Catalogue, tuple[Change, ...]]:
    """Look at these files, whatever their stamps say; paths that can't be entries are passed over."""
    wanted: dict[str, set[str]] = {}
    for path in paths:
        kind = last.kinds.of_folder(path.parent.name) if path.parent.parent == last.home else None
        if kind is not None and is_entry_name(path.name):
            wanted.setdefault(kind.name, set()).add(path.name)
    shelves = dict(last.shelves)
    changes: list[Change] = []
    for name, names in wanted.items():
        names.update(f"{slug}.md" for slug, entry in last.shelves[name].odd.items() if entry.is_link)
        folder = last.folder(last.shelves[name].kind)
        shelf, found = _updated(last.shelves[name], folder, sorted(names), last.zone)
        shelves[name] = shelf
        changes += found
    return _next(last, shelves, changes)


def _next(last: Catalogue, shelves: dict[str, Shelf], changes: list[Change]) -> tuple[Catalogue, tuple[Change, ...]]:
    if all(shelves[name] is shelf for name, shelf in last.shelves.items()):
        return last, ()
    return last.with_shelves(shelves), tuple(changes)


def _rescanned(shelf: Shelf, folder: Path, zone: tzinfo) -> tuple[Shelf, list[Change]]:
    seen: set[str] = set()
    to_read: list[str] = []
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                if not is_entry_name(item.name) and not is_misnamed(item.name):
                    continue
                seen.add(slug_of(item.name))
                if not _is_known(shelf, item):
                    to_read.append(item.name)
    except (FileNotFoundError, NotADirectoryError):
        pass  # an absent folder holds nothing
    gone = [f"{slug}.md" for slug in (*shelf.entries, *shelf.problems) if slug not in seen]
    return _updated(shelf, folder, to_read + gone, zone)


def _is_known(shelf: Shelf, item: "os.DirEntry[str]") -> bool:
    """Whether nothing has happened to it. Of a link nobody knows: what it leads to is looked at each time."""
    slug = slug_of(item.name)
    entry = shelf.entries.get(slug)
    known = entry.stamp if entry is not None else shelf.problems.get(slug, (None, ""))[0]
    try:
        return known is not None and known == Stamp.of(item.stat(follow_symlinks=False)) and not item.is_symlink()
    except OSError:
        return False


def _updated(shelf: Shelf, folder: Path, names: Iterable[str], zone: tzinfo) -> tuple[Shelf, list[Change]]:
    """The catalogue decides what happened: what it did not know is created, what is gone is deleted."""
    entries = shelf.entries | {}
    problems = shelf.problems | {}
    changes: list[Change] = []
    touched: set[str] = set()
    for name in names:
        slug = slug_of(name)
        known = entries.get(slug)
        found, problem = look(shelf.kind, folder / name, zone)
        if problems.pop(slug, None) != problem:
            touched.add(slug)
        if problem is not None:
            problems[slug] = problem
        if found is None:
            if entries.pop(slug, None) is not None:
                touched.add(slug)
                changes.append(Change(shelf.kind.name, slug, "deleted"))
            continue
        if known is None:
            changes.append(Change(shelf.kind.name, slug, "created"))
        elif known.etag != found.etag:
            changes.append(Change(shelf.kind.name, slug, "modified"))
        elif known == found:
            continue
        entries[slug] = found
        touched.add(slug)
    return (shelf.with_others(entries, problems, touched) if touched else shelf), changes


def look(kind: ContentKind, path: Path, zone: tzinfo) -> tuple[Entry | None, tuple[Stamp, str] | None]:
    """The entry that is there now, or the reason why a file that is there is none."""
    try:
        entry = None if is_misnamed(path.name) else read_entry(kind, path, zone)
    except (FileNotFoundError, NotMeantError):
        return None, None
    except (OSError, NotAnEntryError) as error:
        reason = str(error) if isinstance(error, NotAnEntryError) else (error.strerror or "can't be read")
    else:
        if entry is not None:
            return entry, None
        reason = "its name is not UTF-8; rename it"
    try:
        info = path.stat(follow_symlinks=False)
    except OSError:
        return None, None
    if stat.S_ISDIR(info.st_mode):
        return None, None
    return None, (Stamp.of(info), reason)
