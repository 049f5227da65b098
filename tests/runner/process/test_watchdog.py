"""The watchdog: in a process of its own with real time, and its judgement alone with made-up times."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import attrs
import pytest
import trio
import trio.testing

from runner.process.notify import Notifier
from runner.process.watchdog import Watchdog


@attrs.define(eq=False)
class Program:
    """The helper process and the manager that listens to it."""

    process: subprocess.Popen[bytes]
    manager: socket.socket

    def says(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        # unbuffered, so that no line waits where select does not see it
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        assert ready, "the program has said nothing for 30 seconds"
        line: dict[str, Any] = json.loads(self.process.stdout.readline())
        return line

    def until(self, event: str) -> list[dict[str, Any]]:
        seen = [self.says()]
        while seen[-1]["event"] != event:
            seen.append(self.says())
        return seen

    def order(self, word: str) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write(word.encode() + b"\n")

    def feeds_waiting(self) -> int:
        """How many feeds lie unread; reads them."""
        count = 0
        self.manager.setblocking(False)
        while True:
            try:
                self.manager.recv(100)
            except BlockingIOError:
                return count
            count += 1

    def next_feed(self) -> bytes:
        self.manager.settimeout(10)
        return self.manager.recv(100)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start the helper program with one trouble; it ends with the test."""
    running: list[Program] = []
    errors: list[IO[str]] = []

    def begin(trouble: str, patience: float = 1.0) -> Program:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(str(tmp_path / "notify"))
        error = (tmp_path / "stderr").open("w")
        errors.append(error)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.runner.process.blocked_program", trouble],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=error,
            bufsize=0,
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": str(int(patience * 1_000_000)),
            },
        )
        program = Program(process, manager)
        running.append(program)
        assert program.says()["event"] == "up"
        return program

    yield begin
    for program in running:
        program.process.kill()
        program.process.communicate()
        program.manager.close()
    for error in errors:
        error.close()


def test_a_regex_that_holds_the_interpreter_is_named_and_not_fed(start: Callable[..., Program], tmp_path: Path) -> None:
    """While C code holds the interpreter nothing is fed; afterwards the dump and the event name the function."""
    program = start("regex")
    assert program.next_feed() == b"WATCHDOG=1"
    program.order("regex")
    seen = program.until("loop.blocked")
    blocked = seen[-1]
    assert blocked["cause"] == "interpreter held"
    assert blocked["seconds"] >= 1
    assert "re/__init__.py" in blocked["where"] or "catastrophic" in blocked["where"]
    program.until("loop.resumed")
    assert "catastrophic" in (tmp_path / "stderr").read_text()
    program.order("end")
    assert program.until("down")[-1]["blocked"] >= 1


def test_python_code_that_blocks_the_loop_is_reported_after_two_looks(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    """A blocking call that lets other threads run is reported with its place, not fed, and its end is told."""
    program = start("sleep", patience=2.0)
    program.next_feed()
    program.order("sleep")
    blocked = program.until("loop.blocked")[-1]
    assert blocked["cause"] == "blocked"
    assert "main" in blocked["where"]
    assert program.until("loop.resumed")[-1]["seconds"] >= 1
    assert "blocked_program.py" in (tmp_path / "stderr").read_text()


def test_a_paused_process_is_no_blocked_loop(start: Callable[..., Program]) -> None:
    """SIGSTOP for three seconds gives process.paused, keeps no dump and reports no blocked loop."""
    program = start("pause")
    program.next_feed()
    program.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    program.process.send_signal(signal.SIGCONT)
    while program.until("process.paused")[-1]["seconds"] < 1:
        pass  # a busy machine pauses processes for moments, too
    program.feeds_waiting()
    program.next_feed()
    program.order("end")
    down = program.until("down")
    assert "loop.blocked" not in {line["event"] for line in down}
    assert down[-1]["blocked"] == 0


def test_a_stopped_heart_is_not_fed(start: Callable[..., Program]) -> None:
    """When beats stop while the thread lives, the manager hears nothing any more."""
    program = start("heart")
    program.next_feed()
    program.order("heart")
    time.sleep(0.6)
    program.feeds_waiting()
    time.sleep(0.8)
    assert program.feeds_waiting() == 0


def test_something_stuck_for_long_is_not_fed(start: Callable[..., Program]) -> None:
    """A child that is stuck for more than thirty seconds keeps the manager unfed though the loop beats."""
    program = start("stuck")
    time.sleep(1)
    assert program.feeds_waiting() == 0


def test_a_shutdown_that_overruns_is_ended(start: Callable[..., Program], tmp_path: Path) -> None:
    """A process that does not end within its time is ended with exit code 71 and says why."""
    program = start("overrun")
    program.order("overrun")
    assert program.process.wait(10) == 71
    assert "took too long" in (tmp_path / "stderr").read_text()


@attrs.define(eq=False)
class Judged:
    """A watchdog whose thread never runs: every look is made by the test."""

    exits: list[int] = attrs.field(factory=list)
    events: list[tuple[str, Mapping[str, object]]] = attrs.field(factory=list)
    now: float = 100.0
    stuck: float | None = None

    def build(self, dump: Path | None = None) -> Watchdog:
        return Watchdog(
            Notifier(),
            lambda name, fields: self.events.append((name, fields)),
            stuck_for=lambda: self.stuck,
            dump_path=dump,
            exit_now=self.exits.append,
            clock=lambda: self.now,
            processor=lambda: 0.0,
        )


async def test_judgement_with_made_up_times(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One late look is nothing, two are a report, collection is told apart, and a pause clears what was seen."""
    monkeypatch.setattr(Watchdog, "_watch", lambda _: None)
    judged = Judged()
    watchdog = judged.build(tmp_path / "blocked.txt")
    await nursery.start(watchdog.heart)
    watchdog.observe(now=100.5, late=0, used=0, collected=0)
    assert watchdog.statistics().feeds == 1
    watchdog.observe(now=101.2, late=0, used=0, collected=0)
    assert watchdog.statistics().blocked == 0
    watchdog.observe(now=101.7, late=0, used=0, collected=0)
    watchdog.observe(now=102.2, late=0, used=0, collected=0)
    assert watchdog.statistics().blocked == 1
    watchdog.observe(now=110, late=6, used=0.1, collected=0)
    assert (watchdog.statistics().paused, watchdog.statistics().blocked) == (1, 1)
    judged.now = 111
    watchdog._beat()
    watchdog.observe(now=111, late=0, used=0, collected=0)
    watchdog.observe(now=114, late=2, used=2, collected=1.9)
    await trio.testing.wait_all_tasks_blocked()
    assert [name for name, _ in judged.events] == ["loop.blocked", "process.paused", "loop.resumed", "loop.blocked"]
    assert judged.events[-1][1]["cause"] == "garbage collection"
    watchdog.shutdown_begun(within=5)
    watchdog.extend_shutdown(10)
    watchdog.observe(now=120, late=0, used=0, collected=0)
    assert judged.exits == []
    watchdog.observe(now=121, late=0, used=0, collected=0)
    assert judged.exits == [71]
    nursery.cancel_scope.cancel()
    watchdog.close()
    watchdog.close()


@pytest.mark.parametrize(("manager", "interval"), [(None, 0.5), (1.0, 0.25), (30.0, 0.5)])
def test_the_beat_is_often_enough_for_the_manager(manager: float | None, interval: float) -> None:
    """The interval is a quarter of the manager's patience and never more than half a second."""
    assert Watchdog(Notifier(), lambda *_: None, manager_seconds=manager).interval == interval
