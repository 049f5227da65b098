"""Ten routes of the shipped process on a home with years behind it, asked by a client process over keep-alive sockets.

    python -m tests.bench.bench_http [--json] [--entries N ...] [--requests N] [--connections N ...] [--routes NAME ...]

Each line is one route, one way of asking and one number of connections. `per_cpu_s` is answers for each second of the
server's processor time: the figure to go by, since those per second of the clock depend on what else runs (`waited_s`
is how long the server was kept waiting by that). Cold is the start without a full-text index, warm the next one. The
exit code is 1 when an answer was not what it has to be.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.bench.figures import Report, cpu_seconds, memory_kib
from tests.bench.house import Client, furnish, measuring, served, until_quiet, until_searchable
from tests.support.http_client import get
from tests.support.large_home import COMMON_WORD
from tests.support.process import Running

API = "/api/v1"
WAYS = ("identity", "gzip", "304")
"""The whole body, the whole body for whoever takes gzip, and what a client gets that has it already."""
LARGE = 10_000


@attrs.frozen
class Route:
    """One route; `hot` ones are asked in every way."""

    name: str
    path: str
    hot: bool = False
    each: bool = False
    """The path is asked for each thought's slug, a different one every time."""


ROUTES = (
    Route("thoughts", f"{API}/content/thoughts", hot=True),
    Route("dreams", f"{API}/content/dreams", hot=True),
    Route("entry", f"{API}/content/thoughts/{{slug}}", hot=True, each=True),
    Route("analytics", f"{API}/analytics", hot=True),
    Route("health", f"{API}/health/live", hot=True),
    Route("status", f"{API}/session/status", hot=True),
    Route("search", f"{API}/search?q={COMMON_WORD}"),
    Route("tree", f"{API}/content/projects"),
    Route("about", f"{API}/content/about"),
    Route("echoes", f"{API}/echoes/thoughts/{{slug}}", hot=True, each=True),
)


@attrs.frozen
class Plan:
    """What is measured."""

    requests: int
    seconds: float
    connections: tuple[int, ...]
    routes: tuple[Route, ...]


def target(route: Route, way: str, entries: int, connections: int) -> tuple[int, float | None] | None:
    """Answers for each CPU-second, and milliseconds for all but one of a hundred: what is wanted of hot reads."""
    if not route.hot:
        return None
    rate = 700 if entries >= LARGE and way != "304" else 2_000
    return rate, 20.0 if entries >= LARGE and connections == 16 else None


def judged(line: dict[str, Any], wanted: tuple[int, float | None] | None) -> dict[str, Any]:
    """The line with what was wanted of it, and whether it came to that."""
    if wanted is None:
        return line
    rate, delay = wanted
    met = line["per_cpu_s"] >= rate and (delay is None or line["p99_ms"] <= delay)
    words = f">={rate}/cpu_s" + ("" if delay is None else f" p99<={delay:g}ms")
    return {**line, "target": words, "met": "yes" if met else "no"}


async def measure(entries: int, plan: Plan, report: Report) -> None:
    """The lines of one size of home."""

    def tell(line: dict[str, Any]) -> None:
        report.add({**line, "entries": entries})

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        searchable = await furnish(home, entries)
        async with served(home) as house:
            tell({"start": "cold", **await _began(house.up, house.ready, searchable)})
            await until_quiet(house.up)
        async with served(home) as house, measuring() as client:
            tell({"start": "warm", **await _began(house.up, house.ready, searchable)})
            await until_quiet(house.up)
            before = memory_kib(house.up.process.pid)
            await _load(house.up, client, entries, plan, tell)
            tell({"memory": "kib", "after_start": before, "after_load": memory_kib(house.up.process.pid)})


async def _began(up: Running, ready: float, searchable: int) -> dict[str, Any]:
    began = time.perf_counter()
    await until_searchable(up, searchable)
    whole = ready + time.perf_counter() - began
    pid = up.process.pid
    return {"ready_s": round(ready, 2), "all_searchable_s": round(whole, 2), "cpu_s": round(cpu_seconds(pid), 2)}


async def _load(up: Running, client: Client, entries: int, plan: Plan, tell: Callable[[dict[str, Any]], None]) -> None:
    listed = (await get(up.host, up.port, f"{API}/content/thoughts")).json()
    slugs = [entry["slug"] for entry in listed][: plan.requests]
    for route in plan.routes:
        paths = [route.path.format(slug=slug) for slug in slugs] if route.each else [route.path]
        for way in WAYS if route.hot else WAYS[:1]:
            for connections in plan.connections:
                found = await client.ask(
                    "load",
                    host=up.host,
                    port=up.port,
                    pid=up.process.pid,
                    paths=paths,
                    connections=connections,
                    count=plan.requests,
                    seconds=plan.seconds,
                    zipped=way == "gzip",
                    conditional=way == "304",
                )
                if found.get("without_etag"):
                    tell({"route": route.name, "way": way, "answers": 0, "without_etag": True})
                    break
                line = {"route": route.name, "way": way, "connections": connections, **found}
                tell(judged(line, target(route, way, entries, connections)))


def main(argv: Sequence[str]) -> int:
    """Measure and print."""
    names = [route.name for route in ROUTES]
    parser = argparse.ArgumentParser(prog="bench_http", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[2_000, 20_000], help="sizes of the home")
    parser.add_argument("--requests", type=int, default=1_000, help="of each line, at most")
    parser.add_argument("--seconds", type=float, default=0.8, help="for each line, at most")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--routes", nargs="+", choices=names, default=names)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    plan = Plan(
        requests=options.requests,
        seconds=options.seconds,
        connections=tuple(options.connections),
        routes=tuple(route for route in ROUTES if route.name in options.routes),
    )
    report = Report("http", options.json)
    for entries in options.entries:
        trio.run(measure, entries, plan, report)
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
