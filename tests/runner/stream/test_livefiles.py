"""The live files: in order, off the loop, bounded, and never the end of a session."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio
import trio.lowlevel
import trio.testing

from runner.stream import livefiles
from runner.stream.livefiles import LineFiles, StatusFile
from tests.runner.session.stage import in_thread
from tests.support.ledger import inline

T = TypeVar("T")


async def test_lines_are_in_every_file_in_order(tmp_path: Path) -> None:
    """Each line is in each file, old content gone, modes private; after finish nothing is missing."""
    paths = [tmp_path / "a", tmp_path / "b"]
    paths[0].write_text("old")
    files = LineFiles(paths, in_thread)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.run)
        for number in range(500):
            await files.put(b"line %d" % number)
        files.finish()
    wanted = b"".join(b"line %d\n" % number for number in range(500))
    assert [path.read_bytes() for path in paths] == [wanted, wanted]
    assert paths[0].stat().st_mode & 0o777 == 0o640
    assert files.trouble is None


async def test_a_slow_disk_holds_back_only_past_the_room(autojump_clock: trio.testing.MockClock) -> None:
    """Lines are taken at once while there is room for them; then whoever brings more waits for the disk."""
    gate = trio.Event()

    async def slow(work: Callable[[], T], /) -> T:
        await gate.wait()
        return work()

    files = LineFiles([], slow)
    taken: list[int] = []

    async def bring() -> None:
        for number in range(3):
            await files.put(b"x" * (livefiles.ROOM // 2 + 1))
            taken.append(number)
        files.finish()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(files.run)
        nursery.start_soon(bring)
        await trio.testing.wait_all_tasks_blocked()
        assert taken == [0]
        gate.set()
    assert taken == [0, 1, 2]


async def test_a_broken_disk_is_told_and_survived(tmp_path: Path) -> None:
    """A file that can't be opened, or a disk that is full, is named once; lines are still taken."""
    files = LineFiles([tmp_path / "absent" / "a", tmp_path / "b"], in_thread)
    full = LineFiles([Path("/dev/full")], in_thread)
    for one in (files, full):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.run)
            await one.put(b"x")
            await trio.lowlevel.checkpoint()
            await one.put(b"y")
            one.finish()
        assert one.trouble


async def test_the_status_tells_the_phases_and_is_repaired(tmp_path: Path) -> None:
    """Active with its phase, idle with what was last; an active one that nobody stands behind becomes idle, once."""
    status = StatusFile(tmp_path / "status.json", inline)
    assert status.read() == {"active": False}
    await status.active(kind="noon", session_id="s", started_at="t0", phase="running")
    assert status.read() == {
        "active": True,
        "type": "noon",
        "session_id": "s",
        "started_at": "t0",
        "phase": "running",
        "pid": os.getpid(),
    }
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644
    assert await status.repair(ended_at="t1") is True
    assert status.read()["last"] == {"type": "noon", "session_id": "s", "ended_at": "t1", "exit_code": "unknown"}
    assert await status.repair(ended_at="t2") is False
    (tmp_path / "status.json").write_text("[1]")
    assert status.read() == {"active": False}
    (tmp_path / "status.json").write_text("{half")
    assert status.read() == {"active": False}
