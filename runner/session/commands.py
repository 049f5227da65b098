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

from runner.ledger import RunSync

LOOK = 0.05
"""Seconds between two looks at whether the caller was cancelled."""


class CommandTimeoutError(Exception):
    """The program was ended because its time was over."""


@attrs.frozen
class Output:
    """What a program left."""

    code: int
    out: str
    err: str

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

    async def run(self, command: Sequence[str], *, within: float) -> Output:
        """Its output; CommandTimeoutError when it took too long. FileNotFoundError when there is no such program.

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
                found = await self.run_sync(lambda: self._run(command, within, cancelled))
            except (CommandTimeoutError, OSError) as failure:
                trouble: Exception | None = failure
            else:
                trouble = None
            nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint_if_cancelled()  # a cancelled caller hears of that, not of how the program ended
        if trouble is not None:
            raise trouble
        return found

    def _run(self, command: Sequence[str], within: float, cancelled: threading.Event) -> Output:
        ends = time.monotonic() + within
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                while True:
                    try:
                        out, err = process.communicate(timeout=max(0.0, min(LOOK, ends - time.monotonic())))
                        break
                    except subprocess.TimeoutExpired:
                        if cancelled.is_set() or time.monotonic() >= ends:
                            raise CommandTimeoutError(f"{command[0]} took longer than {within:g} s") from None
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # what it started goes with it
        return Output(process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
