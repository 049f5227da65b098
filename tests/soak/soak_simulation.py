"""The simulation with its full count: 10,000 days of a life, the power failing in every third session.

The days are lived in many homes side by side, half of each home's around either change of the clocks. Every third home
may spend so much a day and no more, and every sixteenth is a repository that the real git commits and pushes. A promise
that is broken names its home's seed, and `--days 25 --seed S --homes 1` lives that one again.
"""

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from tests.simulation.simulation import Plan, Report, simulate
from tests.simulation.storage import fast_folder

DAYS = 10_000
A_HOME = 25
"""Days of one home: its files become more and more, and each session looks at them."""
DAY_USD = 0.13
"""What a day may cost where it is limited: some ten sessions, of which a busy day has more."""
SPENDS, KEPT = 3, 16
AT_LEAST = 20
"""How often the power has to fail at each named point, in a run of the full length."""


def plan_of(days: float, seed: int, wanted: int, homes: int) -> Plan:
    """What a home of this seed lives through, and how often each point is to be hit in it beside its sessions' turns.

    The repositories see to the points, and so do twice as many homes with a budget as hits are wanted: each lives
    through all points, so more would only cost.
    """
    git, spends = seed % KEPT == 0, seed % SPENDS == 0
    every = SPENDS * max(1, int(homes / SPENDS / max(1, 2 * wanted)))
    asked = seed % every == 0 or homes < every
    alike = homes / KEPT if git else homes / every if asked else math.inf
    return Plan(
        days=days,
        seed=seed,
        quota=math.ceil(wanted / max(1, alike)),
        spring_and_autumn=True,
        day_usd=DAY_USD if spends else 0.0,
        git=git,
    )


def live(plan: Plan) -> tuple[int, float, Report]:
    """One home, in a process of its own."""
    begun, seed = time.monotonic(), plan.seed
    with TemporaryDirectory(dir=fast_folder()) as folder:
        report = simulate(plan, Path(folder))
    return seed, time.monotonic() - begun, report


def main(argv: Sequence[str]) -> int:
    """Run it and print what was counted. The exit code is 1 for a broken promise or a point that was hit too seldom."""
    parser = argparse.ArgumentParser(prog="soak_simulation", description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS, help=f"days in all ({DAYS})")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first home (1); the next one has the next")
    parser.add_argument("--homes", type=int, default=0, help=f"homes that share the days (one for each {A_HOME})")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="homes at a time (processors)")
    parser.add_argument("--each-point", type=int, default=0, help="hits that a shorter run aims at (0)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)
    homes = options.homes or max(1, math.ceil(options.days / A_HOME))
    wanted = AT_LEAST if options.days >= DAYS else options.each_point
    begun = time.monotonic()
    seeds = range(options.seed, options.seed + homes)
    plans = [plan_of(options.days / homes, seed, wanted, homes) for seed in seeds]
    found = list(_side_by_side(plans, options.workers))
    took = time.monotonic() - begun
    points: Counter[str] = Counter()
    states: Counter[str] = Counter()
    for report in found:
        points.update(report.points)
        states.update(report.states)
    wrong = [each for report in found for each in report.wrong]
    seldom = {point: hits for point, hits in points.items() if hits < AT_LEAST and options.days >= DAYS}
    counts = {
        "days": options.days,
        "homes": homes,
        "seconds": round(took, 1),
        "days_a_second": round(options.days / took, 2),
        "lives": sum(report.lives for report in found),
        "power_cuts": sum(report.cuts for report in found),
        "sessions": sum(report.sessions for report in found),
        "clock_jumps": sum(report.jumps for report in found),
        "letters": sum(report.letters for report in found),
        "requests": sum(report.asked for report in found),
        "correspondents_letters": sum(report.mail for report in found),
        "own_wakes": sum(report.own_wakes for report in found),
        "pauses": sum(report.pauses for report in found),
        **{f"records_{state}": count for state, count in sorted(states.items())},
        "points": len(points),
        "fewest_hits": min(points.values()),
        "broken_promises": len(wrong),
    }
    if options.json:
        print(json.dumps({**counts, "hits": dict(sorted(points.items())), "wrong": wrong, "seldom": seldom}))
    else:
        for point, hits in sorted(points.items(), key=lambda pair: pair[1]):
            print(f"simulation  {hits:7}  after {point}")
        for name, value in counts.items():
            print(f"simulation  {name:24} {value}")
        for each in wrong:
            print(f"simulation  BROKEN: {each}")
    return 1 if wrong or seldom else 0


def _side_by_side(plans: Sequence[Plan], workers: int) -> Iterator[Report]:
    """The reports as they come, each with a line of progress."""
    # spawned, not forked: a run after another soak finds threads and clocks in this process
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        running = [pool.submit(live, plan) for plan in plans]
        for number, done in enumerate(as_completed(running), 1):
            seed, took, report = done.result()
            said = f"{len(report.wrong)} broken promises" if report.wrong else "every promise kept"
            print(
                f"home {number} of {len(plans)} (seed {seed}): {report.days:g} days in {took:.0f} s, "
                f"{report.cuts} cuts, {said}",
                file=sys.stderr,
                flush=True,
            )
            yield attrs.evolve(report, wrong=tuple(f"seed {seed}: {each}" for each in report.wrong))
