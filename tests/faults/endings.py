"""The shipped process with one thing done to it at one point of its first session: `python -m tests.faults.endings up`.

The environment says where (`ENDINGS_AT`, a name of `POINTS`) and what (`ENDINGS_HOW`): `kill` ends it at once, `hold`
stops everything until the test has done what it wants to do from outside, and says so by `ENDINGS_FOLDER/go`.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner.cli.app import main as cli
from runner.cli.context import CliContext, Start
from runner.ledger.ledger import Hooks, Sessions
from runner.main import run
from runner.session.budget_guard import BudgetGuard
from runner.session.close import Closing
from runner.session.engine import _Session
from runner.session.pipeline import Pipeline
from runner.session.run import SessionRun
from runner.storage import sqlite
from runner.stream.livefiles import LineFiles

POINTS = (
    "before spawning is noted",
    "spawning is noted",
    "running is noted",
    "the first line has come",
    "a later line was taken",
    "the result is read",
    "the result is on the disk",
    "the result is shown",
    "the model is gone",
    "its end is judged",
    "its end is kept",
    "the pause is looked at",
    "before the record",
    "the record is written",
    "the log has its lines",
    "before the hooks",
    "a hook has begun",
    "a hook has its verdict",
    "all hooks have their verdicts",
    "everything is left",
)
"""In the order in which a session comes to them."""
ENDED_WELL_FROM = POINTS.index("the result is on the disk")
"""From here on the session has ended well, whatever becomes of the process."""
RESULT = b'"type":"result"'


def tap(owner: type, name: str, before: str = "", after: str = "", *, which: Callable[..., bool] | None = None) -> None:
    """Come to these points around a method that is waited for; *which* chooses among its calls."""
    real = getattr(owner, name)

    async def tapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        wanted = which is None or which(*args)
        if wanted and before:
            reach(before)
        value = await real(self, *args, **kwargs)
        if wanted and after:
            reach(after)
        return value

    setattr(owner, name, tapped)


def tap_all() -> None:
    tap(SessionRun, "spawning", POINTS[0], POINTS[1])
    tap(SessionRun, "spawned", "", POINTS[2])
    tap(SessionRun, "line", POINTS[3], POINTS[4], which=lambda line: RESULT not in line)
    tap(SessionRun, "line", POINTS[5], POINTS[7], which=lambda line: RESULT in line)
    tap(LineFiles, "settled", "", POINTS[6])
    tap(SessionRun, "run", "", POINTS[8])
    tap(Closing, "keep", POINTS[9], POINTS[10])
    tap(BudgetGuard, "ended", "", POINTS[11])
    tap(Sessions, "finish", POINTS[12], POINTS[13])
    tap(Closing, "note", "", POINTS[14])
    tap(Pipeline, "run", POINTS[15], POINTS[18])
    tap(Hooks, "begin", "", POINTS[16])
    tap(Hooks, "finish", "", POINTS[17])
    tap(_Session, "_leave", "", POINTS[19])


reached: list[str] = []


def reach(point: str) -> None:
    """Do the deed, the first time."""
    if point != os.environ.get("ENDINGS_AT") or reached:
        return
    reached.append(point)
    folder = Path(os.environ["ENDINGS_FOLDER"])
    (folder / "reached").write_text(point)
    if os.environ["ENDINGS_HOW"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    while not (folder / "go").exists():
        time.sleep(0.002)  # nothing of the process may go on meanwhile: it is the world that moves


def main() -> int:
    """The command line of the shipped program, with the taps put in."""
    environ = dict(os.environ)
    sqlite.BUSY_SECONDS = float(environ.get("ENDINGS_BUSY", sqlite.BUSY_SECONDS))
    tap_all()

    def up(start: Start) -> int:
        return run(start, environ=environ)

    return cli(sys.argv[1:], CliContext(environ, up))


if __name__ == "__main__":
    sys.exit(main())
