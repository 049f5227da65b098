"""Notices that the event loop is blocked, and feeds the service manager only while it beats.

Three observers with different blind spots:

- `heart` is a task on the loop. It beats, and each beat re-arms faulthandler's timer.
- faulthandler's timer is C and needs no GIL: it writes every stack even while a regex or a JSON parser holds the
  interpreter. What it wrote is kept only when the thread below finds that the loop was really blocked.
- the thread compares beats with its own clock. It alone feeds systemd, reports, and ends a shutdown that overran.

A thread that itself woke late could not run either. If the process used no processor time meanwhile, the whole process
was paused (SIGSTOP, a sleeping machine) and nothing was wrong; if it did, something held the interpreter all that time.
"""

import contextlib
import faulthandler
import gc
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs
import trio

from runner.process.notify import Notifier

__all__ = ["BLOCKED_SECONDS", "OVERRUN_EXIT_CODE", "STUCK_SECONDS", "Watchdog", "WatchdogStatistics"]

BLOCKED_SECONDS: Final = 1.0
STUCK_SECONDS: Final = 30.0
OVERRUN_EXIT_CODE: Final = 71
_LONGEST_INTERVAL: Final = 0.5
# A stopped process uses no processor time at all; one whose code holds the interpreter gets its share, small as it may
# be on a busy machine.
_IDLE_SHARE: Final = 0.1
_DUMP_BYTES: Final = 8 * 1024
_STDERR: Final = 2

EventSink = Callable[[str, Mapping[str, object]], None]


@attrs.frozen
class WatchdogStatistics:
    """What the watchdog has seen so far."""

    beats: int
    feeds: int
    blocked: int
    paused: int


@attrs.define(eq=False)
class Watchdog:
    """Built by the program's entry, never by the kernel: under a clock that jumps it would be a busy loop.

    `on_event` is called on the loop (`loop.blocked`, `loop.resumed`, `process.paused`); `stuck_for` too, at each beat.
    """

    notifier: Notifier
    on_event: EventSink
    stuck_for: Callable[[], float | None] = lambda: None
    manager_seconds: float | None = None
    dump_path: Path | None = None
    exit_now: Callable[[int], None] = os._exit
    clock: Callable[[], float] = time.monotonic
    processor: Callable[[], float] = time.process_time
    _stop: threading.Event = attrs.field(factory=threading.Event, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)
    _token: trio.lowlevel.TrioToken | None = attrs.field(default=None, init=False)
    _loop_thread: int = attrs.field(default=0, init=False)
    _dump: int = attrs.field(default=-1, init=False)
    _beats: int = attrs.field(default=0, init=False)
    _fed: int = attrs.field(default=0, init=False)
    _feeds: int = attrs.field(default=0, init=False)
    _blocked: int = attrs.field(default=0, init=False)
    _paused: int = attrs.field(default=0, init=False)
    _last_beat: float = attrs.field(default=0.0, init=False)
    _stuck: float | None = attrs.field(default=None, init=False)
    _observations: int = attrs.field(default=0, init=False)
    _reported_at_beat: int | None = attrs.field(default=None, init=False)
    _blocked_since: float = attrs.field(default=0.0, init=False)
    _collecting_since: float | None = attrs.field(default=None, init=False)
    _collected: float = attrs.field(default=0.0, init=False)
    _exit_at: float | None = attrs.field(default=None, init=False)

    @property
    def interval(self) -> float:
        """Seconds between beats: often enough for the manager, and never rarer than twice a second."""
        wanted = _LONGEST_INTERVAL if self.manager_seconds is None else self.manager_seconds / 4
        return min(_LONGEST_INTERVAL, wanted)

    def statistics(self) -> WatchdogStatistics:
        """Frozen counters."""
        return WatchdogStatistics(self._beats, self._feeds, self._blocked, self._paused)

    def shutdown_begun(self, within: float = 25.0) -> None:
        """From now on the process has `within` seconds to end; then it is ended, exit code 71."""
        self._exit_at = self.clock() + within

    def extend_shutdown(self, seconds: float) -> None:
        """Give a shutdown that waits on purpose (draining) more time, here and at the manager."""
        self._exit_at = self.clock() + seconds
        self.notifier.extend_timeout(seconds)

    async def heart(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Beat until cancelled; the outermost task of the loop, so that it is the last to end."""
        if self._dump < 0:
            self._open()
        self._token = trio.lowlevel.current_trio_token()
        self._loop_thread = threading.get_ident()
        self._beat()
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread = thread
        gc.callbacks.append(self._on_collection)
        thread.start()
        task_status.started()
        try:
            while True:
                await trio.sleep(self.interval)
                self._beat()
        finally:
            # the thread outlives the heart, so that it can end a shutdown that hangs after the loop; close() ends it
            faulthandler.cancel_dump_traceback_later()
            gc.callbacks.remove(self._on_collection)
            self._token = None

    def close(self) -> None:
        """End the thread; called when the loop is over."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._dump >= 0:
            os.close(self._dump)
            self._dump = -1

    def _open(self) -> None:
        if not faulthandler.is_enabled():
            with contextlib.suppress(AttributeError, ValueError, OSError):  # no standard error to write to
                faulthandler.enable()  # makes the manager's SIGABRT print every stack
        if self.dump_path is None:
            self._dump = os.memfd_create("blocked-loop", os.MFD_CLOEXEC)
        else:
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
            self._dump = os.open(self.dump_path, flags, 0o600)

    def _beat(self) -> None:
        self._last_beat = self.clock()
        self._stuck = self.stuck_for()
        self._beats += 1
        faulthandler.dump_traceback_later(BLOCKED_SECONDS, file=self._dump)

    def _on_collection(self, phase: str, _: Mapping[str, int]) -> None:
        if phase == "start":
            self._collecting_since = self.clock()
        elif self._collecting_since is not None:
            self._collected += self.clock() - self._collecting_since
            self._collecting_since = None

    # -- everything below runs in the thread ------------------------------------------------------------------------

    def _watch(self) -> None:
        before, used, collected = self.clock(), self.processor(), self._collected
        while not self._stop.wait(self.interval):
            now, used_now, collected_now = self.clock(), self.processor(), self._collected
            self.observe(
                now=now,
                late=now - before - self.interval,
                used=used_now - used,
                collected=collected_now - collected,
            )
            # counted from one waking to the next: the interpreter may be lost in the middle of a look, too
            before, used, collected = now, used_now, collected_now

    def observe(self, *, now: float, late: float, used: float, collected: float) -> None:
        """One look of the thread: `late` is how much later than meant it woke, `used` the processor time since."""
        if self._exit_at is not None and now >= self._exit_at:
            os.write(_STDERR, b"the shutdown took too long; the process ends now\n")
            self.exit_now(OVERRUN_EXIT_CODE)
        if late > self.interval / 2 and used < late * _IDLE_SHARE:
            self._paused += 1
            # the loop could not beat either: what was lost does not count against it
            self._last_beat = min(now, self._last_beat + late)
            self._take_dump()
            self._tell("process.paused", seconds=round(late, 3))
        else:
            self._judge(now, late, collected)
        beaten = self._beats != self._fed
        if beaten and (self._stuck is None or self._stuck <= STUCK_SECONDS):
            self._fed = self._beats
            self._feeds += 1
            self.notifier.watchdog()

    def _judge(self, now: float, late: float, collected: float) -> None:
        age = now - self._last_beat
        if self._reported_at_beat is not None and self._beats != self._reported_at_beat:
            self._reported_at_beat = None
            self._tell("loop.resumed", seconds=round(now - self._blocked_since, 3))
        held = late > BLOCKED_SECONDS
        if age <= BLOCKED_SECONDS and not held:
            self._observations = 0
            self._take_dump()
            return
        self._observations += 1
        # a thread that was kept out for a whole second by running code needs no second look
        if self._reported_at_beat is None and (held or self._observations > 1):
            seconds = max(age, late)
            self._reported_at_beat = self._beats
            self._blocked_since = now - seconds
            self._blocked += 1
            dump = self._take_dump()
            cause = "garbage collection" if collected > seconds / 2 else "interpreter held" if held else "blocked"
            where = _innermost(dump, self._loop_thread) or self._present_stack()
            os.write(_STDERR, f"the event loop was blocked for {seconds:.1f} s at: {where}\n{dump}".encode())
            self._tell("loop.blocked", seconds=round(seconds, 3), where=where, cause=cause)

    def _present_stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)  # noqa: SLF001 - the documented way to see another thread
        if frame is None:
            return "unknown"
        innermost = traceback.extract_stack(frame)[-1]
        return f"{innermost.name} ({innermost.filename}:{innermost.lineno})"

    def _take_dump(self) -> str:
        size = os.fstat(self._dump).st_size
        if not size:
            return ""
        text = os.pread(self._dump, min(size, _DUMP_BYTES), 0).decode("utf-8", "replace")
        os.ftruncate(self._dump, 0)
        os.lseek(self._dump, 0, os.SEEK_SET)
        return text

    def _tell(self, name: str, **fields: object) -> None:
        token = self._token
        if token is not None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(self.on_event, name, fields)


def _innermost(dump: str, thread: int) -> str:
    """The innermost frame of one thread in faulthandler's text."""
    lines = iter(dump.splitlines())
    for line in lines:
        if f"{thread:016x}" in line:
            return next(lines, "").strip()
    return ""
