"""Viewers of the event stream of the shipped process: one event to all of them, a hundred, and some that stall.

    python -m tests.bench.bench_fanout [--json] [--viewers N ...] [--rounds N] [--events N] [--stalled N]

A delay is the time from putting a file in its place until one viewer has the news of it, so the last of many viewers
also waits until the one client process has read for all the others. The exit code is 1 when a viewer missed something,
or when one that stopped reading was not cut.
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.bench.figures import Report, memory_kib
from tests.bench.house import furnish, measuring, served

STREAM = "/api/v1/events/stream"
FOLDER = "scores"
ENTRIES = 200
SETTLING_SECONDS = 1.0
WITHIN = 60.0
TELLING_SECONDS = 0.01
"""Between two files of a series."""
TARGET_SECONDS = 1.0
TARGET_KIB = 40.0


@attrs.frozen
class Plan:
    """What is measured with each number of viewers."""

    rounds: int
    events: int
    stalled: int
    most: int


async def measure(viewers: int, plan: Plan, report: Report) -> None:
    """The lines of one number of viewers."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        await furnish(home, ENTRIES)
        async with served(home) as house, measuring() as client:
            up, pid = house.up, house.up.process.pid
            await trio.sleep(SETTLING_SECONDS)
            before = memory_kib(pid)
            place = {"host": up.host, "port": up.port, "pid": pid, "folder": str(home / FOLDER)}
            joined = await client.ask("join", **place, path=STREAM, viewers=viewers)
            await trio.sleep(SETTLING_SECONDS)
            each = round((memory_kib(pid) - before) / viewers, 1)
            line = {"viewers": viewers, "part": "join", **joined, "kib_each": each}
            report.add(_judged(line, f"<={TARGET_KIB:g} KiB", each <= TARGET_KIB))
            for number in range(plan.rounds):
                line = await client.ask("tell", names=[f"one-{number}"], pause=0.0, within=WITHIN)
                met = line["right"] and line.get("p99_ms", math.inf) <= TARGET_SECONDS * 1000
                line = {"viewers": viewers, "part": "one event", **line}
                report.add(_judged(line, f"p99<={TARGET_SECONDS:g}s", met))
            names = [f"series-{number:04}" for number in range(plan.events)]
            found = await client.ask("tell", names=names, pause=TELLING_SECONDS, within=WITHIN)
            each = round((memory_kib(pid) - before) / viewers, 1)
            report.add({"viewers": viewers, "part": "series", **found, "kib_each": each})
            if plan.stalled:
                found = await client.ask("stall", path=STREAM, viewers=plan.stalled, most=plan.most, within=WITHIN)
                found["right"] = found["right"] and found["cut"] == found["closed"] == plan.stalled
                report.add({"viewers": viewers, "part": "stalled", **found})


def _judged(line: dict[str, Any], target: str, met: object) -> dict[str, Any]:
    return {**line, "target": target, "met": "yes" if met else "no"}


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_fanout", description=__doc__)
    parser.add_argument("--viewers", type=int, nargs="+", default=[100, 1_000, 5_000])
    parser.add_argument("--rounds", type=int, default=3, help="single events")
    parser.add_argument("--events", type=int, default=100, help="of the series")
    parser.add_argument("--stalled", type=int, default=50, help="viewers that stop reading; 0 leaves them out")
    parser.add_argument("--most", type=int, default=2_000, help="events told to those who stall, at most")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    plan = Plan(options.rounds, options.events, options.stalled, options.most)
    report = Report("fanout", options.json)
    for viewers in options.viewers:
        trio.run(measure, viewers, plan, report)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
