"""The hooks' own cost after a session in a home of many entries, without model and vectors, in milliseconds.

Told as time of processors, git's included, which a busy machine changes little, and as time on the clock. Beside the
ordinary session there is one in ten days that takes a mirror, and one that finds nothing of the home in memory.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import attrs
import trio

from runner.ledger import Ledger, SessionFacts, SessionOutcome, WakeRequest
from runner.session.hooks import HOOKS, HookContext
from runner.session.kinds import SCHEDULED, kind_of
from runner.session.pipeline import Pipeline
from runner.session.workspace import Workspace
from runner.settings import Settings, load_settings
from runner.storage import files

T = TypeVar("T")
AFTER_THE_MIRROR = 88
"""Sessions of three hours each after which the next mirror is due."""
TARGET = 500
NOW = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)
TEXT = """
harbor ledger window lamp tide kettle larkspur snow rain stair letter bread orchard quiet calm curious thread stone
water morning paper ink hinge shadow gull rope sail anchor moss field
"""


def main(argv: Sequence[str]) -> int:
    """Print what the hooks of each kind of session cost."""
    parser = argparse.ArgumentParser(prog="bench_hooks", description=__doc__)
    parser.add_argument("--entries", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = trio.run(_measure, Path(folder) / "home", options.entries, options.rounds)
    print(
        json.dumps(found) if options.json else "hooks  " + "  ".join(f"{key} {value}" for key, value in found.items())
    )
    return 0


async def _measure(home: Path, entries: int, rounds: int) -> dict[str, object]:
    _make_home(home, entries)
    settings = load_settings({"home": str(home)}, {}, None).settings
    limiter = trio.CapacityLimiter(1)

    async def serial(work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=limiter)

    ledger = await Ledger.open(settings.paths.ledger, run_sync=serial, zone=settings.resident.zone)
    try:
        first = await _session(settings, ledger, 0)
        ordinary = [await _session(settings, ledger, number) for number in range(1, rounds + 1)]
        _forget(home)
        cold = await _session(settings, ledger, rounds + 1)
        mirror = await _session(settings, ledger, AFTER_THE_MIRROR)
        _forget(home)
        cold_mirror = await _session(settings, ledger, 2 * AFTER_THE_MIRROR)
    finally:
        await ledger.close()
    cases = {"first": first, "cold": cold, "mirror": mirror, "cold_mirror": cold_mirror}
    usual = ordinary[-1]
    return {
        "entries": entries,
        "cpu_ms": round(statistics.median(cost.cpu for cost in ordinary)),
        "ms": round(statistics.median(cost.wall for cost in ordinary)),
        **{f"{name}_cpu_ms": round(cost.cpu) for name, cost in cases.items()},
        **{f"{name}_ms": round(cost.wall) for name, cost in cases.items()},
        "target_ms": TARGET,
        **{f"usual_{name}_ms": took for name, took in usual.slowest.items()},
        **{f"mirror_{name}_ms": took for name, took in mirror.slowest.items()},
    }


@attrs.frozen
class Cost:
    """Of one session, in milliseconds."""

    wall: float
    cpu: float
    slowest: Mapping[str, int]


@attrs.define(eq=False)
class _Meter:
    """Adds up what passes between its beginnings and ends."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), _processors()
        yield
        self.wall += (time.perf_counter() - wall) * 1000
        self.cpu += (_processors() - cpu) * 1000


def _processors() -> float:
    """Seconds of processors that this process and its ended children have used."""
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def _forget(home: Path) -> None:
    """Let nothing of the home's files stay in memory, as after a start of the machine."""
    os.sync()
    for path in home.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


async def _session(settings: Settings, ledger: Ledger, number: int) -> Cost:
    now = NOW + timedelta(hours=3 * number)
    wake = await ledger.wakes.enqueue(WakeRequest(type="noon"), now)
    await ledger.wakes.claim(now, only=wake.id)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=now))
    place = Workspace(settings.paths.tmp / wake.id)
    place.make()
    meter = _Meter()
    with meter.running():
        place.before.keep(settings.home, [])  # before the model, and yet the hooks' own cost
    (settings.paths.thoughts / f"{now:%Y-%m-%d}-bench-{number}.md").write_text("A calm morning by the harbor.\n" * 40)
    files.write_atomic(place.stream, b'{"type":"result","subtype":"success","result":"bye"}\n')
    outcome = SessionOutcome(state="completed", ended_at=now, hooks=tuple(hook.name for hook in HOOKS))
    await ledger.sessions.finish(wake.id, outcome)
    zone = settings.resident.zone
    context = HookContext(
        session_id=wake.id,
        kind=kind_of("noon"),
        settings=settings,
        began=now.astimezone(zone),
        ended=now.astimezone(zone) + timedelta(minutes=5),
        stream=place.stream,
        message="",
        sender="",
        reply="bye",
        exit_code=0,
        run_sync=_in_thread,
        ledger=ledger,
        environ={"PATH": os.environ["PATH"], "HOME": str(settings.home)},
    )
    with meter.running():
        verdicts = await Pipeline(HOOKS).run(context, ledger=ledger, now=lambda: datetime.now(UTC))
    bad = {name: verdict.value for name, verdict in verdicts.items() if verdict.value not in {"done", "not_due"}}
    if bad:
        raise AssertionError(f"hooks that did not run well: {bad}")
    rows = await ledger.hooks.of(wake.id)
    each = {
        row.name: round((row.ended_at - row.started_at).total_seconds() * 1000)
        for row in rows
        if row.started_at is not None and row.ended_at is not None
    }
    slowest = sorted(each.items(), key=lambda item: -item[1])[:3]
    return Cost(meter.wall, meter.cpu, {name: ms for name, ms in slowest if ms})


def _in_thread(work: Callable[[], T], /) -> Awaitable[T]:
    return trio.to_thread.run_sync(work)


def _make_home(home: Path, entries: int) -> None:
    """Eight thoughts a day for as many days as it takes, every tenth a dream, in a repository."""
    for folder in ("thoughts", "dreams", "memory", "data", "transcripts", "logs"):
        (home / folder).mkdir(parents=True)
    words = TEXT.split()
    for number in range(entries):
        day = NOW - timedelta(days=number // len(SCHEDULED))
        name = f"{day:%Y-%m-%d}-{SCHEDULED[number % len(SCHEDULED)]}"
        text = " ".join(words[(number * 7 + word * (number % 5 + 1)) % len(words)] for word in range(250))
        page = f'---\ndate: "{day:%Y-%m-%d}"\ntitle: "{name}"\nmood: "calm, curious"\n---\n{text}\n'
        path = home / ("dreams" if number % 10 == 0 else "thoughts") / f"{name}.md"
        path.write_text(page)
        os.utime(path, (day.timestamp(), day.timestamp()))
    moods = [
        {
            "timestamp": (NOW - timedelta(hours=3 * number)).isoformat(),
            "mood_words": ["calm", "curious"],
            **{key: {"valence": 0.2, "arousal": -0.1} for key in ("self_report", "derived", "blended")},
        }
        for number in reversed(range(entries))
    ]
    (home / "data" / "mood-history.jsonl").write_text("".join(json.dumps(mood) + "\n" for mood in moods))
    (home / "memory" / "memory.md").write_text("The kettle is called kestrel.\n" * 50)
    plain = {"PATH": os.environ["PATH"], "HOME": str(home)}
    (home / ".gitignore").write_text("/data\n/logs\n/transcripts\n/sessions.db*\n")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for step in (("init", "-q"), ("add", "--all"), (*who, "commit", "-q", "-m", "begin")):
        subprocess.run(("git", *step), cwd=home, env=plain, check=True, timeout=120)
