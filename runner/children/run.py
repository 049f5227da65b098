"""Running another program from a thread, within a time, and ended with all it started when that is over."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import trio

from runner.offload import RunSync

LOOK = 0.05
"""Seconds between two looks at whether the caller was cancelled."""
TIDYING = 1.0
"""Seconds that a program has, once it is told to end, to take back what it had begun: git removes its locks."""


class CommandTimeoutError(Exception):
    """The program was ended because its time was over."""


@attrs.frozen
class Output:
    """What a program left."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """What it printed, as text; names of files that are no UTF-8 are only in `raw`."""
        return self.raw.decode(errors="replace")

    @property
    def last_words(self) -> str:
        """What went wrong on one line: what it calls an error, else the end of its error output, else its exit code."""
        lines = [line.strip() for line in self.err.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith(("fatal:", "error:"))]
        return "; ".join(errors[:2] or lines[-3:])[:500] or f"exit code {self.code}"


@attrs.frozen
class Commands:
    """How programs are run for one purpose: where, and what they may know."""

    folder: Path
    environment: Mapping[str, str]
    run_sync: RunSync

    async def run(self, command: Sequence[str], *, within: float, given: bytes | None = None) -> Output:
        """Its output; CommandTimeoutError when it took too long. FileNotFoundError when there is no such program.

        `given` is what it reads from its standard input.

        Work in a thread can't be cancelled, so the thread watches a flag that a cancelled caller raises.
        """
        cancelled = threading.Event()

        async def watch() -> None:
            try:
                await trio.sleep_forever()  # until the work is over, which has a deadline
            finally:
                cancelled.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch)
            try:
                found = await self.run_sync(lambda: self._run(command, within, cancelled, given))
            except (CommandTimeoutError, OSError) as failure:
                trouble: Exception | None = failure
            else:
                trouble = None
            nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()  # a cancelled caller hears of that, not of how the program ended
        if trouble is not None:
            raise trouble
        return found

    def _run(self, command: Sequence[str], within: float, cancelled: threading.Event, given: bytes | None) -> Output:
        ends = time.monotonic() + within
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                while True:
                    try:
                        out, err = process.communicate(given, timeout=max(0.0, min(LOOK, ends - time.monotonic())))
                        break
                    except subprocess.TimeoutExpired:
                        given = None  # it is being written already
                        if cancelled.is_set() or time.monotonic() >= ends:
                            raise CommandTimeoutError(f"{command[0]} took longer than {within:g} s") from None
            finally:
                if process.poll() is None:
                    _end(process)
        return Output(process.returncode, out, err.decode(errors="replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TIDYING)
        os.killpg(process.pid, signal.SIGKILL)
