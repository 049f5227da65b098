"""The storm of errors with its full count: 100 in each actor's handler, in random order, with viewers watching."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from tests.faults.test_storm import check, storm


def main(argv: Sequence[str]) -> int:
    """Run it and print what was counted; a broken promise is an AssertionError."""
    parser = argparse.ArgumentParser(prog="soak_storm", description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="errors for each actor (100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the order (1)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)

    async def run() -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            async with trio.open_nursery() as nursery:
                report, thoughts, sessions, late = await storm(
                    Path(folder) / "home", nursery, faults_each=options.faults, seed=options.seed
                )
                nursery.cancel_scope.cancel()
        check(report, thoughts, sessions, late, faults_each=options.faults)
        return {
            "raised": report["raised"],
            "numbered_events": report["published"],
            "session_events_a_viewer": len([event for event in sessions[0] if event.name != "session.delta"]),
            "viewers": len(thoughts) + len(sessions),
            "dead_letters": len(report["dead_letters"]),
            "hub": report["hub"],
        }

    found = trio.run(run)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"storm  {name:24} {value}")
    return 0
