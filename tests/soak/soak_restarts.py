"""Two hundred restarts of the web server under a hammer, and an end with a thousand open streams."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import trio

from tests.faults import test_crowded_end, test_web_restarts


def main(argv: Sequence[str]) -> int:
    """Run both and print what was counted; a broken promise is an AssertionError."""
    parser = argparse.ArgumentParser(prog="soak_restarts", description=__doc__)
    parser.add_argument("--restarts", type=int, default=200)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)

    async def web(folder: Path) -> dict[str, object]:
        async with trio.open_nursery() as nursery:
            counted = await test_web_restarts.restart_under_fire(folder / "home", nursery, options.restarts)
            nursery.cancel_scope.cancel()
        test_web_restarts.check(counted)
        return {"restarts": options.restarts, **counted}

    async def end(folder: Path) -> dict[str, object]:
        async with trio.open_nursery() as nursery:
            seconds, code, report = await test_crowded_end.end_crowded(folder, nursery, options.streams)
            nursery.cancel_scope.cancel()
        test_crowded_end.check(seconds, code, report, within=15)
        return {"streams": options.streams, "seconds": round(seconds, 2), "exit_code": code, "phases": report["phases"]}

    for name, work in (("web", web), ("end", end)):
        with tempfile.TemporaryDirectory() as folder:
            found = trio.run(work, Path(folder))
        print(json.dumps({name: found}) if options.json else f"{name}  {found}", flush=True)
    return 0
