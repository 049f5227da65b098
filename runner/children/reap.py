"""Finding and ending processes that belong to a session, whoever started them and wherever they have moved.

A process is known by the session's mark in its environment, which every descendant inherits, and by (pid, start time).
Ending goes through pidfds: a number that was given to somebody else meanwhile is never signalled.
"""

import contextlib
import os
import signal
from pathlib import Path

import attrs
import trio

from runner.offload import RunSync

PROC = Path("/proc")


@attrs.frozen
class Mark:
    """What the environment of a session's processes carries."""

    session_id: str
    home: Path

    def environment(self) -> dict[str, str]:
        return {"CLAUDE_SESSION_ID": self.session_id, "CLAUDE_HOME": str(self.home)}

    def matches(self, environ: bytes) -> bool:
        entries = environ.split(b"\0")
        return all(os.fsencode(f"{name}={value}") in entries for name, value in self.environment().items())


def start_time(pid: int) -> int | None:
    """The process's start in clock ticks since boot: with the pid it names one process for ever."""
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[19])


def _group(pid: int) -> int | None:
    try:
        stat = (PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    return int(stat.rpartition(b")")[2].split()[2])


def marked(mark: Mark, *, group: int | None = None) -> list[int]:
    """Living processes with the mark, and those of the process group; blocking, for a thread. Zombies have no mark."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if mark.matches((entry / "environ").read_bytes()) or (
                group is not None and _group(int(entry.name)) == group and (entry / "cmdline").read_bytes()
            ):
                found.append(int(entry.name))
    return found


async def end_marked(
    mark: Mark, *, run_sync: RunSync, group: int | None = None, grace: float, rounds: int = 5
) -> list[int]:
    """End every process with the mark: TERM, the grace, KILL; again while new ones appear. Returns who was ended."""
    ended: list[int] = []
    for _ in range(rounds):
        found = await run_sync(lambda: marked(mark, group=group))
        if not found:
            break
        await _end(found, mark=mark, group=group, run_sync=run_sync, grace=grace)
        ended += found
    return ended


async def end_recorded(pid: int, started: int, *, run_sync: RunSync, grace: float) -> bool:
    """End the process with this pid and start time, with what is left of its group. False when it is long gone."""
    if await run_sync(lambda: start_time(pid)) != started:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(pid)
        try:
            if start_time(pid) != started:
                return False
            if _group(pid) == pid:
                os.killpg(pid, signal.SIGTERM)
            await _finish([descriptor], grace)
        finally:
            os.close(descriptor)
    return True


async def _end(pids: list[int], *, mark: Mark, group: int | None, run_sync: RunSync, grace: float) -> None:
    held: dict[int, int] = {}
    try:
        for pid in pids:
            with contextlib.suppress(OSError):
                held[pid] = os.pidfd_open(pid)
        # between listing and opening a number may have changed hands: only who is still marked is signalled
        still = set(await run_sync(lambda: marked(mark, group=group)))
        await _finish([descriptor for pid, descriptor in held.items() if pid in still], grace)
    finally:
        for descriptor in held.values():
            os.close(descriptor)


async def _finish(descriptors: list[int], grace: float) -> None:
    for number, within in ((signal.SIGTERM, grace), (signal.SIGKILL, 2.0)):
        for descriptor in descriptors:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(descriptor, number)
        with trio.move_on_after(within) as scope:
            for descriptor in descriptors:
                await trio.lowlevel.wait_readable(descriptor)
        if not scope.cancelled_caught:
            return
