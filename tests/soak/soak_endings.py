"""Forty kills, a ledger locked for 15 s, a full disk: at all of twenty points of a session of the shipped process."""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from tests.faults import test_endings
from tests.faults.endings import POINTS

ROUNDS = 2
LOCKED = 15.0
FULL = 5.0


def main(argv: Sequence[str]) -> int:
    """Run all and print what was counted; a broken promise is an AssertionError."""
    parser = argparse.ArgumentParser(prog="soak_endings", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="kills at each point")
    parser.add_argument("--locked", type=float, default=LOCKED, help="seconds")
    parser.add_argument("--first", type=int, default=0, help="number of the first point")
    parser.add_argument("--only", choices=("kill", "lock", "full"), help="one of the three")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    points = POINTS[options.first :]
    works = {
        "kill": [partial(_kill, point) for point in points for _ in range(options.rounds)],
        "lock": [partial(_lock, point, options.locked) for point in points],
        "full": [partial(_fill, point) for point in points],
    }
    for name, trials in works.items():
        if options.only not in (None, name):
            continue
        counted: Counter[str] = Counter()
        for trial in trials:
            with tempfile.TemporaryDirectory() as folder:
                counted += Counter(trio.run(trial, Path(folder)))
        found = {"trials": len(trials), **counted}
        print(json.dumps({name: found}) if options.json else f"{name}  {found}", flush=True)
    return 0


async def _kill(point: str, folder: Path) -> dict[str, int]:
    async with trio.open_nursery() as nursery:
        row = await test_endings.kill_at(test_endings.Trial(folder, folder / "home", nursery), point)
        nursery.cancel_scope.cancel()
    return {row.state: 1}


async def _lock(point: str, seconds: float, folder: Path) -> dict[str, int]:
    async with trio.open_nursery() as nursery:
        trial = test_endings.Trial(folder, folder / "home", nursery)
        shown = await test_endings.lock_at(trial, point, seconds, busy=5.0)
        nursery.cancel_scope.cancel()
    return {"completed": 1, "shown as waiting": int(shown)}


async def _fill(point: str, folder: Path) -> dict[str, int]:
    with test_endings.small_disk(folder / "disk") as disk:
        async with trio.open_nursery() as nursery:
            trial = test_endings.Trial(folder, disk.folder / "home", nursery)
            shown = await test_endings.fill_at(trial, disk, point, FULL)
            nursery.cancel_scope.cancel()
    return {"completed": 1, "shown as waiting": int(shown)}
