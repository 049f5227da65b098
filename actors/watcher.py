"""Watcher: notices what is written in the home, by whomever.

Owns     the watch on the content folders.
Told by  the operator and itself (Rescan).
Tells    indexer (Changed for each path, Scan where single news may be missing).
Crash    permanent; the folders are watched anew and the indexer compares everything once.
"""

from collections.abc import Callable, Iterable
from contextlib import aclosing
from pathlib import Path

import attrs
import trio
import watchfiles

from actors.protocol import Changed, Rescan, Scan
from runner.kernel import Life, Mailbox, Ref

STEP_MS = 10
"""How often the watch looks for more news of one batch; it drives latency, the debounce only groups."""

ROUND_MS = 500
"""How long a quiet round of the watch lasts: each round beats, and looks whether the folders are still the same."""

SETTLED_MS = 50
"""How long a batch may collect news before it is handed on."""


@attrs.define(eq=False)
class Watcher:
    """Follows the folders it is given; a folder made, moved or replaced later is taken in at the next round."""

    mailbox: Mailbox[Rescan]
    folders: Callable[[], tuple[Path, ...]]
    indexer: Ref[Changed | Scan]
    debounce_ms: int = SETTLED_MS

    async def run(self, life: Life) -> None:
        """Watch until told to look again, for ever."""
        life.started()
        while True:
            with trio.CancelScope() as round_:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._obey, round_)
                    await self._watch(life)
                    nursery.cancel_scope.cancel()

    async def _obey(self, round_: trio.CancelScope) -> None:
        await self.mailbox.receive()
        round_.cancel()

    async def _watch(self, life: Life) -> None:
        """Hand on what changes in the folders as they are now; return when they are no longer these."""
        seen = identities(self.folders())
        # Whatever happened while nobody watched is found by comparing.
        self.indexer.tell(Scan())
        stop = trio.Event()
        rounds = watchfiles.awatch(
            *seen,
            watch_filter=relevant,
            debounce=self.debounce_ms,
            step=STEP_MS,
            rust_timeout=ROUND_MS,
            yield_on_timeout=True,
            stop_event=stop,
        )
        try:
            async with aclosing(rounds):
                async for changes in rounds:
                    life.beat()
                    self._hand_on(changes)
                    if identities(self.folders()) != seen:
                        return
        finally:
            # Plain cancellation would wait out a whole quiet round.
            stop.set()

    def _hand_on(self, changes: Iterable[tuple[watchfiles.Change, str]]) -> None:
        scan = False
        for change, path in changes:
            if change is watchfiles.Change.added and not path.endswith(".md"):
                # A new folder's first files may be written before it is watched.
                scan = True
            self.indexer.tell(Changed(path))
        if scan:
            self.indexer.tell(Scan())


def identities(folders: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """The folders that exist, each with what tells it from another folder put in its place."""
    found: dict[Path, tuple[int, int]] = {}
    for folder in folders:
        try:
            status = folder.stat()
        except OSError:
            continue
        found[folder] = (status.st_dev, status.st_ino)
    return found


def relevant(_change: watchfiles.Change, path: str) -> bool:
    """Editors' temporary files and hidden names are nobody's news; only whole names and endings count."""
    name = path.rsplit("/", 1)[-1]
    return not (name.startswith(".") or name.endswith(("~", ".swp", ".swo", ".swn", ".tmp", ".temp")) or name == "4913")
