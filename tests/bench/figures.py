"""What benchmarks have in common: percentiles, what a process has used so far, and how a line of figures is printed."""

import json
import math
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

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


def memory_kib(pid: int) -> int:
    """What it holds in memory now (VmRSS)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def commit() -> str:
    """What is being measured; empty outside a checkout."""
    told = subprocess.run(COMMIT, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stdout.strip()


def print_line(bench: str, line: Mapping[str, object], *, as_json: bool) -> None:
    """One line of figures, for a program or for a person."""
    if as_json:
        print(json.dumps({"bench": bench, **line}), flush=True)
    else:
        print(f"{bench}  " + "  ".join(f"{name} {value}" for name, value in line.items()), flush=True)
