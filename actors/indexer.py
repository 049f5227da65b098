"""Indexer: keeps the catalogue true to the disk, and tells what changed.

Owns     the catalogue in force (its only writer).
Told by  watcher (Changed, Scan).
Tells    broadcaster (Publish for each entry created, modified or deleted).
Crash    permanent; readers keep the last snapshot, and a scan finds what was missed.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

import attrs
import trio

from actors.protocol import Changed, Publish, Scan
from runner.clock import Now
from runner.content import Catalogue, Change, change_event, scan, update
from runner.kernel import Life, Mailbox, Ref

T = TypeVar("T")

TOGETHER = 256
"""News of single files that are looked at in one go."""

SCAN_EVERY = 60.0
"""Seconds between two comparisons with the disk, for what no watch tells (contract: nothing goes stale)."""

PATIENCE_AT_START = 5.0
"""Seconds that the start waits for the first scan; a larger home is read on behind its back."""


class RunSync(Protocol):
    """Runs a blocking function away from the loop; its owner holds the limiter."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]: ...


@attrs.define(eq=False)
class InForce:
    """The snapshot that readers see: built by the wiring, so that it outlives the indexer's incarnations."""

    catalogue: Catalogue
    known: bool = False
    """The disk was read at least once: what differs from now on is news."""
    stale: bool = True
    """Something may have been missed: the next look is a scan."""

    def lose(self, _message: object) -> None:
        """News of a file was displaced from a full mailbox."""
        self.stale = True


@attrs.define(eq=False)
class Indexer:
    """Makes the next snapshot in a thread and puts it in force together with the news of it, in one step."""

    mailbox: Mailbox[Changed | Scan]
    shelf: InForce
    broadcaster: Ref[Publish]
    run_sync: RunSync
    now: Now
    origin: str
    _number: int = attrs.field(default=0, init=False)

    async def run(self, life: Life) -> None:
        """Scan once, then follow the news; compare with the disk whenever some may be missing."""
        self.origin = f"{self.origin}-{life.number}"
        async with trio.open_nursery() as nursery:
            # The first scan is work before the first message, so it happens in a task of its own.
            scanned = trio.Event()
            nursery.start_soon(self._first_scan, scanned)
            with trio.move_on_after(PATIENCE_AT_START):
                await scanned.wait()
            life.started()
            await scanned.wait()
            await self._follow()

    async def _first_scan(self, scanned: trio.Event) -> None:
        await self._scan()
        scanned.set()

    async def _follow(self) -> None:
        while True:
            message: Changed | Scan | None = None
            with trio.move_on_after(SCAN_EVERY):
                message = await self.mailbox.receive()
            match message:
                case Changed(path=path) if not self.shelf.stale:
                    await self._update([Path(path), *self._more()])
                case _:
                    await self._scan()

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
            last = self.shelf.catalogue
            self._put_in_force(*await self.run_sync(lambda: scan(last)))
        except BaseException:
            self.shelf.stale = True
            raise

    async def _update(self, paths: list[Path]) -> None:
        last = self.shelf.catalogue
        self._put_in_force(*await self.run_sync(lambda: update(last, paths)))

    def _put_in_force(self, catalogue: Catalogue, changes: tuple[Change, ...]) -> None:
        """Readers and followers learn of it in one synchronous step: no crash comes between the two."""
        self.shelf.catalogue = catalogue
        if not self.shelf.known:
            self.shelf.known = True
            return  # what was there before the process began is no news
        now = self.now()
        for change in changes:
            topic, event, data = change_event(catalogue, change, now)
            self._number += 1
            self.broadcaster.tell(Publish(topic, event, data, self.origin, self._number))
