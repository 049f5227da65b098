"""How old answers of the shipped process are while files are edited and sixteen connections read all the time.

    python -m tests.bench.bench_fresh [--json] [--entries N] [--edits N] [--connections N]

Files are replaced, rewritten and overwritten in their place, at random, so many each second. An age is for how long an
edit that an answer did not know had been complete when the answer was asked for. The exit code is 1 when one was older
than 300 ms, when an ETag stood for two bodies, or when an edit never came to a list or to the events. It needs a quiet
machine: `waited_s` is how long the server was ready to run and had no processor, and that makes answers older.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import attrs
import trio

from tests.bench.figures import Report
from tests.bench.house import furnish, measuring, served, until_searchable
from tests.support.http_client import get

LIST = "/api/v1/content/thoughts"
STREAM = "/api/v1/events/stream?topic=thoughts"


@attrs.frozen
class Plan:
    """What is measured."""

    entries: int
    edits: int
    each_second: float
    files: int
    connections: int


async def measure(plan: Plan, report: Report) -> None:
    """One line without and one with gzip."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        searchable = await furnish(home, plan.entries)
        async with served(home) as house, measuring() as client:
            up = house.up
            await until_searchable(up, searchable)
            listed = (await get(up.host, up.port, LIST)).json()
            for zipped in (False, True):
                found = await client.ask(
                    "edit",
                    host=up.host,
                    port=up.port,
                    pid=up.process.pid,
                    folder=str(home / "thoughts"),
                    route=LIST,
                    stream=STREAM,
                    slugs=[entry["slug"] for entry in listed][: plan.files],
                    edits=plan.edits,
                    each_second=plan.each_second,
                    connections=plan.connections,
                    zipped=zipped,
                )
                report.add({"asked_for": "gzip" if zipped else "identity", **found, "entries": plan.entries})


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_fresh", description=__doc__)
    parser.add_argument("--entries", type=int, default=2_000)
    parser.add_argument("--edits", type=int, default=200, help="in each of the two parts")
    parser.add_argument("--each-second", type=float, default=20.0)
    parser.add_argument("--files", type=int, default=50, help="that are edited, of the newest")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    plan = Plan(options.entries, options.edits, options.each_second, options.files, options.connections)
    report = Report("fresh", options.json)
    trio.run(measure, plan, report)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
