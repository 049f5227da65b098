"""A program for test_watchdog: a heart, a watchdog, and one trouble named on the command line."""

import json
import os
import re
import sys
import time
from collections.abc import Mapping

import trio

from runner.process.notify import Notifier, watchdog_seconds
from runner.process.watchdog import Watchdog


def catastrophic(length: int) -> float:
    """Keep the interpreter busy inside one C call, twice as long for each letter more; gives the seconds it took."""
    begun = time.monotonic()
    re.match(r"(a+)+$", "a" * length + "b")
    return time.monotonic() - begun


async def hold_the_interpreter() -> None:
    """One call of at least 1.5 seconds, however fast or busy the machine; the loop beats between shorter ones."""
    length = 16
    while catastrophic(length) < 0.1:
        length += 1
    length += 4
    while catastrophic(length) < 1.5:
        length += 1
        await trio.sleep(0.6)


def say(name: str, fields: Mapping[str, object]) -> None:
    """One JSON line for the test."""
    sys.stdout.write(json.dumps({"event": name, **fields}) + "\n")
    sys.stdout.flush()


async def main(trouble: str) -> None:
    """Run the trouble after the first beats, then go on until standard input ends."""
    watchdog = Watchdog(
        Notifier.from_environ(os.environ),
        say,
        stuck_for=lambda: 31.0 if trouble == "stuck" else None,
        manager_seconds=watchdog_seconds(os.environ),
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(watchdog.heart)
        say("up", {})
        while True:
            match (await trio.to_thread.run_sync(sys.stdin.readline)).strip():
                case "regex":
                    await hold_the_interpreter()
                    say("done", {})
                case "sleep":
                    time.sleep(3.5)  # noqa: ASYNC251 - blocking the loop is what this program is for
                    say("done", {})
                case "heart":
                    # the task ends, the thread lives on
                    nursery.cancel_scope.cancel()
                    break
                case "overrun":
                    watchdog.shutdown_begun(within=0.1)
                    await trio.sleep_forever()
                case _:
                    nursery.cancel_scope.cancel()
                    break
    if trouble == "heart":
        sys.stdin.readline()
    watchdog.close()
    say("down", {"blocked": watchdog.statistics().blocked, "paused": watchdog.statistics().paused})


trio.run(main, sys.argv[1])
