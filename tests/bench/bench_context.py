"""What it costs to gather and render what a waking session is told, on a home with years behind it and no network.

    python -m tests.bench.bench_context [--json] [--entries N] [--rounds N]

It prints figures and asserts none. Gathering is meant to stay within 300 ms on 2,000 entries. Work goes through as many
threads as in the running process, and the files are in the page cache after the first round, which is told apart.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeAlias, TypeVar

import trio

from runner.content import Catalogue, CatalogueCache, read_kinds, scan
from runner.resources import config_dir, prompts_dir
from runner.schedule import load_schedule
from runner.session.context import SOURCES, gather
from runner.session.kinds import kind_of
from runner.session.prompt import Prompter, PromptInput
from runner.session.sources.base import Ask
from runner.settings import Settings, load_settings
from runner.tools.capabilities import Capabilities
from tests.support.large_home import make_large_home

T = TypeVar("T")
Figures: TypeAlias = dict[str, float]

THREADS = 4
"""As in the running process."""


async def measure(settings: Settings, rounds: int) -> Figures:
    """Milliseconds of a few wakes one after the other."""
    limiter = trio.CapacityLimiter(THREADS)

    async def run_sync(work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=limiter)

    prompter = Prompter(prompts_dir(), Capabilities(("Read", "Write")))
    schedule = load_schedule(settings.resident.zone)
    now = datetime(2026, 3, 2, 12, 5, tzinfo=settings.resident.zone)
    gathering: list[float] = []
    rendering: list[float] = []
    alone: list[float] = []
    for _ in range(rounds + 1):
        ask = Ask(kind_of("noon"), now, settings, schedule, run_sync)
        began = time.perf_counter()
        context = await gather(ask)
        gathered = time.perf_counter()
        prompts = prompter.render(ask, context, PromptInput())
        rendering.append((time.perf_counter() - gathered) * 1_000)
        gathering.append((gathered - began) * 1_000)
    for source in SOURCES:
        began = time.perf_counter()
        await gather(Ask(kind_of("noon"), now, settings, schedule, run_sync), (source,))
        alone.append((time.perf_counter() - began) * 1_000)
    return {
        "gather_first_ms": gathering[0],
        "gather_p50_ms": statistics.median(gathering[1:]),
        "gather_max_ms": max(gathering[1:]),
        "render_p50_ms": statistics.median(rendering[1:]),
        "slowest_source_ms": max(alone),
        "sources": len(SOURCES),
        "missing": len(context.missing),
        "system_characters": len(prompts.system),
        "user_characters": len(prompts.user),
    }


def keep_catalogue(settings: Settings) -> None:
    """As every home has it that was served."""
    kinds = read_kinds(config_dir() / "content.toml")
    catalogue, _ = scan(Catalogue.empty(kinds, settings.home, settings.resident.zone))
    cache = CatalogueCache(settings.paths.catalogue_db)
    cache.save(catalogue)
    cache.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_context", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--entries", type=int, default=2_000, help="files of the generated home")
    parser.add_argument("--rounds", type=int, default=20, help="how many wakes")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        given: dict[str, object] = {"home": str(home), "world.weather_url": "", "world.kp_url": ""}
        settings = load_settings(given, {}, None).settings
        until = datetime(2026, 3, 2, 12, 0, tzinfo=settings.resident.zone)
        figures: Figures = {"entries": make_large_home(home, entries=options.entries, until=until)}
        keep_catalogue(settings)
        figures |= trio.run(measure, settings, options.rounds)
    if options.json:
        print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    else:
        for name, value in figures.items():
            print(f"{name:28}{value:>14,.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
