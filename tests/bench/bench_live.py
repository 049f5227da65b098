"""From a line of the CLI to a viewer's socket: the whole way through the shipped process, in milliseconds.

The model is a program that writes one line at a time with the instant in it; viewers are sockets of this process.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import trio

from runner.process.limits import raise_open_files
from tests.bench.figures import Report, spread
from tests.support.fixtures import STREAM
from tests.support.http_client import EventStream
from tests.support.process import command, scrubbed, start

PROGRAM = """#!{python} -SE
import json, sys, time
sys.stdin.read()
def say(record):
    sys.stdout.write(json.dumps(record) + "\\n")
    sys.stdout.flush()
say({{"type": "system", "subtype": "init", "session_id": "bench", "model": "bench"}})
time.sleep(0.5)
for number in range({lines}):
    text = str(time.monotonic_ns())
    say({{"type": "assistant", "message": {{"content": [{{"type": "text", "text": text}}]}}}})
    time.sleep({pause})
say({{"type": "result", "subtype": "success", "is_error": False, "duration_ms": 1, "num_turns": 1,
     "total_cost_usd": 0.0, "result": "done", "usage": {{"input_tokens": 1, "output_tokens": 1}}}})
"""


def main(argv: Sequence[str]) -> int:
    """Print p50 and p99 for each number of viewers."""
    parser = argparse.ArgumentParser(prog="bench_live", description=__doc__)
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two lines")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    raise_open_files()
    report = Report("live", options.json)
    for viewers in (1, 50):
        found = trio.run(_measure, viewers, options.lines, options.pause)
        report.add(found)
    return 0


async def _measure(viewers: int, lines: int, pause: float) -> dict[str, object]:
    delays: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        program = Path(folder) / "claude-bench"
        program.write_text(PROGRAM.format(python=sys.executable, lines=lines, pause=pause))
        program.chmod(0o755)
        done = await command(scrubbed(home), "init", "--home", str(home))
        assert done.returncode == 0, done.stderr
        async with trio.open_nursery() as nursery:
            up = await start(
                nursery,
                home,
                SESSION_BACKEND="claude-cli",
                CLAUDE_BIN=str(program),
                ANTHROPIC_API_KEY="dummy-key",
            )
            streams = [await EventStream.open(up.host, up.port, STREAM) for _ in range(viewers)]

            async def watch(stream: EventStream) -> None:
                while (event := await stream.next()) is not None and event.name != "session.end":
                    if event.name == "session.text":
                        delays.append((time.monotonic_ns() - int(event.data["text"])) / 1e9)

            async with trio.open_nursery() as watching:
                for stream in streams:
                    watching.start_soon(watch, stream)
                assert (await up.wake("morning"))["state"] == "completed"
            for stream in streams:
                await stream.aclose()
            await up.stop()
            nursery.cancel_scope.cancel()
    assert len(delays) == viewers * lines
    return {"viewers": viewers, "lines": lines, **spread(delays)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
