"""The two files by which other programs follow a session, and its private record: written in order, off the loop.

Viewers are told first and the disk afterwards, so a slow disk delays nobody; but no more than `ROOM` bytes wait for it.
"""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.offload import RunSync
from runner.storage import files

ROOM = 8 * 1024 * 1024
STATUS_MODE = 0o644
STREAM_MODE = 0o640


@attrs.define(eq=False)
class LineFiles:
    """Appends a session's raw lines to its files. `run` is the one writer; it ends after `finish`."""

    paths: Sequence[Path]
    run_sync: RunSync
    trouble: str | None = attrs.field(default=None, init=False)
    """Why lines are no longer written, if they are not: a full disk does not end a session."""
    _waiting: list[bytes] = attrs.field(factory=list, init=False)
    _size: int = attrs.field(default=0, init=False)
    _last: bool = attrs.field(default=False, init=False)
    _more: trio.Event = attrs.field(factory=trio.Event, init=False)
    _room: trio.Event = attrs.field(factory=trio.Event, init=False)
    _done: trio.Event = attrs.field(factory=trio.Event, init=False)

    async def put(self, line: bytes) -> None:
        """Take one line; waits only while too much is waiting for the disk."""
        self._waiting.append(line)
        self._size += len(line) + 1
        self._more.set()
        while self._size > ROOM and not self._done.is_set():
            await self._room.wait()  # no deadline: the writer either makes room or ends, and wakes us both times

    async def settled(self) -> None:
        """Wait until all that was put is in the files, or can't be written."""
        while self._size and not self._done.is_set():
            await self._room.wait()  # no deadline: as above

    async def run(self) -> None:
        """Write batches until finished."""
        try:
            descriptors = await self.run_sync(self._open)
            try:
                while await self._another():
                    batch, self._waiting = self._waiting, []
                    await self.run_sync(partial(self._write, descriptors, batch))
                    self._size -= sum(map(len, batch)) + len(batch)
                    self._wake_waiters()
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        finally:
            self._done.set()
            self._wake_waiters()

    def finish(self) -> None:
        """No more lines come: what is waiting is written, then `run` ends."""
        self._last = True
        self._more.set()

    async def _another(self) -> bool:
        while not self._waiting:
            if self._last:
                return False
            self._more = trio.Event()
            await self._more.wait()  # no deadline: woken by the next line or by finish
        return True

    def _wake_waiters(self) -> None:
        self._room.set()
        self._room = trio.Event()

    def _open(self) -> list[int]:
        opened: list[int] = []
        for path in self.paths:
            try:
                opened.append(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, STREAM_MODE))
                os.fchmod(opened[-1], STREAM_MODE)
            except OSError as error:
                self.trouble = f"{path}: {error.strerror}"
        return opened

    def _write(self, descriptors: Sequence[int], batch: Sequence[bytes]) -> None:
        if self.trouble is not None:
            return
        data = b"\n".join(batch) + b"\n"
        for descriptor in descriptors:
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except OSError as error:
                self.trouble = f"lines are no longer written: {error.strerror}"


@attrs.frozen
class StatusFile:
    """data/session-status.json: what runs now, for whoever asks. Only live sessions are shown in it."""

    path: Path
    run_sync: RunSync

    async def active(self, *, kind: str, session_id: str, started_at: str, phase: str) -> None:
        value = {"active": True, "type": kind, "session_id": session_id, "started_at": started_at, "phase": phase}
        await self._write({**value, "pid": os.getpid()})

    async def idle(self, *, kind: str, session_id: str, ended_at: str, exit_code: int | str) -> None:
        last = {"type": kind, "session_id": session_id, "ended_at": ended_at, "exit_code": exit_code}
        await self._write({"active": False, "last": last})

    async def repair(self, *, ended_at: str) -> bool:
        """Make an active status that nobody stands behind idle. Only for whoever holds the session lock."""
        value = await self.run_sync(self.read)
        if value.get("active") is not True:
            return False
        kind, session_id = str(value.get("type", "")), str(value.get("session_id", ""))
        await self.idle(kind=kind, session_id=session_id, ended_at=ended_at, exit_code="unknown")
        return True

    def read(self) -> dict[str, Any]:
        """What stands there; idle when it is missing or no such document. Blocking."""
        try:
            value = files.read_json(self.path, limit=64 * 1024)
        except (OSError, ValueError):
            return {"active": False}
        return value if isinstance(value, dict) else {"active": False}

    async def _write(self, value: Mapping[str, Any]) -> None:
        await self.run_sync(lambda: files.write_json(self.path, value, mode=STATUS_MODE))
