"""Asks a served site everything its document tells of, 200 times each (`--examples=N`), over loopback."""

import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from tests.support import examples
from tests.support.site import World, running
from web.api import openapi

USUAL = 200


def main(argv: Sequence[str]) -> int:
    """1 when a handler failed; an answer that is not in the document ends it with what was asked."""
    chosen = [int(word.removeprefix("--examples=")) for word in argv if word.startswith("--examples=")]
    with tempfile.TemporaryDirectory() as folder:
        return trio.run(_soak, Path(folder), chosen[-1] if chosen else USUAL)


async def _soak(folder: Path, count: int) -> int:
    world = World(folder, {"http.api_key": examples.KEY})
    world.thought("a", date="2026-02-03", title="T", mood="held")
    for name in ("sandbox/a/b.py", "gifts/a.png", "about/about.md"):
        world.write(name, "# x\n")
    world.rescan()
    async with running(world) as server:
        document = openapi.document(server.site.app)
        ask = partial(examples.ask_everything, document, server.url, examples=count, seed=1)
        asked = await trio.to_thread.run_sync(ask)
    for name, times in asked.items():
        print(f"{times:6} {name}", file=sys.stderr)
    failed = world.log.named("http_handler_failed")
    for fields in failed:
        print(fields, file=sys.stderr)
    return 1 if failed else 0
