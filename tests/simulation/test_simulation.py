"""Days of a life on the mock clock, with the shipped parts and a power supply that fails."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.simulation.broken import BUILDS
from tests.simulation.simulation import Plan, Report, simulate
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


def told(report: Report) -> str:
    """The table of points, for the reader of a failed run."""
    return "\n".join(f"{hits:5} {point}" for point, hits in report.points.items())


def test_a_hundred_days_keep_every_promise() -> None:
    """Over both changes of the clocks, with jumps, absences and the power failing in every third session:
    every slot and request has one record, no hook is done twice, no session begun twice, no letter put away unseen.
    """
    with place() as folder:
        report = simulate(Plan(days=100, quota=1, spring_and_autumn=True), folder)
    assert report.wrong == ()
    assert report.sessions >= 600
    assert report.cuts >= report.sessions / 3
    assert min(report.jumps, report.letters, report.asked) > 10
    assert [point for point in ALWAYS if not report.points[point]] == [], told(report)
    assert sum(hits > 0 for hits in report.points.values()) > 0.95 * len(report.points), told(report)


def test_without_upsets_no_slot_is_missed() -> None:
    """While a machine that loses its power comes back at once, and nobody moves its clock, every slot is run."""
    with place() as folder:
        report = simulate(Plan(days=15, seed=3, upsets=False), folder)
    assert report.wrong == ()
    assert report.cuts > 20
    assert "missed" not in report.states


@pytest.mark.parametrize("name", BUILDS)
def test_a_broken_build_is_noticed(name: str) -> None:
    """A build with one step in the wrong place breaks a promise, and the simulation says which."""
    spoil, said = BUILDS[name]
    with place() as folder:
        report = simulate(Plan(days=120, quota=4, asked_a_day=6, spoil=spoil), folder)
    assert any(re.search(said, each) for each in report.wrong), report.wrong
