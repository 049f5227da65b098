"""Hundreds of clients that ask for nothing, take nothing or say too much, until the last limit has ended them."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from tests.faults.test_abusive_clients import abuse
from tests.support.process import command, scrubbed


def main(argv: Sequence[str]) -> int:
    """Run it and print what was measured; a broken promise is an error."""
    parser = argparse.ArgumentParser(prog="soak_clients", description=__doc__)
    parser.add_argument("--clients", type=int, default=375, help="connections at a time (375)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(argv)

    async def run() -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            done = await command(scrubbed(home), "init", "--demo", "--home", str(home))
            assert done.returncode == 0, done.stderr
            async with trio.open_nursery() as nursery:
                found = await abuse(home, nursery, options.clients, wait=True)
                nursery.cancel_scope.cancel()
        return found

    found: dict[str, float] = {"clients": options.clients, **trio.run(run)}
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"clients  {name:24} {value:.2f}")
    return 0
