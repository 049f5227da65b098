"""Days of a life on the mock clock, with the shipped parts and a power supply that fails."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation import repository
from tests.simulation.broken import BUILDS
from tests.simulation.power import GIT
from tests.simulation.simulation import Plan, simulate
from tests.simulation.storage import fast_folder

ALWAYS = (
    "Ledger.open",
    "Wakes.enqueue",
    "Wakes.claim",
    "Wakes.release",
    "Wakes.expire",
    "Sessions.record_missed_slot",
    "LetterRecords.offer",
    "LetterRecords.settle",
    "OwnWakes.look: remove data/self-schedule.json",
    "Spend.reserve",
    "Sessions.spawning",
    "the model begins",
    "Sessions.running",
    "LineFiles.run: append data/live-stream.jsonl",
    "StatusFile.active: rename data/session-status.json",
    "Sessions.finish",
    "Hooks.begin",
    "Hooks.finish",
    "StatusFile.idle: rename data/session-status.json",
)
"""Points between two durable writes that no run of a hundred days may leave out."""


@contextmanager
def place() -> Iterator[Path]:
    """An empty folder, in memory where that is to be had: the disk is not what is looked at here."""
    with TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)


def test_a_hundred_days_keep_every_promise() -> None:
    """Over both changes of the clocks, with jumps, absences, spent budgets and the power failing in every third session
    every slot and request has one record, no hook is done twice, no session begun twice, no letter goes unseen.
    """
    # in a process of its own, which nobody measures: its work is the same over and over
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-W", "error", "-m", "tests.soak", "simulation"]
    options = ["--days=100", "--homes=1", "--seed=3", "--each-point=1", "--workers=1", "--json"]
    ran = subprocess.run([*command, *options], env=environ, capture_output=True, check=False, text=True, timeout=300)
    assert ran.stdout, ran.stderr
    report = json.loads(ran.stdout)
    assert report["wrong"] == []
    assert ran.returncode == 0, ran.stderr
    assert report["sessions"] >= 600
    assert report["power_cuts"] >= report["sessions"] / 3
    lived = ("clock_jumps", "letters", "correspondents_letters", "own_wakes", "requests", "records_refused")
    assert [name for name in lived if report[name] <= 10] == [], report
    begun = [f"records_begun_by_{source}" for source in ("scheduler", "api", "self", "correspondence", "visitor")]
    assert [name for name in (*begun, "pauses") if not report.get(name)] == [], report
    hits = report["hits"]
    assert [point for point in ALWAYS if not hits[point]] == [], hits
    assert sum(count > 0 for count in hits.values()) > 0.95 * len(hits), hits


def test_without_upsets_no_slot_is_missed() -> None:
    """While a machine that loses its power comes back at once, and nobody moves its clock, every slot is run."""
    with place() as folder:
        report = simulate(Plan(days=12, seed=3, upsets=False), folder)
    assert report.wrong == ()
    assert report.cuts > 20
    assert "missed" not in report.states


def test_a_seed_is_one_life() -> None:
    """A broken promise can be lived again: the same seed gives the same sessions, cuts, letters and jumps."""
    lives = []
    for _ in range(2):
        with place() as folder:
            lives.append(simulate(Plan(days=4, seed=7, day_usd=0.13), folder))
    assert lives[0] == lives[1]


def test_what_sessions_wrote_is_committed_and_pushed(tmp_path: Path) -> None:
    """A home that is a repository is kept by the real git, through cuts between any two of its commands: in the end
    nothing is left to commit, and the remote has everything.
    """
    report = simulate(Plan(days=8, seed=20, quota=1, git=True, upsets=False), tmp_path)
    assert report.wrong == ()
    assert [command for command in GIT if not report.points.get(command)] == [], report.points
    assert repository.commits(tmp_path / "remote.git") > 10


@pytest.mark.parametrize("name", BUILDS)
def test_a_broken_build_is_noticed(name: str) -> None:
    """A build with one step in the wrong place breaks a promise, and the simulation says which."""
    spoil, said = BUILDS[name]
    with place() as folder:
        report = simulate(Plan(days=120, quota=4, asked_a_day=16, spoil=spoil), folder)
    assert any(re.search(said, each) for each in report.wrong), report.wrong
