"""The hooks' own cost after a session in a home of many entries, without model and vectors, in milliseconds."""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import trio

from runner.ledger import Ledger, SessionFacts, SessionOutcome, WakeRequest
from runner.session.hooks import HOOKS, HookContext
from runner.session.kinds import SCHEDULED, kind_of
from runner.session.pipeline import Pipeline
from runner.session.workplace import Workplace
from runner.settings import Settings, load_settings
from runner.storage import files

T = TypeVar("T")
TARGET = 500
NOW = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)
TEXT = """
harbor ledger window lamp tide kettle larkspur snow rain stair letter bread orchard quiet calm curious thread stone
water morning paper ink hinge shadow gull rope sail anchor moss field
"""


def main(argv: Sequence[str]) -> int:
    """Print the cost of an ordinary session's hooks, and of one in ten days that takes a mirror."""
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
        first, _ = await _session(settings, ledger, 0)
        times: list[float] = []
        slowest: dict[str, int] = {}
        for number in range(1, rounds + 1):
            took, slowest = await _session(settings, ledger, number)
            times.append(took)
    finally:
        await ledger.close()
    return {
        "entries": entries,
        "ms": round(statistics.median(times)),
        "ms_with_mirror": round(first),
        "target_ms": TARGET,
        **{f"{name}_ms": took for name, took in slowest.items()},
    }


async def _session(settings: Settings, ledger: Ledger, number: int) -> tuple[float, dict[str, int]]:
    now = NOW + timedelta(hours=3 * number)
    wake = await ledger.wakes.enqueue(WakeRequest(type="noon"), now)
    await ledger.wakes.claim(now, only=wake.id)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=now))
    place = Workplace(settings.paths.tmp / wake.id)
    place.make()
    began = time.perf_counter()
    place.before.keep(settings.home, [])  # before the model, and yet the hooks' own cost
    looked = time.perf_counter() - began
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
    began = time.perf_counter()
    verdicts = await Pipeline(HOOKS).run(context, ledger=ledger, now=lambda: datetime.now(UTC))
    took = (looked + time.perf_counter() - began) * 1000
    bad = {name: verdict.value for name, verdict in verdicts.items() if verdict.value not in {"done", "not_due"}}
    if bad:
        raise AssertionError(f"hooks that did not run well: {bad}")
    rows = await ledger.hooks.of(wake.id)
    each = {
        row.name: round((row.ended_at - row.started_at).total_seconds() * 1000)
        for row in rows
        if row.started_at is not None and row.ended_at is not None
    }
    return took, {name: ms for name, ms in sorted(each.items(), key=lambda item: -item[1])[:4] if ms}


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
    (home / "memory" / "memory.md").write_text("The kettle is called kestrel.\n" * 50)
    plain = {"PATH": os.environ["PATH"], "HOME": str(home)}
    (home / ".gitignore").write_text("/data\n/logs\n/transcripts\n/sessions.db*\n")
    who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for step in (("init", "-q"), ("add", "--all"), (*who, "commit", "-q", "-m", "begin")):
        subprocess.run(("git", *step), cwd=home, env=plain, check=True, timeout=120)
