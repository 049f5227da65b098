"""How work reaches the ledger's two connections: at once or not at all, or patiently."""

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Self, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import attrs
import trio

from runner.errors import RunnerError
from runner.offload import RunSync
from runner.storage import sqlite

__all__ = ["LedgerClosed", "LedgerGateway", "PatientGateway", "Waits", "snapshot"]

T = TypeVar("T")

Waits: TypeAlias = Callable[[str], None]
"""Told, in words, what a call waits for; "" when it waits no longer."""

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
"""Seconds between two attempts. Each attempt itself waits for another process's lock; see `sqlite.BUSY_SECONDS`."""


class LedgerClosed(RunnerError):
    """The ledger was closed before this was asked of it."""


@attrs.define(eq=False)
class Connections:
    """The two connections."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    reader_closed: bool = False
    writer_closed: bool = False


@attrs.define(eq=False)
class LedgerGateway:
    """The way to the connections; an error comes back at once."""

    zone: ZoneInfo
    connections: Connections
    run_write: RunSync
    run_read: RunSync

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def inside() -> T:
            if self.connections.writer_closed:
                raise LedgerClosed("the ledger is closed; this was not written")
            with sqlite.transaction(self.connections.writer) as connection:
                return work(connection)

        return await self.run_write(inside)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def inside() -> T:
            if self.connections.reader_closed:
                raise LedgerClosed("the ledger is closed")
            return snapshot(self.connections.reader, work)

        return await self.run_read(inside)

    async def close(self) -> None:
        both = self.connections

        def reader() -> None:
            both.reader_closed = True
            both.reader.close()

        def writer() -> None:
            if not both.writer_closed:
                both.writer_closed = True
                try:
                    sqlite.checkpoint(both.writer)
                finally:
                    both.writer.close()

        # the reader first: the last connection to leave removes the write-ahead log, and only a writer can
        await self.run_read(reader)
        await self.run_write(writer)

    def day(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).date().isoformat()


@attrs.define(eq=False)
class PatientGateway(LedgerGateway):
    """The same, for whoever must not lose what it writes: tried again for as long as the fault is one that passes."""

    waits: Waits = attrs.field(kw_only=True)

    @classmethod
    def of(cls, doors: LedgerGateway, waits: Waits) -> Self:
        return cls(doors.zone, doors.connections, doors.run_write, doors.run_read, waits=waits)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._until_done(super().write, work)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._until_done(super().read, work)

    async def _until_done(
        self, once: Callable[[Callable[[sqlite3.Connection], T]], Awaitable[T]], work: Callable[[sqlite3.Connection], T]
    ) -> T:
        """No deadline: a lock or a full disk may last for hours, and whoever wishes an end cancels."""
        pause, told = FIRST_PAUSE, False
        try:
            while True:
                try:
                    return await once(work)
                except sqlite3.Error as error:
                    if not sqlite.passing(error):
                        raise
                    told = True
                    self.waits(f"the ledger can't take it: {error}")
                await trio.sleep(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        finally:
            if told:
                self.waits("")


def snapshot(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Several reads that see one state of the database."""
    connection.execute("BEGIN")
    try:
        return work(connection)
    finally:
        connection.execute("COMMIT")
