"""The end of the process in its worst moment."""

import json
import resource
from pathlib import Path

import trio

from tests.faults.crowded import WAITING
from tests.support import fake_cli
from tests.support.fixtures import STREAM
from tests.support.http_client import EventStream
from tests.support.process import command, scrubbed, start

STREAMS = 200
"""In the suite; the soak raises it to 1,000."""

PHASES = ["web", "scheduler", "telegram", "watcher", "session", "indexer", "moderator", "broadcaster", "control"]


async def end_crowded(folder: Path, nursery: trio.Nursery, streams: int) -> tuple[float, int, dict[str, object]]:
    """Seconds, exit code and shutdown report of an end with open streams, a hung handler and a stubborn model."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    home = folder / "home"
    done = await command(scrubbed(home), "init", "--demo", "--home", str(home))
    assert done.returncode == 0, done.stderr
    program = fake_cli.install(folder, "ignores_term")
    up = await start(
        nursery,
        home,
        program=("-m", "tests.faults.crowded"),
        SESSION_BACKEND="claude-cli",
        CLAUDE_BIN=str(program),
        ANTHROPIC_API_KEY="dummy-key",
        LOG_FORMAT="json",
    )
    viewers = [await EventStream.open(up.host, up.port, STREAM) for _ in range(streams)]
    try:
        async with trio.open_nursery() as waking:
            waking.start_soon(up.wake, "noon")
            await viewers[0].until("session.text")
            waking.cancel_scope.cancel()
        began = trio.current_time()
        code = await up.stop()
        seconds = trio.current_time() - began
        for viewer in viewers:
            while await viewer.next() is not None:
                pass  # what had been shown; then the stream ends, whole
        row = (await up.json("sessions"))[0]
        assert (row["state"], row["reason"]) == ("interrupted", "shutdown")
    finally:
        for viewer in viewers:
            await viewer.aclose()
    lines = [json.loads(line) for line in up.stderr if line.startswith("{")]
    return seconds, code, next(line for line in lines if line["event"] == "shutdown.report")


def check(seconds: float, code: int, report: dict[str, object], *, within: float = 20) -> None:
    """In time, in order, and with every loss named. The soak holds it to 15 s, which a busy machine may not allow."""
    assert code == 0
    assert seconds <= within
    assert [phase.split()[0] for phase in str(report["phases"]).split(", ")] == PHASES
    lost = str(report["lost"])
    for number in range(WAITING):
        assert f"indexer: Changed /none/{number}.md" in lost
    assert "Rescan" not in lost  # nudges need no promise: the next start looks anyway


async def test_the_worst_moment_to_end_is_survived(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Open streams, a hung handler, a full mailbox, a model that ignores TERM: in order, in time, every loss named."""
    check(*await end_crowded(tmp_path, nursery, STREAMS))
