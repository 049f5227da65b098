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

from tests.simulation.broken import BUILDS
from tests.simulation.simulation import Plan, simulate
from tests.simulation.storage import fast_folder

ALWAYS = (
    "Ledger.open",
    "Wakes.enqueue",
    "Wakes.claim",
    "Wakes.release",
    "Sessions.spawning",
    "the model begins",
    "Sessions.running",
    "LineFiles.run: append data/live-stream.jsonl",
    "Status.active: rename data/session-status.json",
    "Sessions.finish",
    "Hooks.begin",
    "Hooks.finish",
    "Status.idle: rename data/session-status.json",
)
"""Points between two durable writes that no run of a hundred days may leave out."""


@contextmanager
def place() -> Iterator[Path]:
    """An empty folder, in memory where that is to be had: the disk is not what is looked at here."""
    with TemporaryDirectory(dir=fast_folder()) as folder:
        yield Path(folder)


def test_a_hundred_days_keep_every_promise() -> None:
    """Over both changes of the clocks, with jumps, absences and the power failing in every third session:
    every slot and request has one record, no hook is done twice, no session begun twice, no letter put away unseen.
    """
    # in a process of its own, which nobody measures: its work is the same over and over
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    command = [sys.executable, "-W", "error", "-m", "tests.soak", "simulation"]
    options = ["--days=100", "--homes=1", "--each-point=1", "--json"]
    ran = subprocess.run([*command, *options], env=environ, capture_output=True, check=False, text=True, timeout=300)
    assert ran.stdout, ran.stderr
    report = json.loads(ran.stdout)
    assert report["wrong"] == []
    assert ran.returncode == 0, ran.stderr
    assert report["sessions"] >= 600
    assert report["power_cuts"] >= report["sessions"] / 3
    assert min(report["clock_jumps"], report["letters"], report["requests"]) > 10
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


@pytest.mark.parametrize("name", BUILDS)
def test_a_broken_build_is_noticed(name: str) -> None:
    """A build with one step in the wrong place breaks a promise, and the simulation says which."""
    spoil, said = BUILDS[name]
    with place() as folder:
        report = simulate(Plan(days=120, quota=4, asked_a_day=16, spoil=spoil), folder)
    assert any(re.search(said, each) for each in report.wrong), report.wrong
