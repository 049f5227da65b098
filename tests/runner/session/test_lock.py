"""The session lock: one holder across processes, freed by death, told to whoever asks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from runner.session.errors import SessionLockedError
from runner.session.lock import SessionLock
from tests.runner.session.stage import in_thread

HOLD = """
import fcntl, sys
held = open(sys.argv[1], "w")
fcntl.flock(held, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    """While one holds it, another is refused with the holder's words; afterwards the file says nothing any more."""
    lock = SessionLock(tmp_path / "data" / "session.lock", in_thread)
    async with lock.held({"session_id": "s-1", "type": "noon"}):
        holder = lock.holder()
        assert holder is not None
        assert holder["session_id"] == "s-1"
        with pytest.raises(SessionLockedError, match="session_id s-1, type noon") as refused:
            async with lock.held({}):
                raise AssertionError
        assert refused.value.exit_code == 75
    assert lock.holder() is None
    async with lock.held({}):
        pass


async def test_a_session_shares_the_lock_that_its_command_holds(tmp_path: Path) -> None:
    """What the holder is given lets its own sessions in and says who runs; nobody else gets in before the end."""
    lock = SessionLock(tmp_path / "lock", in_thread)
    async with lock.held({"waiting": "noon"}) as mine:
        for name in ("s-1", "s-2"):
            async with mine.held({"session_id": name}):
                assert (lock.holder() or {})["session_id"] == name
            with pytest.raises(SessionLockedError):
                async with lock.held({}):
                    raise AssertionError
    async with lock.held({}):
        pass


async def test_a_waiter_gets_it_when_it_is_free(tmp_path: Path) -> None:
    """Within its wait a second holder takes over as soon as the first lets go."""
    lock = SessionLock(tmp_path / "lock", in_thread)
    got = trio.Event()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def second() -> None:
                async with lock.held({"session_id": "two"}, wait=8):
                    got.set()

            async with lock.held({"session_id": "one"}):
                nursery.start_soon(second)
                await trio.testing.wait_all_tasks_blocked(0.05)
                assert not got.is_set()
        assert got.is_set()


async def test_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """Another process's lock keeps us out while it lives and not a moment longer."""
    path = tmp_path / "lock"
    process = subprocess.Popen(  # noqa: ASYNC220 - begins at once, and is waited for in threads
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    with process:
        await trio.to_thread.run_sync(process.stdout.readline)
        with pytest.raises(SessionLockedError):
            async with SessionLock(path, in_thread).held({}):
                raise AssertionError
        process.kill()
    async with SessionLock(path, in_thread).held({}):
        pass


async def test_the_shared_lock_is_taken_too_where_it_can_be(tmp_path: Path) -> None:
    """With a second lock file, whoever holds that one keeps us out; one that can't be opened is left aside."""
    shared = tmp_path / "run" / "shared.lock"
    both = SessionLock(tmp_path / "lock", in_thread, shared)
    async with both.held({"session_id": "s"}):
        assert json.loads(shared.read_text())["session_id"] == "s"
        with pytest.raises(SessionLockedError):
            async with SessionLock(shared, in_thread).held({}):
                raise AssertionError
    async with SessionLock(shared, in_thread).held({}):
        with pytest.raises(SessionLockedError):
            async with both.held({}):
                raise AssertionError
    async with SessionLock(tmp_path / "lock", in_thread, tmp_path).held({}):
        pass


def test_odd_content_is_no_holder(tmp_path: Path) -> None:
    """A file that is missing or holds something else names nobody."""
    lock = SessionLock(tmp_path / "lock", in_thread)
    assert lock.holder() is None
    (tmp_path / "lock").write_text("1234\n")
    assert lock.holder() is None
    (tmp_path / "lock").write_text("{half")
    assert lock.holder() is None
