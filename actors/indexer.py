"""Indexer: keeps the catalogue true to the disk, and tells what changed.

Owns     the catalogue in force, what is kept of it on disk, and the full-text index (their only writer).
Told by  watcher (Changed, Scan).
Tells    broadcaster (Publish for each entry created, modified or deleted), and the log what had to be guessed.
Crash    permanent; readers keep the last snapshot, and a scan finds what was missed.

The full-text index follows the catalogue in a task of its own: lists and events never wait for it, and what is
wrong with it is no reason to stop keeping the catalogue. What it has still to take in is told to it in the same step as
to the readers, and searched by hand until then.
"""

import sqlite3
from collections.abc import Iterable
from functools import partial
from itertools import islice
from pathlib import Path

import attrs
import trio

from actors.protocol import Changed, Meaning, Publish, Scan
from runner.clock import Now
from runner.content import (
    MAILBOX,
    Catalogue,
    CatalogueCache,
    Change,
    Kinds,
    NewMessage,
    ThreadPositions,
    change_event,
    message_event,
    scan,
    told_anew,
    update,
)
from runner.kernel import ActorContext, EventRing, Mailbox, Ref
from runner.offload import RunSync
from runner.search import NoMeaningError, SearchIndex

TOGETHER = 2048
"""News of single files that are looked at in one go."""

INDEXED_TOGETHER = 250
"""Entries that the full-text index takes in at once: a thread's turn stays short, and searches find the first soon."""

NO_MEANING = "searching by meaning needs the semantic index, and this home has none yet; mode=words works"

RESTED = 2.0
"""Seconds without news until frequent words are ranked ahead of time."""

ASKING = 0.25
"""Seconds without a question until that goes on: two threads at it are slower than one after the other."""

SCAN_EVERY = 60.0
"""Seconds between two comparisons with the disk, for what no watch tells (contract: nothing goes stale)."""

TOLD_TOGETHER = 20
"""Files that are named in the log for one change of the catalogue; of more only their number is told."""

KEPT_AFTER = 2.0
"""Seconds from a change to its keeping on disk."""

PATIENCE_AT_START = 4.0
"""Seconds that the start waits for the first scan; a larger home is read on behind its back, and can be searched."""


@attrs.define(eq=False)
class CurrentCatalogue:
    """The snapshot that readers see: built by the wiring, so that it outlives the indexer's incarnations."""

    catalogue: Catalogue
    threads: ThreadPositions = attrs.field(
        default=attrs.Factory(lambda self: ThreadPositions(self.catalogue.home / MAILBOX), takes_self=True)
    )
    known: bool = False
    """The disk was read at least once: what differs from now on is news."""
    stale: bool = True
    """Something may have been missed: the next look is a scan."""

    def lose(self, _message: object) -> None:
        """News of a file was displaced from a full mailbox."""
        self.stale = True


@attrs.define(eq=False)
class Searching:
    """The full-text index, the one thread that writes it, and what it has still to take in."""

    index: SearchIndex
    run_sync: RunSync
    events: EventRing
    _wanted: trio.Event = attrs.field(factory=trio.Event, init=False)
    _rested: trio.Event = attrs.field(factory=trio.Event, init=False)
    _keys: set[tuple[str, str]] = attrs.field(factory=set, init=False)
    _everything: bool = attrs.field(default=True, init=False)

    def take_in(self, catalogue: Catalogue, changes: Iterable[Change]) -> None:
        """These entries are otherwise in the catalogue that comes in force in this step: so do searches from now on."""
        keys = [(change.kind, change.slug) for change in changes]
        self.index.tell(catalogue, keys)
        self._keys.update(keys)
        self._want()

    def compare(self) -> None:
        """Look at everything."""
        self._everything = True
        self._want()

    async def caught_up(self) -> None:
        """Until the index holds all that it was told of. For whoever measures it; no deadline of its own."""
        while not self._rested.is_set():
            await self._rested.wait()

    def _want(self) -> None:
        if self._rested.is_set():
            self._rested = trio.Event()
        self._wanted.set()

    async def follow(self, shelf: "CurrentCatalogue") -> None:
        """Keep the index up with the catalogue, for ever."""
        while True:
            with trio.move_on_after(RESTED):
                await self._wanted.wait()
            if not self._wanted.is_set():
                await self._prepare(shelf.catalogue.kinds)
            await self._wanted.wait()  # no deadline: a scan of the disk comes every minute
            self._wanted = trio.Event()
            try:
                await self._catch_up(shelf)
                if not self._wanted.is_set():
                    self._rested.set()
            except (sqlite3.Error, OSError) as error:
                self.events.emit("search.failed", cause=f"{type(error).__name__}: {error}"[:300])
                # taken up again with the next news or scan
                if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                    self.index.note_damage()

    async def _prepare(self, kinds: Kinds) -> None:
        """Rank frequent words ahead of time, while nothing is written and nobody asks."""
        words = self.index.prepare(
            (tuple(kind.name for kind in kinds if kind.in_all), tuple(kind.name for kind in kinds))
        )
        asked = self.index.asked()
        while not self._wanted.is_set():
            if asked != (asked := self.index.asked()):
                with trio.move_on_after(ASKING):
                    await self._wanted.wait()
            elif await self.run_sync(lambda: next(words, None)) is None:
                break

    async def _catch_up(self, shelf: "CurrentCatalogue") -> None:
        if self.index.damaged():
            await self.run_sync(self.index.mend)
            self._everything = True
        taken, compared = 0, False
        todo: dict[tuple[str, str], None] = {}
        while self._everything or self._keys or todo:
            try:
                if self._everything:
                    self._everything, compared = False, True
                    todo = dict.fromkeys(await self.run_sync(partial(self.index.behind, shelf.catalogue)))
                # what is told while a thread works goes before all that waits: somebody may look for it now
                news, self._keys = self._keys, set()
                todo = {**dict.fromkeys(_gone_first(news, shelf.catalogue)), **todo}
                part = list(islice(todo, INDEXED_TOGETHER))
                if part:
                    await self.run_sync(partial(self.index.put, shelf.catalogue, part))
            except BaseException:
                self._everything = True
                raise
            for key in part:
                del todo[key]
            taken += len(part)
        if (compared or taken > INDEXED_TOGETHER) and await self.run_sync(self.index.tidy):
            self.events.emit("search.indexed", entries=taken)


def _gone_first(keys: Iterable[tuple[str, str]], catalogue: Catalogue) -> list[tuple[str, str]]:
    """A hit that leads nowhere is worse than one that is missing."""
    return sorted(keys, key=lambda key: key[1] in catalogue.shelves[key[0]].entries)


@attrs.define(eq=False)
class CacheKeeper:
    """The entries kept on disk for the next start, and the one thread that writes them."""

    kept: CatalogueCache
    run_sync: RunSync
    events: EventRing
    _wanted: trio.Event = attrs.field(factory=trio.Event, init=False)

    def take_in(self) -> None:
        """There is another snapshot."""
        self._wanted.set()

    async def load(self, empty: Catalogue) -> Catalogue:
        """What was kept; nothing where that can't be read."""
        try:
            return await self.run_sync(partial(self.kept.load, empty))
        except (sqlite3.Error, OSError) as error:
            self._tell(error)
            return empty

    async def follow(self, shelf: "CurrentCatalogue") -> None:
        """Keep what is in force, a while after it came, for ever: many changes are one write."""
        while True:
            await self._wanted.wait()  # no deadline: there may be no news for days
            await trio.sleep(KEPT_AFTER)
            self._wanted = trio.Event()
            try:
                await self.run_sync(partial(self.kept.save, shelf.catalogue))
            except (sqlite3.Error, OSError) as error:
                self._tell(error)  # what is not kept is read from its file

    def _tell(self, error: Exception) -> None:
        self.events.emit("catalogue.not_kept", cause=f"{type(error).__name__}: {error}"[:300])


@attrs.define(eq=False)
class Indexer:
    """Makes the next snapshot in a thread and puts it in force together with the news of it, in one step."""

    mailbox: Mailbox[Changed | Scan | Meaning]
    shelf: CurrentCatalogue
    broadcaster: Ref[Publish]
    run_sync: RunSync
    now: Now
    origin: str
    events: EventRing
    searching: Searching | None = None
    cache_keeper: CacheKeeper | None = None
    _number: int = attrs.field(default=0, init=False)

    async def run(self, context: ActorContext) -> None:
        """Scan once, then follow the news; compare with the disk whenever some may be missing."""
        self.origin = f"{self.origin}-{context.number}"
        async with trio.open_nursery() as nursery:
            # The first scan is work before the first message, so it happens in a task of its own.
            scanned = trio.Event()
            nursery.start_soon(self._first_scan, scanned)
            with trio.move_on_after(PATIENCE_AT_START):
                await scanned.wait()
            context.started()
            await scanned.wait()
            if self.searching is not None:
                self.searching.compare()
                nursery.start_soon(self.searching.follow, self.shelf)
            if self.cache_keeper is not None:
                nursery.start_soon(self.cache_keeper.follow, self.shelf)
            await self._follow()

    async def _first_scan(self, scanned: trio.Event) -> None:
        await self._scan()
        scanned.set()

    async def _follow(self) -> None:
        while True:
            message: Changed | Scan | Meaning | None = None
            with trio.move_on_after(SCAN_EVERY):
                message = await self.mailbox.receive()
            match message:
                case Changed(path=path) if not self.shelf.stale:
                    await self._update([Path(path), *self._more()])
                case Meaning(reply=reply):
                    reply.fail(NoMeaningError(NO_MEANING))
                case _:
                    await self._scan()
                    if self.searching is not None and message is None:
                        self.searching.compare()

    def _more(self) -> list[Path]:
        paths: list[Path] = []
        while len(paths) < TOGETHER:
            more = self.mailbox.also(lambda message: isinstance(message, Changed))
            if not isinstance(more, Changed):
                break
            paths.append(Path(more.path))
        return paths

    async def _scan(self) -> None:
        self.shelf.stale = False
        try:
            last, threads = self.shelf.catalogue, self.shelf.threads
            if not self.shelf.known and self.cache_keeper is not None:
                last = await self.cache_keeper.load(last)
            found = await self.run_sync(lambda: (*scan(last), *threads.everywhere()))
            self._put_in_force(last, *found)
        except BaseException:
            self.shelf.stale = True
            raise

    async def _update(self, paths: list[Path]) -> None:
        last, threads = self.shelf.catalogue, self.shelf.threads
        self._put_in_force(last, *await self.run_sync(lambda: (*update(last, paths), *threads.at(paths))))

    def _put_in_force(
        self,
        last: Catalogue,
        catalogue: Catalogue,
        changes: tuple[Change, ...],
        threads: ThreadPositions,
        messages: tuple[NewMessage, ...],
    ) -> None:
        """Readers and followers learn of it in one synchronous step: no crash comes between the two."""
        self._remark(last, catalogue)
        if self.cache_keeper is not None and catalogue is not self.shelf.catalogue:
            self.cache_keeper.take_in()
        self.shelf.catalogue, self.shelf.threads = catalogue, threads
        if changes and self.searching is not None:
            self.searching.take_in(catalogue, changes)
        if not self.shelf.known:
            self.shelf.known = True
            return  # what was there before the process began is no news
        now = self.now()
        for change in changes:
            self._tell(*change_event(catalogue, change, now))
        for message in messages:
            self._tell(*message_event(message, now))

    def _remark(self, last: Catalogue, catalogue: Catalogue) -> None:
        """Say in the log what had to be guessed of files that came or changed; what was kept was told when it came."""
        remarks = told_anew(last, catalogue)
        for remark in remarks[:TOLD_TOGETHER]:
            name = "content.left_out" if remark.is_left_out else "content.guessed"
            self.events.emit(name, file=remark.name, what="; ".join(remark.sentences)[:500])
        if len(remarks) > TOLD_TOGETHER:
            self.events.emit("content.more_guessed", files=len(remarks) - TOLD_TOGETHER)

    def _tell(self, topic: str, event: str, data: bytes) -> None:
        self._number += 1
        self.broadcaster.tell(Publish(topic, event, data, self.origin, self._number))
