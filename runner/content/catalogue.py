"""Every content file, parsed, with its answers ready: an immutable snapshot that readers hold and never wait for.

`scan` and `update` make the next snapshot from the last one. They block (disk, parsing), so the indexer runs them in
a thread; it is the only one who puts a new snapshot in force.
"""

import os
import stat
from bisect import insort
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import MappingProxyType

import attrs

from runner.content.entry import Entry, NotAnEntryError, Stamp, read_entry, strong_etag
from runner.content.kinds import Kind, Kinds
from runner.content.paths import is_entry_name, slug_of

KEPT_PROBLEMS = 100

SORTED_FROM = 16
"""One entry in so many that is new makes sorting cheaper than putting each into its place."""


@attrs.frozen
class Change:
    """What a new snapshot tells anew of one entry."""

    kind: str
    slug: str
    action: str
    """created, modified or deleted"""


@attrs.frozen
class Problem:
    """A file that looks like an entry and is none, and why."""

    kind: str
    name: str
    reason: str


@attrs.frozen(eq=False)
class Shelf:
    """All entries of one kind, newest first, and their list as it is answered."""

    kind: Kind
    entries: MappingProxyType[str, Entry]
    order: tuple[Entry, ...]
    list_json: bytes = attrs.field(repr=False)
    etag: str
    problems: MappingProxyType[str, tuple[Stamp, str]]

    @classmethod
    def make(cls, kind: Kind, entries: dict[str, Entry], problems: dict[str, tuple[Stamp, str]]) -> "Shelf":
        return cls._of(kind, entries, problems, tuple(sorted(entries.values(), key=_place, reverse=True)))

    def with_others(
        self, entries: dict[str, Entry], problems: dict[str, tuple[Stamp, str]], touched: AbstractSet[str]
    ) -> "Shelf":
        """The next shelf, where only the `touched` slugs differ: they are put into their places, the rest stays."""
        if len(touched) > len(entries) // SORTED_FROM:
            return Shelf.make(self.kind, entries, problems)
        order = [entry for entry in self.order if entry.slug not in touched]
        order.reverse()
        for slug in touched:
            if slug in entries:
                insort(order, entries[slug], key=_place)
        return self._of(self.kind, entries, problems, tuple(reversed(order)))

    @classmethod
    def _of(
        cls,
        kind: Kind,
        entries: dict[str, Entry],
        problems: dict[str, tuple[Stamp, str]],
        order: tuple[Entry, ...],
    ) -> "Shelf":
        data = b"[" + b",".join([entry.item for entry in order]) + b"]"
        return cls(kind, MappingProxyType(entries), order, data, strong_etag(data), MappingProxyType(problems))


def _place(entry: Entry) -> tuple[str, int, str]:
    return entry.order


@attrs.frozen(eq=False)
class Catalogue:
    """One snapshot of all shelves."""

    home: Path
    kinds: Kinds
    shelves: Mapping[str, Shelf]
    generation: int = 0

    @classmethod
    def empty(cls, kinds: Kinds, home: Path) -> "Catalogue":
        return cls(home, kinds, MappingProxyType({kind.name: Shelf.make(kind, {}, {}) for kind in kinds}))

    def with_shelves(self, shelves: Mapping[str, Shelf]) -> "Catalogue":
        """The next snapshot."""
        return attrs.evolve(self, shelves=MappingProxyType(dict(shelves)), generation=self.generation + 1)

    def shelf(self, kind: str) -> Shelf | None:
        return self.shelves.get(kind)

    def folder(self, kind: Kind) -> Path:
        return self.home / kind.folder

    def path(self, entry: Entry) -> Path:
        return self.folder(self.shelves[entry.kind].kind) / f"{entry.slug}.md"

    def problems(self) -> tuple[Problem, ...]:
        """Files that are left out, for `doctor` and the log."""
        found = [
            Problem(shelf.kind.name, f"{slug}.md", reason)
            for shelf in self.shelves.values()
            for slug, (_, reason) in shelf.problems.items()
        ]
        return tuple(found[:KEPT_PROBLEMS])


def scan(last: Catalogue) -> tuple[Catalogue, tuple[Change, ...]]:
    """Look at every file; what has the same time, size and inode is not read again."""
    shelves: dict[str, Shelf] = {}
    changes: list[Change] = []
    for kind in last.kinds:
        shelf, found = _rescanned(last.shelves[kind.name], last.folder(kind))
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
        shelf, found = _updated(last.shelves[name], last.folder(last.shelves[name].kind), sorted(names))
        shelves[name] = shelf
        changes += found
    return _next(last, shelves, changes)


def _next(last: Catalogue, shelves: dict[str, Shelf], changes: list[Change]) -> tuple[Catalogue, tuple[Change, ...]]:
    if all(shelves[name] is shelf for name, shelf in last.shelves.items()):
        return last, ()
    return last.with_shelves(shelves), tuple(changes)


def _rescanned(shelf: Shelf, folder: Path) -> tuple[Shelf, list[Change]]:
    seen: set[str] = set()
    to_read: list[str] = []
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                if not is_entry_name(item.name):
                    continue
                seen.add(slug_of(item.name))
                if not _is_known(shelf, item):
                    to_read.append(item.name)
    except (FileNotFoundError, NotADirectoryError):
        pass  # an absent folder holds nothing
    gone = [f"{slug}.md" for slug in (*shelf.entries, *shelf.problems) if slug not in seen]
    return _updated(shelf, folder, to_read + gone)


def _is_known(shelf: Shelf, item: "os.DirEntry[str]") -> bool:
    slug = slug_of(item.name)
    entry = shelf.entries.get(slug)
    known = entry.stamp if entry is not None else shelf.problems.get(slug, (None, ""))[0]
    try:
        return known is not None and known == Stamp.of(item.stat(follow_symlinks=False))
    except OSError:
        return False


def _updated(shelf: Shelf, folder: Path, names: Iterable[str]) -> tuple[Shelf, list[Change]]:
    """The catalogue decides what happened: what it did not know is created, what is gone is deleted."""
    entries = shelf.entries | {}
    problems = shelf.problems | {}
    changes: list[Change] = []
    touched: set[str] = set()
    for name in names:
        slug = slug_of(name)
        known = entries.get(slug)
        found, problem = _look(shelf.kind, folder / name)
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
        elif known.stamp == found.stamp:
            continue
        entries[slug] = found
        touched.add(slug)
    return (shelf.with_others(entries, problems, touched) if touched else shelf), changes


def _look(kind: Kind, path: Path) -> tuple[Entry | None, tuple[Stamp, str] | None]:
    """The entry that is there now, or the reason why a file that is there is none."""
    try:
        return read_entry(kind, path), None
    except FileNotFoundError:
        return None, None
    except (OSError, NotAnEntryError) as error:
        reason = str(error) if isinstance(error, NotAnEntryError) else (error.strerror or "can't be read")
    try:
        info = path.stat(follow_symlinks=False)
    except OSError:
        return None, None
    if stat.S_ISDIR(info.st_mode):
        return None, None
    return None, (Stamp.of(info), reason)
