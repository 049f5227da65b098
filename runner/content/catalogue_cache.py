"""What was read out of the files, kept on disk: after a restart only those are read that are otherwise now.

A cache that may be thrown away at any time. An entry taken from it is one of a snapshot like any other: the scan that
follows compares its stamp with the file's. Blocking; one thread at a time.
"""

import json
import sqlite3
from contextlib import closing
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path

import attrs

from runner.content.catalogue import Catalogue, Shelf
from runner.content.entry import Entry, Stamp
from runner.content.kinds import Kinds
from runner.storage import sqlite
from runner.storage.cache import Cache

VERSION = 2
"""Goes up whenever the same file makes other answers: what is kept was made by the code of its version."""

TOGETHER = 500
"""Entries of one transaction: a thread's turn stays short."""

CACHE = Cache(
    VERSION,
    (
        # the table of kinds that the entries were made with; another one makes other answers
        "CREATE TABLE maker (mark TEXT NOT NULL)",
        """CREATE TABLE entries (
            kind TEXT NOT NULL, slug TEXT NOT NULL,
            mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, inode INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
            date TEXT NOT NULL, title TEXT NOT NULL,
            item BLOB NOT NULL, detail BLOB NOT NULL, etag TEXT NOT NULL,
            PRIMARY KEY (kind, slug)
        )""",
        # what there is to say of the few that are not as they should be, as a JSON list of sentences
        """CREATE TABLE odd (
            kind TEXT NOT NULL, slug TEXT NOT NULL, guessed TEXT NOT NULL, is_link INTEGER NOT NULL,
            PRIMARY KEY (kind, slug)
        )""",
        # files that are left out, so that they are read and told of once and not at each start
        """CREATE TABLE problems (
            kind TEXT NOT NULL, slug TEXT NOT NULL,
            mtime_ns INTEGER NOT NULL, size INTEGER NOT NULL, inode INTEGER NOT NULL, ctime_ns INTEGER NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (kind, slug)
        )""",
    ),
    lambda connection: [
        connection.execute(f"SELECT * FROM {name} LIMIT 1").fetchone()  # noqa: S608 - our own names
        for name in ("maker", "entries", "odd", "problems")
    ],
)


@attrs.define(eq=False)
class CatalogueCache:
    """The file of them. What it holds is also remembered as a snapshot, so that only what is otherwise is written."""

    path: Path
    _connection: sqlite3.Connection | None = attrs.field(default=None, init=False)
    _held: Catalogue | None = attrs.field(default=None, init=False)

    def load(self, empty: Catalogue) -> Catalogue:
        """What was kept, as a snapshot to compare with the disk: none of it is to be served before that."""
        try:
            shelves = self._read(self._open(empty), empty.kinds)
        except sqlite3.OperationalError:
            raise
        except (sqlite3.DatabaseError, KeyError, ValueError, TypeError):
            self._begin_anew()
            return empty
        self._held = empty.with_shelves(shelves)
        return self._held

    def save(self, catalogue: Catalogue) -> int:
        """Keep this snapshot; how many entries of it had to be written or taken out."""
        try:
            connection = self._open(catalogue)
            held = self._held or Catalogue.empty(catalogue.kinds, catalogue.home, catalogue.zone)
            written = 0
            for name, shelf in catalogue.shelves.items():
                if shelf is not held.shelves[name]:
                    written += _write(connection, held.shelves[name], shelf)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self._begin_anew()
            raise
        self._held = catalogue
        return written

    def close(self) -> None:
        """After the last one is saved."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _begin_anew(self) -> None:
        self.close()
        self._held = None
        CACHE.remove(self.path)

    def _open(self, catalogue: Catalogue) -> sqlite3.Connection:
        if self._connection is None:
            self._held = None
            connection = CACHE.open(self.path)
            try:
                _mark(connection, catalogue.kinds, catalogue.zone)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _read(self, connection: sqlite3.Connection, kinds: Kinds) -> dict[str, Shelf]:
        found: dict[str, dict[str, Entry]] = {kind.name: {} for kind in kinds}
        problems: dict[str, dict[str, tuple[Stamp, str]]] = {kind.name: {} for kind in kinds}
        columns = "kind, slug, mtime_ns, size, inode, ctime_ns, date, title, item, detail, etag"
        with closing(connection.cursor()) as cursor:
            cursor.row_factory = None
            for row in cursor.execute(f"SELECT {columns} FROM entries"):  # noqa: S608 - our own names
                kind, slug, mtime_ns, size, inode, ctime_ns, date, title, item, detail, etag = row
                found[kind][slug] = Entry(
                    kind=kind,
                    slug=slug,
                    stamp=Stamp(mtime_ns, size, inode, ctime_ns),
                    date=date,
                    title=title,
                    item=item,
                    detail=detail,
                    etag=etag,
                )
            for kind, slug, guessed, is_link in cursor.execute("SELECT * FROM odd"):
                entry = found[kind].get(slug)
                if entry is not None:
                    said = tuple(json.loads(guessed))
                    found[kind][slug] = attrs.evolve(entry, guessed=said, is_link=bool(is_link))
            for kind, slug, *stamp, reason in cursor.execute("SELECT * FROM problems"):
                problems[kind][slug] = (Stamp(*stamp), reason)
        return {kind.name: Shelf.make(kind, found[kind.name], problems[kind.name]) for kind in kinds}


def _mark(connection: sqlite3.Connection, kinds: Kinds, zone: tzinfo) -> None:
    """Keep nothing that was made with another table of kinds, or in another zone."""
    if was_made_with(connection, kinds, zone):
        return
    with sqlite.transaction(connection):
        connection.execute("DELETE FROM entries")
        connection.execute("DELETE FROM odd")
        connection.execute("DELETE FROM problems")
        connection.execute("DELETE FROM maker")
        connection.execute("INSERT INTO maker VALUES (?)", (_maker(kinds, zone),))


def was_made_with(connection: sqlite3.Connection, kinds: Kinds, zone: tzinfo) -> bool:
    """Whether what is kept is what would be made now, of the same files."""
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        return False
    return [row[0] for row in connection.execute("SELECT mark FROM maker")] == [_maker(kinds, zone)]


def _maker(kinds: Kinds, zone: tzinfo) -> str:
    return blake2b(repr((tuple(kinds), str(zone))).encode()).hexdigest()


def _write(connection: sqlite3.Connection, last: Shelf, shelf: Shelf) -> int:
    fresh = [entry for slug, entry in shelf.entries.items() if last.entries.get(slug) is not entry]
    gone = [(entry.kind, entry.slug) for entry in last.order if entry.slug not in shelf.entries]
    # before the entries: an entry is believed without a look, and then what is said of it has to be there
    _write_odd(connection, last, shelf)
    for first in range(0, len(fresh), TOGETHER):
        with sqlite.transaction(connection):
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                map(_row, fresh[first : first + TOGETHER]),
            )
    with sqlite.transaction(connection):
        connection.executemany("DELETE FROM entries WHERE kind = ? AND slug = ?", gone)
    return len(fresh) + len(gone)


def _write_odd(connection: sqlite3.Connection, last: Shelf, shelf: Shelf) -> None:
    if last.odd == shelf.odd and last.problems == shelf.problems:
        return
    name = shelf.kind.name
    with sqlite.transaction(connection):
        connection.execute("DELETE FROM odd WHERE kind = ?", (name,))
        connection.execute("DELETE FROM problems WHERE kind = ?", (name,))
        connection.executemany(
            "INSERT INTO odd VALUES (?,?,?,?)",
            [(name, slug, json.dumps(entry.guessed), int(entry.is_link)) for slug, entry in shelf.odd.items()],
        )
        connection.executemany(
            "INSERT INTO problems VALUES (?,?,?,?,?,?,?)",
            [(name, slug, *attrs.astuple(stamp), reason) for slug, (stamp, reason) in shelf.problems.items()],
        )


def _row(entry: Entry) -> tuple[str | int | bytes, ...]:
    stamp = entry.stamp
    return (
        entry.kind,
        entry.slug,
        stamp.mtime_ns,
        stamp.size,
        stamp.inode,
        stamp.ctime_ns,
        entry.date,
        entry.title,
        entry.item,
        entry.detail,
        entry.etag,
    )
