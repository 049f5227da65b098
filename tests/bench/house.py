"""What the benches of the HTTP side measure: a home full of entries, the shipped process, and a client beside it."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.bench.figures import ROOT, cpu_seconds
from tests.support.http_client import get
from tests.support.large_home import COMMON_WORD, make_large_home, readable
from tests.support.process import Running, command, scrubbed, start

JOB_WITHIN = 180.0
SEARCHABLE_WITHIN = 600.0
LOOK_SECONDS, QUIET = 4.0, 0.05
"""How long it is watched, and the share of a processor that is nothing; it rests two seconds before it tidies up."""
EVERYTHING = f"/api/v1/search?q={COMMON_WORD}&type=everything&limit=1"


@attrs.define(eq=False)
class Client:
    """The measuring process."""

    process: trio.Process
    _rest: bytes = b""

    async def ask(self, do: str, **job: Any) -> dict[str, Any]:
        """Have one job done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with trio.fail_after(JOB_WITHIN):
            await self.process.stdin.send_all(json.dumps({"do": do, **job}).encode() + b"\n")
            while b"\n" not in self._rest:
                data = await self.process.stdout.receive_some()
                if not data:
                    raise RuntimeError("the measuring client has ended; what it said of it is above")
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


@asynccontextmanager
async def measuring() -> AsyncIterator[Client]:
    """A client until the block ends."""
    argv = [sys.executable, "-m", "tests.bench.client"]
    process = await trio.lowlevel.open_process(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        yield Client(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):  # it was killed: the wait is short
            await process.wait()


async def furnish(home: Path, entries: int) -> int:
    """Make a home with so many entries; how many of them a search finds."""
    until = datetime(2026, 3, 2, 12, tzinfo=UTC)
    await trio.to_thread.run_sync(lambda: make_large_home(home, entries=entries, until=until))
    done = await command(scrubbed(home), "init", "--home", str(home))
    assert done.returncode == 0, done.stderr
    return readable(entries)


@attrs.frozen
class Served:
    """A process that serves, and how long that took."""

    up: Running
    ready: float


@asynccontextmanager
async def served(home: Path) -> AsyncIterator[Served]:
    """The shipped process until the block ends."""
    async with trio.open_nursery() as nursery:
        began = time.perf_counter()
        up = await start(nursery, home, SESSION_BACKEND="rehearsal", SCHEDULER_ENABLED="false")
        yield Served(up, time.perf_counter() - began)
        await up.stop()
        nursery.cancel_scope.cancel()


async def until_quiet(up: Running) -> None:
    """Until it does nothing of its own: all is indexed and kept, and a next start has nothing to make up for."""
    with trio.fail_after(SEARCHABLE_WITHIN):
        used = inf
        while used > QUIET:
            before = cpu_seconds(up.process.pid)
            await trio.sleep(LOOK_SECONDS)
            used = (cpu_seconds(up.process.pid) - before) / LOOK_SECONDS


async def until_searchable(up: Running, entries: int) -> None:
    """Until a search finds every entry."""
    with trio.fail_after(SEARCHABLE_WITHIN):
        while True:
            answer = await get(up.host, up.port, EVERYTHING)
            if answer.status == 200 and answer.json()["total"] >= entries:
                return
            await trio.sleep(0.05)
