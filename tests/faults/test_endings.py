"""A session that its model ended well is `completed`, once, with its cost and its hooks, whatever happens meanwhile.

A few of the points here; all of them, and longer, in the soak.
"""

import os
import re
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.ledger import LedgerView, SessionRow
from tests.faults.endings import ENDED_WELL_FROM, POINTS
from tests.support.messages_api import MessagesApi, Say, Turn, Use
from tests.support.process import Running, command, scrubbed, start

WITHIN = 60.0
FULL_MB = 24
NO_ROOM = re.compile("No space left|File too large|needs ")
THOUGHT = '---\ndate: "2026-03-01"\ntitle: "Salt"\n---\n\nThe tide wrote this.\n'


def script() -> list[Turn]:
    """A session with a tool, two turns and a last word."""
    write = Use("Write", {"file_path": "thoughts/2026-03-01-salt.md", "content": THOUGHT})
    return [Turn((Say("I write.", pieces=2), write)), Turn((Say("It is written.", pieces=2),))]


@attrs.define(eq=False)
class Trial:
    """One home and what is done to it."""

    folder: Path
    home: Path
    nursery: trio.Nursery
    api: MessagesApi = attrs.field(factory=lambda: MessagesApi(script()))

    async def begin(self, point: str, how: str, *, busy: float) -> tuple[Running, dict[str, Any]]:
        """The process with a session under way that has come to the point; and what its asker is told, when it is."""
        await self.nursery.start(self.api.serve)
        done = await command(scrubbed(self.home), "init", "--demo", "--home", str(self.home))
        assert done.returncode == 0, done.stderr
        up = await self.start(
            ("-m", "tests.faults.endings"),
            ENDINGS_AT=point,
            ENDINGS_HOW=how,
            ENDINGS_FOLDER=str(self.folder),
            ENDINGS_BUSY=str(busy),
        )
        told: dict[str, Any] = {}

        async def ask() -> None:
            with suppress(Exception):  # killed: there is nobody to answer
                told.update(await up.wake("morning"))

        self.nursery.start_soon(ask)
        with trio.fail_after(WITHIN):
            while not (self.folder / "reached").exists():
                await trio.sleep(0.01)
        return up, told

    async def start(self, program: tuple[str, ...] = ("-m", "runner"), **environ: Any) -> Running:
        return await start(
            self.nursery,
            self.home,
            program=program,
            SESSION_BACKEND="anthropic-api",
            SCHEDULER_ENABLED="false",
            ANTHROPIC_BASE_URL=self.api.url,
            ANTHROPIC_API_KEY="dummy-key-of-a-test",
            **environ,
        )

    def go(self) -> None:
        (self.folder / "go").write_text("")

    async def over(self) -> SessionRow:
        """The session's row, once it and all its hooks are over."""
        with trio.fail_after(WITHIN):
            while True:
                row = await trio.to_thread.run_sync(self.row)
                if row is not None and row.ended and row.hooks and all(hook.verdict for hook in row.hooks):
                    return row
                await trio.sleep(0.05)

    def row(self) -> SessionRow | None:
        with LedgerView.open(self.home / "sessions.db") as ledger:
            return next(iter(ledger.sessions()), None)

    async def check(self, point: str, *, killed: bool = False, full: bool = False) -> SessionRow:
        """What has to be true in the end."""
        row = await self.over()
        if not killed or POINTS.index(point) >= ENDED_WELL_FROM:
            assert (row.state, row.reason) == ("completed", None), (point, row.state, row.reason)
            assert row.num_turns == 2
            assert row.cost_usd
        else:
            assert row.state in ("interrupted", "completed"), (point, row.state, row.reason)
            assert row.state == "completed" or row.reason == "the process ended during the session"
        # a hook that runs while there is no room says so, and that is its verdict
        failed = [hook for hook in row.hooks if hook.verdict not in ("done", "not_due")]
        assert all(full and NO_ROOM.search(hook.error or "") for hook in failed), (point, failed)
        with closing(sqlite3.connect(self.home / "sessions.db")) as ledger:
            assert ledger.execute("SELECT COUNT(*) FROM sessions").fetchone() == (1,)
            spent = ledger.execute("SELECT cost_usd FROM spend WHERE purpose = 'session'").fetchall()
        assert spent == ([(row.cost_usd,)] if row.cost_usd else []), (point, spent)
        return row


async def kill_at(trial: Trial, point: str) -> SessionRow:
    """Killed there, started again: the next life tells the end as it was."""
    up, _ = await trial.begin(point, "kill", busy=5.0)
    with trio.fail_after(WITHIN):
        await up.process.wait()
    again = await trial.start()
    row = await trial.check(point, killed=True)
    assert await again.stop() == 0
    return row


async def lock_at(trial: Trial, point: str, seconds: float, *, busy: float) -> bool:
    """Another process holds the ledger from there on for so long; whether `ps` showed that the session waits."""
    up, told = await trial.begin(point, "hold", busy=busy)
    with closing(sqlite3.connect(trial.home / "sessions.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        trial.go()
        shown = await watch(up, seconds)
        other.execute("ROLLBACK")
    await trial.check(point)
    await settled(up, told)
    return shown


async def fill_at(trial: Trial, disk: "Disk", point: str, seconds: float) -> bool:
    """The disk has no room from there on for so long; whether `ps` showed that the session waits."""
    up, told = await trial.begin(point, "hold", busy=1.0)
    disk.fill(up.process.pid)
    trial.go()
    shown = await watch(up, seconds)
    disk.free(up.process.pid)
    await trial.check(point, full=True)
    await settled(up, told)
    return shown


async def watch(up: Running, seconds: float) -> bool:
    """The actor lives on, however long it lasts."""
    shown, end = False, trio.current_time() + seconds
    while trio.current_time() < end:
        row = await up.actor("session")
        assert (row["state"], row["restarts"]) == ("running", 0), row
        shown = shown or "the ledger can't take it" in (row["reason"] or "")
        await trio.sleep(0.1)
    return shown


async def settled(up: Running, told: dict[str, Any]) -> None:
    """Nothing waits any more, who asked for the wake knows, and the process ends well."""
    with trio.fail_after(WITHIN):
        while not told:
            await trio.sleep(0.05)
    assert told["state"] == "completed", told
    with trio.fail_after(WITHIN):  # what waits now, as the next claim may, tries again within seconds
        while (await up.actor("session"))["reason"] is not None:
            await trio.sleep(0.05)
    assert await up.stop() == 0


@attrs.frozen
class Disk:
    """One that can be full: a small file system of its own, or, for who may not mount one, a limit to every file."""

    folder: Path
    mounted: bool

    def fill(self, pid: int) -> None:
        if not self.mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
            return
        with suppress(OSError), (self.folder / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(4096))

    def free(self, pid: int) -> None:
        if not self.mounted:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            return
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A disk with room for a home and little more."""
    folder.mkdir()
    mounted = os.geteuid() == 0 and not subprocess.call(
        ["mount", "-t", "tmpfs", "-o", f"size={FULL_MB}m", "tmpfs", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        yield Disk(folder, mounted)
    finally:
        if mounted:
            subprocess.check_call(["umount", "--lazy", str(folder)])


async def test_a_kill_behind_the_result_loses_nothing(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Killed between the model's last word and the record, the session is completed by the next life."""
    await kill_at(Trial(tmp_path, tmp_path / "home", nursery), "the result is shown")
    nursery.cancel_scope.cancel()


async def test_a_locked_ledger_is_waited_for(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Held by another process at the moment of the record, the ledger gets it later; `ps` says so meanwhile."""
    trial = Trial(tmp_path, tmp_path / "home", nursery)
    assert await lock_at(trial, "before the record", 2.0, busy=0.1)
    nursery.cancel_scope.cancel()


async def test_a_full_disk_is_waited_for(tmp_path: Path, nursery: trio.Nursery) -> None:
    """From the middle of a session on there is no room: it is recorded, with its hooks, when there is some again."""
    with small_disk(tmp_path / "disk") as disk:
        trial = Trial(tmp_path, disk.folder / "home", nursery)
        assert await fill_at(trial, disk, "a later line was taken", 2.0)
        nursery.cancel_scope.cancel()
