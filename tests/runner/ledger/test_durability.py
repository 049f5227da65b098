"""Accepted means durable, also when the process is killed in the middle of its work."""

import subprocess
import sys
from pathlib import Path

from runner.ledger import LedgerView

WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import trio
from runner.ledger import Ledger, WakeRequest

async def main():
    ledger = await Ledger.open(Path(sys.argv[1]), run_sync=trio.to_thread.run_sync)
    while True:
        wake = await ledger.wakes.enqueue(WakeRequest(type="custom", message="x" * 2000), datetime.now(UTC))
        print(wake.id, flush=True)
        await ledger.wakes.claim(datetime.now(UTC))

trio.run(main)
"""


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """Every wake that was acknowledged before a kill -9 is in the ledger after it, and the ledger is sound."""
    path = tmp_path / "sessions.db"
    with subprocess.Popen((sys.executable, "-c", WRITE, str(path)), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().strip() for _ in range(60)]
        process.kill()
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
    with LedgerView.open(path) as view:
        assert {wake.id for wake in view.queue()} >= set(acknowledged)
