"""The shipped process in a bad moment: `python -m tests.faults.crowded up ...`.

Its indexer hangs in a handler with news waiting behind it, and its watcher's mailbox is full.
"""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import trio

from actors.protocol import Changed, Rescan
from runner.cli.app import main as cli
from runner.cli.context import CliContext, Start
from runner.main import run
from runner.main.runtime import Runtime

WAITING = 40
T = TypeVar("T")


async def hang(_work: Callable[[], T], /) -> T:
    """Work that is never done."""
    await trio.sleep_forever()
    raise AssertionError("unreachable")


async def crowd(house: Runtime) -> None:
    """Make the moment bad, and say so."""
    works, house.run_sync = house.run_sync, hang  # what the next indexer is given
    boxes = house.mailboxes
    await house.supervisor.stop("indexer", by="the test")
    await house.supervisor.stop("watcher", by="the test")
    for number in range(WAITING):
        boxes.indexer.ref.tell(Changed(f"/none/{number}.md"))
    for _ in range(boxes.watcher.capacity + 3):
        boxes.watcher.ref.tell(Rescan())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: house.supervisor.start("indexer", by="the test"))
        while not any(child.name == "indexer" and child.incarnation == 2 for child in house.supervisor.children()):
            await trio.sleep(0.01)
        house.run_sync = works
        mark = house.settings.home / "crowded"
        await trio.to_thread.run_sync(lambda: mark.write_text("yes"))


def main() -> int:
    """The command line of the shipped program, with the bad moment handed in."""
    environ = dict(os.environ)

    def up(start: Start) -> int:
        return run(start, environ=environ, companion=crowd)

    return cli(sys.argv[1:], CliContext(environ, up))


if __name__ == "__main__":
    sys.exit(main())
