"""What benchmarks have in common: percentiles, what a process has used so far, and how a line of figures is printed."""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from tests.support.process import Running

ROOT = Path(__file__).resolve().parents[2]
COMMIT = ("git", "describe", "--always", "--dirty", "--exclude=*")


def percentile(ordered: list[float], percent: float) -> float:
    """The value that so many of a hundred are at or below; of figures in order."""
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * percent / 100) - 1)]


def spread(seconds: Iterable[float]) -> dict[str, float]:
    """Median, the worst of a hundred and the worst of all, in milliseconds; nothing of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    return {
        "p50_ms": round(percentile(ordered, 50) * 1000, 2),
        "p99_ms": round(percentile(ordered, 99) * 1000, 2),
        "max_ms": round(ordered[-1] * 1000, 2),
    }


def cpu_seconds(pid: int) -> float:
    """The processor time of a process and all its threads, to the nanosecond (/proc counts in hundredths)."""
    return time.clock_gettime((~pid << 3) | 2)  # how Linux numbers the clock of another process


def waited_seconds(pid: int) -> float:
    """How long its first thread was ready to run while others had the processors: how busy the machine was."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def memory_kib(pid: int) -> int:
    """What it holds in memory now (VmRSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def commit() -> str:
    """What is being measured; empty outside a checkout."""
    told = subprocess.run(COMMIT, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


@attrs.define
class Spent:
    """Bytes received from a server, and its processor time."""

    pid: int
    cpu: float
    received: int = 0

    @classmethod
    def begin(cls, up: Running) -> "Spent":
        return cls(up.process.pid, cpu_seconds(up.process.pid))

    def end(self) -> dict[str, object]:
        """For the line that is printed."""
        return {"bytes": self.received, "cpu_s": round(cpu_seconds(self.pid) - self.cpu, 3)}


@attrs.define
class Report:
    """Prints lines of figures as they come, for a program or for a person, and counts what was wrong."""

    bench: str
    as_json: bool
    commit: str = attrs.field(factory=commit)
    wrong: int = 0

    def add(self, line: Mapping[str, object]) -> None:
        """One line. `wrong` is a number of things, described in `told`; `right` says whether the whole was."""
        told = line.get("told")
        shown = {**{name: value for name, value in line.items() if name != "told"}, "commit": self.commit}
        if self.as_json:
            print(json.dumps({"bench": self.bench, **shown}), flush=True)
        else:
            print(f"{self.bench}  " + "  ".join(f"{name} {value}" for name, value in shown.items()), flush=True)
        wrong = line.get("wrong", 0)
        self.wrong += (wrong if isinstance(wrong, int) else 0) + (line.get("right") is False)
        for problem in told if isinstance(told, list) else ():
            print(f"WRONG {problem}", file=sys.stderr)

    @property
    def exit_code(self) -> int:
        """0 when all was as it has to be."""
        return 1 if self.wrong else 0
