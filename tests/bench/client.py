"""The measuring client, a process of its own: reads one JSON job a line, answers each with one JSON line.

    python -m tests.bench.client

One process is asked for many jobs, so that viewers may stay between them. It opens as many files as the system lets it.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

import cattrs

from runner.process.limits import raise_open_files
from tests.bench.crowd import Crowd
from tests.bench.edits import Editing, Editor
from tests.bench.load import Asker, Load

Job = Callable[[dict[str, Any]], dict[str, object]]


def jobs() -> dict[str, Job]:
    """Everything it can be asked for; what one job leaves for the next is kept by these."""
    asker, crowd, editor = Asker(), Crowd(), Editor()
    return {
        "load": lambda job: asker.run(cattrs.structure(job, Load)),
        "edit": lambda job: editor.run(cattrs.structure(job, Editing)),
        "join": lambda job: crowd.join(**job),
        "tell": lambda job: crowd.tell(**job),
        "stall": lambda job: crowd.stall(**job),
    }


def work(lines: TextIO, out: TextIO) -> None:
    """Do each job as it comes, until there are no more lines."""
    known = jobs()
    for line in lines:
        job = json.loads(line)
        print(json.dumps(known[job.pop("do")](job)), file=out, flush=True)


if __name__ == "__main__":
    raise_open_files()
    work(sys.stdin, sys.stdout)
