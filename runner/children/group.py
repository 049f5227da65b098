"""One child process in a group of its own, from spawn to the certainty that nothing of it is left.

Whatever happens (it hangs, closes its output early, stays after its last word, ignores TERM, leaves children behind,
or we are cancelled) `run_process_group` returns or raises only after the group and everything with the session's mark
is gone. The parent-death signal is not used: the kernel ties it to the thread that forked, and trio's idle out.
"""

import contextlib
import math
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import PIPE
from typing import Protocol

import attrs
import trio

from runner.children.lines import LineSplitter
from runner.children.reap import Mark, end_marked, start_time
from runner.offload import RunSync

STDERR_TAIL = 64 * 1024
CHUNK = 64 * 1024
LARGEST_PIPE = 1024 * 1024
LINGER = 0.5
"""Seconds that output is still read after the process is gone: what it wrote is in the pipe, only its children can
keep that open longer."""


DEADLINE_EXIT = 124
NOT_FOUND_EXIT = 127


@attrs.frozen
class RunResult:
    """How the run ended. Figures are in the records; this is about the process."""

    exit_code: int
    reason: str | None = None
    """None when the model came to its own end, else what cut it short, in words for people."""
    stderr: str = ""
    """The last 64 KiB of the error output."""
    cut_lines: int = 0


class RunListener(Protocol):
    """Told as it happens, in order; every call is waited for."""

    async def spawning(self) -> None:
        """Just before a process is made or the model is asked for the first time."""

    async def spawned(self, pid: int | None, started: int | None) -> None:
        """The process and its start time; None for a backend without a process of its own."""

    async def line(self, line: bytes) -> None:
        """One record, without its line end."""


@attrs.frozen
class GroupLimits:
    """All waits, in seconds, and the ceiling for one line."""

    stall: float
    deadline: float
    result_grace: float
    kill: float
    line_bytes: int


@attrs.frozen
class Program:
    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    stdin: bytes


@attrs.define(eq=False)
class Watch:
    """What the reader of the lines tells the keeper of the process."""

    finished: bool = False
    """The model has said how it ended: from now on the exit is awaited, within the result grace."""
    goes_on: bool = False
    """It has begun again since: what it does now has the patience of any work, until it says once more how it ended."""
    fatal: str | None = None
    """The run is pointless, because ...: it is ended at once."""


Notice = Callable[[bytes, Watch], None]


async def run_process_group(
    program: Program, *, mark: Mark, limits: GroupLimits, listener: RunListener, notice: Notice, run_sync: RunSync
) -> RunResult:
    """Run the program to its end, whatever that takes."""
    await listener.spawning()
    try:
        process = await trio.lowlevel.open_process(
            list(program.argv),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=program.cwd,
            env=dict(program.environment),
            start_new_session=True,
        )
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        return RunResult(NOT_FOUND_EXIT, f"{program.argv[0]} can't be run: {error.strerror or error}")
    run = _Run(process, limits, listener, notice, LineSplitter(limits.line_bytes))
    reason: str | None = None
    try:
        started = await run_sync(lambda: start_time(process.pid))
        await listener.spawned(process.pid, started)
        reason = await run.to_the_end(program.stdin)
    finally:
        # shielded, with bounds of its own: TERM, the grace, KILL, and the sweep of what left the group
        with trio.CancelScope(shield=True):
            await _end_everything(process, mark=mark, limits=limits, run_sync=run_sync)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    if run.timed_out:
        code = DEADLINE_EXIT
    elif run.watch.finished and run.ended_by_us:
        code = 0  # it had said everything; that it did not leave by itself is not its work's fault
    return RunResult(code if code >= 0 else 128 - code, reason, run.stderr_text(), run.splitter.cut)


@attrs.define(eq=False)
class _Run:
    process: trio.Process
    limits: GroupLimits
    listener: RunListener
    notice: Notice
    splitter: LineSplitter
    watch: Watch = attrs.field(factory=Watch)
    timed_out: bool = False
    ended_by_us: bool = False
    _stderr: bytearray = attrs.field(factory=bytearray)
    _silence: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _gone: bool = False
    _read_since_gone: int = 0
    _grace_ends: float = math.inf

    async def to_the_end(self, stdin: bytes) -> str | None:
        """Read until the process is done or has to be ended; the reason when it has, else None."""
        reason: str | None = None
        with trio.move_on_after(self.limits.deadline) as deadline:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, stdin)
                nursery.start_soon(self._read_errors)
                nursery.start_soon(self._until_gone)
                reason = await self._read_lines()
                if reason is None:
                    reason = await self._await_exit()
                nursery.cancel_scope.cancel()
        if deadline.cancelled_caught:
            if self.watch.finished:
                self.ended_by_us = True
                return None
            self.timed_out = True
            return f"over its deadline of {self.limits.deadline:g} s"
        if reason is None and not self.watch.finished:
            return self._why_without_result()
        return reason

    async def _write(self, data: bytes) -> None:
        stdin = self.process.stdin
        if stdin is None:
            return
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with stdin:  # closing it is the end of the prompt
                await stdin.send_all(data)

    async def _read_errors(self) -> None:
        """Always drained, so that a chatty process never blocks on it; only the tail is kept."""
        stderr = self.process.stderr
        if stderr is None:
            return
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while chunk := await stderr.receive_some(CHUNK):
                self._stderr += chunk
                del self._stderr[:-STDERR_TAIL]

    async def _until_gone(self) -> None:
        await self.process.wait()
        self._gone = True
        self._silence.deadline = min(self._silence.deadline, trio.current_time() + LINGER)

    async def _read_lines(self) -> str | None:
        stdout = self.process.stdout
        while stdout is not None:
            chunk: bytes | bytearray = b""
            with trio.CancelScope(deadline=self._patience()) as self._silence:
                try:
                    chunk = await stdout.receive_some(CHUNK)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    chunk = b""
            if self._silence.cancelled_caught and not self.watch.finished and not self._gone:
                self.timed_out = True
                return f"stalled: nothing came for {self.limits.stall:g} s"
            for line in self.splitter.feed(bytes(chunk)) if chunk else self.splitter.finish():
                await self._pass_on(line)
                if self.watch.fatal is not None:
                    return self.watch.fatal
            if self._gone:  # what it left is at most a full pipe; more comes from children that still hold it
                self._read_since_gone += len(chunk)
            if not chunk or self._read_since_gone > LARGEST_PIPE:
                break
        return None

    def _patience(self) -> float:
        """Until when the next bytes may come."""
        now = trio.current_time()
        if self._gone:
            return now + LINGER
        return self._grace_ends if self.watch.finished and not self.watch.goes_on else now + self.limits.stall

    async def _pass_on(self, line: bytes) -> None:
        self.notice(line, self.watch)
        if self.watch.finished:  # each line shows that it is not done: the grace begins anew
            self._grace_ends = trio.current_time() + self.limits.result_grace
        await self.listener.line(line)

    async def _await_exit(self) -> str | None:
        """Nothing more is read: the process gets what is left of the grace after its result, and is then ended."""
        if self._grace_ends == math.inf:
            self._grace_ends = trio.current_time() + self.limits.result_grace
        with trio.CancelScope(deadline=self._grace_ends) as grace:
            await self.process.wait()
        if grace.cancelled_caught:
            self.ended_by_us = True
            if not self.watch.finished:
                return "closed its output without a result and did not exit"
        return None

    def _why_without_result(self) -> str:
        code = self.process.returncode or 0
        last = self.stderr_text().strip().splitlines()[-1:]
        said = f": {last[0][:300]}" if last else ""
        if code < 0:
            return f"killed by signal {-code} before a result{said}"
        return f"exit code {code} without a result{said}"

    def stderr_text(self) -> str:
        return self._stderr.decode("utf-8", "replace")


async def _end_everything(process: trio.Process, *, mark: Mark, limits: GroupLimits, run_sync: RunSync) -> None:
    """After this nothing of the process is left. Bounded: the grace for TERM, then KILL, which nobody can refuse."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with trio.move_on_after(limits.kill):
            await process.wait()
    if process.poll() is None:
        _signal(process, signal.SIGKILL)
        with trio.move_on_after(5):  # a process in an uninterruptible wait is the kernel's; we don't wait with it
            await process.wait()
    await end_marked(mark, group=process.pid, run_sync=run_sync, grace=min(1.0, limits.kill))
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            await trio.aclose_forcefully(pipe)


def _signal(process: trio.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)  # the leader is not reaped yet, so the number is still its own


async def probe(argv: Sequence[str], *, environment: Mapping[str, str], within: float) -> bool:
    """Whether the program starts and ends well within the time."""
    try:
        with trio.move_on_after(within):
            done = await trio.run_process(
                list(argv), stdin=b"", capture_stdout=True, capture_stderr=True, check=False, env=dict(environment)
            )
            return done.returncode == 0
    except OSError:
        return False
    return False
