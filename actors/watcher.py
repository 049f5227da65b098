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
from runner.kernel import ActorContext, Mailbox, Ref

STEP_MS = 10
"""How often the watch looks for more news of one batch; it drives latency, the debounce only groups."""

GROUPED_MS = 20
"""How long one batch may get; batches are only how news comes here."""

ROUND_MS = 100
"""How long a quiet round of the watch lasts: each round beats, and looks whether the folders are still the same."""

SETTLED_MS = 50
"""How long a file has to rest before its news is handed on."""

PATIENCE = 4
"""Times as long a file that never rests is waited for at most."""


@attrs.define(eq=False)
class Unsettled:
    """Paths with news, each until it has rested. One timer looks after all of them."""

    rest: float
    longest: float
    _first: dict[str, float] = attrs.field(factory=dict, init=False)
    _due: dict[str, float] = attrs.field(factory=dict, init=False)
    _news: trio.Event = attrs.field(factory=trio.Event, init=False)

    def note(self, path: str, now: float) -> None:
        """There is news of this path."""
        first = self._first.setdefault(path, now)
        self._due[path] = min(now + self.rest, first + self.longest)
        self._news.set()

    def settled(self, now: float) -> list[str]:
        """Take out what has rested, or has waited long enough."""
        found = [path for path, due in self._due.items() if due <= now]
        for path in found:
            del self._due[path], self._first[path]
        return found

    async def wait(self) -> None:
        """Until something may be settled. No deadline: there may be no news for days."""
        while not self._due:
            self._news = trio.Event()
            await self._news.wait()
        await trio.sleep_until(min(self._due.values()))


@attrs.define(eq=False)
class Watcher:
    """Follows the folders it is given; a folder made, moved or replaced later is taken in at the next round."""

    mailbox: Mailbox[Rescan]
    folders: Callable[[], tuple[Path, ...]]
    indexer: Ref[Changed | Scan]
    debounce_ms: int = SETTLED_MS

    async def run(self, context: ActorContext) -> None:
        """Watch until told to look again, for ever."""
        context.started()
        while True:
            with trio.CancelScope() as round_:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._obey, round_)
                    await self._watch(context)
                    nursery.cancel_scope.cancel()

    async def _obey(self, round_: trio.CancelScope) -> None:
        await self.mailbox.receive()
        round_.cancel()

    async def _watch(self, context: ActorContext) -> None:
        """Hand on what changes in the folders as they are now; return when they are no longer these."""
        seen = identities(self.folders())
        # Whatever happened while nobody watched is found by comparing.
        self.indexer.tell(Scan())
        unsettled = Unsettled(
            max(0, self.debounce_ms - STEP_MS) / 1000,  # a batch comes a step after its last news
            self.debounce_ms * PATIENCE / 1000,
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hand_on, unsettled)
            await self._collect(context, seen, unsettled)
            nursery.cancel_scope.cancel()
        # What had not settled is found by the scan that the next watch begins with.

    async def _collect(self, context: ActorContext, seen: dict[Path, tuple[int, int]], unsettled: Unsettled) -> None:
        stop = trio.Event()
        rounds = watchfiles.awatch(
            *seen,
            watch_filter=relevant,
            debounce=GROUPED_MS,
            step=STEP_MS,
            rust_timeout=ROUND_MS,
            yield_on_timeout=True,
            stop_event=stop,
        )
        try:
            async with aclosing(rounds):
                async for changes in rounds:
                    context.beat()
                    self._note(changes, unsettled)
                    if identities(self.folders()) != seen:
                        return
        finally:
            # Plain cancellation would wait out a whole quiet round.
            stop.set()

    def _note(self, changes: Iterable[tuple[watchfiles.Change, str]], unsettled: Unsettled) -> None:
        now = trio.current_time()
        scan = False
        for change, path in changes:
            if change is watchfiles.Change.added and not path.endswith((".md", ".jsonl")):
                # A new folder's first files may be written before it is watched.
                scan = True
            unsettled.note(path, now)
        if scan:
            self.indexer.tell(Scan())

    async def _hand_on(self, unsettled: Unsettled) -> None:
        while True:
            await unsettled.wait()
            for path in unsettled.settled(trio.current_time()):
                self.indexer.tell(Changed(path))


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
