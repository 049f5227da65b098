"""One process a home."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runner.errors import HomeInUse, UnusableHome
from runner.home import Holder, HomeLock, read_holder

NOW = datetime(2026, 2, 3, 11, tzinfo=UTC)

HOLD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from runner.home import HomeLock
lock = HomeLock.acquire(Path(sys.argv[1]), now=datetime(2026, 2, 3, 11, tzinfo=UTC))
lock.announce("http://127.0.0.1:8000")
print("held", flush=True)
sys.stdin.read()
"""


def test_holder_is_named(tmp_path: Path) -> None:
    """While it is held a second taker is told who holds it, since when and where; afterwards it is free."""
    lock = HomeLock.acquire(tmp_path, now=NOW)
    assert read_holder(tmp_path) == Holder(pid=os.getpid(), started_at="2026-02-03T11:00:00+00:00", url=None)
    lock.announce("http://127.0.0.1:8000")
    with pytest.raises(HomeInUse) as raised:
        HomeLock.acquire(tmp_path, now=NOW)
    assert f"in use by process {os.getpid()} since 2026-02-03T11:00:00+00:00 at http://127.0.0.1:8000;" in str(
        raised.value
    )
    assert (raised.value.exit_code, raised.value.ends_start) == (75, True)
    lock.release()
    lock.release()
    assert read_holder(tmp_path) is None
    with HomeLock.acquire(tmp_path, now=NOW):
        assert read_holder(tmp_path) is not None


def test_another_process(tmp_path: Path) -> None:
    """The lock holds between processes and ends with its holder, however that one ends."""
    with subprocess.Popen(
        (sys.executable, "-c", HOLD, str(tmp_path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(HomeInUse, match=f"process {other.pid} since .* at http://127.0.0.1:8000"):
            HomeLock.acquire(tmp_path, now=NOW)
        other.kill()
        other.wait(timeout=10)
    with HomeLock.acquire(tmp_path, now=NOW):
        pass


def test_children_do_not_inherit_it(tmp_path: Path) -> None:
    """A child that outlives the holder does not keep the home locked."""
    lock = HomeLock.acquire(tmp_path, now=NOW)
    with subprocess.Popen(("sleep", "60")) as child:
        lock.release()
        try:
            HomeLock.acquire(tmp_path, now=NOW).release()
        finally:
            child.kill()


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"pid": "x", "url": 5}', b"\xff" * 9000])
def test_unreadable_holder(tmp_path: Path, content: bytes) -> None:
    """A lock file with anything in it is held all the same; the holder is then unknown."""
    lock = HomeLock.acquire(tmp_path, now=NOW)
    lock.path.write_bytes(content)
    with pytest.raises(HomeInUse, match="in use by a process that has not said which"):
        HomeLock.acquire(tmp_path, now=NOW)
    lock.release()


def test_no_link_is_followed(tmp_path: Path) -> None:
    """A lock file that is a link is refused, and its target stays as it is."""
    (tmp_path / "target").write_text("precious")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/runner.lock").symlink_to(tmp_path / "target")
    with pytest.raises(UnusableHome, match=r"runner\.lock can't be opened"):
        HomeLock.acquire(tmp_path, now=NOW)
    assert (tmp_path / "target").read_text() == "precious"


def test_announcements_replace_each_other(tmp_path: Path) -> None:
    """A shorter word leaves nothing of a longer one."""
    with HomeLock.acquire(tmp_path, now=NOW) as lock:
        lock.announce("http://a-very-long-name.example:8000")
        lock.announce("http://a:1")
        assert json.loads(lock.path.read_text())["url"] == "http://a:1"
