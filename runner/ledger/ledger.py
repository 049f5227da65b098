"""The ledger's async face. One method is one transaction: when it returns it is committed, or it was never begun."""

import functools
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import attrs

from runner.errors import LedgerUnavailable
from runner.ledger import figures, hooks, letters, meta, schema, sessions, spend, titles, wakes
from runner.ledger.budget import Level
from runner.ledger.doors import Connections, LedgerClosed, LedgerGateway, PatientGateway, Waits, snapshot
from runner.ledger.rows import (
    HookRow,
    LettersOf,
    SessionFacts,
    SessionOutcome,
    SessionRow,
    SpendEntry,
    SpendLimits,
    Totals,
    Wake,
    WakeRequest,
)
from runner.offload import RunSync
from runner.storage import sqlite
from runner.storage.storable import Storing

__all__ = [
    "Hooks",
    "Ledger",
    "LedgerClosed",
    "LedgerView",
    "LetterRecords",
    "Meta",
    "RunSync",
    "Sessions",
    "Spend",
    "Titles",
    "Wakes",
]


@attrs.frozen(eq=False)
class Wakes:
    """The wake queue."""

    _doors: LedgerGateway

    async def enqueue(self, request: WakeRequest, now: datetime) -> Wake:
        """Accept a request durably. A slot known already is answered with what there is (`created` false)."""
        return await self._doors.write(lambda c: wakes.enqueue(c, request, now, self._doors.zone))

    async def claim(self, now: datetime, *, only: str | None = None) -> Wake | None:
        """Queued → claimed, for the next wake that may begin; None when there is none."""
        return await self._doors.write(lambda c: wakes.claim(c, now, only=only))

    async def take(self, request: WakeRequest, now: datetime) -> Wake:
        """Accept a request and claim it at once, in one step: nobody else can claim it between the two.

        One that was known already, or may not begin now, comes back as it stands.
        """

        def work(connection: sqlite3.Connection) -> Wake:
            wake = wakes.enqueue(connection, request, now, self._doors.zone)
            return wakes.claim(connection, now, only=wake.id) or wake

        return await self._doors.write(work)

    async def release(
        self,
        wake_id: str,
        now: datetime,
        *,
        counted: bool = True,
        not_before: datetime | None = None,
        reason: str | None = None,
    ) -> Wake:
        """Claimed → queued, or → failed after three counted returns."""
        return await self._doors.write(
            lambda c: wakes.release(c, wake_id, now, counted=counted, not_before=not_before, reason=reason)
        )

    async def expire(self, now: datetime) -> tuple[Wake, ...]:
        """Queued → missed, for all whose time to begin is over."""
        return await self._doors.write(lambda c: wakes.expire(c, now))

    async def refuse(self, wake_id: str, reason: str, now: datetime) -> Wake:
        """Queued or claimed → refused."""
        return await self._doors.write(lambda c: wakes.refuse(c, wake_id, reason, now))

    async def prune(self, before: datetime) -> int:
        return await self._doors.write(lambda c: wakes.prune(c, before))

    async def keyed(self, prefix: str, since: datetime) -> tuple[Wake, ...]:
        """Wakes asked for under a key that begins so, since then."""
        return await self._doors.read(lambda c: wakes.keyed(c, prefix, since))

    async def pending(self) -> tuple[Wake, ...]:
        return await self._doors.read(wakes.pending)

    async def get(self, wake_id: str) -> Wake | None:
        return await self._doors.read(lambda c: wakes.get(c, wake_id))

    async def next_due(self, now: datetime) -> datetime | None:
        return await self._doors.read(lambda c: wakes.next_due(c, now))

    async def next_expiry(self) -> datetime | None:
        return await self._doors.read(wakes.next_expiry)


@attrs.frozen(eq=False)
class Sessions:
    """Sessions that ran, run, or ended without running."""

    _doors: LedgerGateway

    async def spawning(self, session_id: str, facts: SessionFacts) -> SessionRow:
        return await self._doors.write(lambda c: sessions.spawning(c, session_id, facts))

    async def running(self, session_id: str, pid: int | None = None, pid_started: int | None = None) -> SessionRow:
        return await self._doors.write(lambda c: sessions.running(c, session_id, pid, pid_started))

    async def finish(self, session_id: str, outcome: SessionOutcome) -> SessionRow:
        """The one terminal record, with its cost booked and its hooks planned. A second call changes nothing."""

        def work(connection: sqlite3.Connection) -> SessionRow:
            before = sessions.get(connection, session_id)
            row = sessions.finish(connection, session_id, outcome)
            if before is None or not before.ended:
                sessions.settle(connection, session_id, outcome, self._doors.day(outcome.ended_at))
            return row

        return await self._doors.write(work)

    async def record_missed_slot(self, slot: datetime, wake_type: str, reason: str, now: datetime) -> bool:
        """A terminal `missed` record for a slot nobody saw; False when the slot is recorded or queued already."""
        return await self._doors.write(
            lambda c: wakes.record_missed_slot(c, slot, wake_type, reason, now=now, zone=self._doors.zone)
        )

    async def list(self, limit: int | None = None) -> tuple[SessionRow, ...]:
        """Newest first."""
        return await self._doors.read(lambda c: sessions.newest(c, limit))

    async def get(self, session_id: str) -> SessionRow | None:
        return await self._doors.read(lambda c: sessions.get(c, session_id))

    async def of_type(self, wake_type: str, *, since: datetime) -> tuple[SessionRow, ...]:
        """Sessions of a type that began, or ended without that, oldest first."""
        return await self._doors.read(lambda c: sessions.of_type(c, wake_type, since))

    async def unfinished(self) -> tuple[SessionRow, ...]:
        return await self._doors.read(sessions.unfinished)

    async def last_slot(self) -> datetime | None:
        return await self._doors.read(sessions.last_slot)

    async def mark_slots_from(self, now: datetime) -> None:
        await self._doors.write(lambda c: sessions.mark_slots_from(c, now))

    async def notice(self, session_id: str, text: str) -> None:
        """Something that people should know of a session; said twice it stands once."""
        await self._doors.write(lambda c: sessions.notice(c, session_id, text))

    async def ran_by_type(self, since: datetime, until: datetime) -> Mapping[str, int]:
        return await self._doors.read(lambda c: sessions.ran_by_type(c, since, until))

    async def ran_backends(self) -> frozenset[str]:
        return await self._doors.read(sessions.ran_backends)

    async def figures(self) -> figures.Figures:
        return await self._doors.read(figures.figures)


@attrs.frozen(eq=False)
class Hooks:
    """Hook runs."""

    _doors: LedgerGateway

    async def plan(self, session_id: str, names: Iterable[str]) -> None:
        await self._doors.write(lambda c: hooks.plan(c, session_id, names))

    async def begin(self, session_id: str, name: str, now: datetime) -> bool:
        """Whether the hook may run now (never with a verdict, at most twice in all)."""
        return await self._doors.write(lambda c: hooks.begin(c, session_id, name, now))

    async def finish(self, session_id: str, name: str, verdict: str, error: str | None, now: datetime) -> bool:
        return await self._doors.write(lambda c: hooks.finish(c, session_id, name, verdict, error=error, now=now))

    async def of(self, session_id: str) -> tuple[HookRow, ...]:
        return await self._doors.read(lambda c: hooks.of(c, session_id))

    async def unfinished_sessions(self) -> tuple[str, ...]:
        return await self._doors.read(hooks.unfinished_sessions)


@attrs.frozen(eq=False)
class Spend:
    """Money and tokens."""

    _doors: LedgerGateway

    async def record(self, entry: SpendEntry) -> None:
        await self._doors.write(lambda c: spend.record(c, entry, self._doors.day(entry.at)))

    async def reserve(self, entry: SpendEntry, limits: SpendLimits) -> str | None:
        """Set aside before dispatch; the limit that would be broken, in words, or None."""
        return await self._doors.write(lambda c: spend.reserve(c, entry, self._doors.day(entry.at), limits))

    async def forget(self, ref: str, purpose: str = "session") -> None:
        await self._doors.write(lambda c: spend.forget(c, ref, purpose))

    async def reserved(self, ref: str) -> tuple[float, int] | None:
        """USD and tokens set aside for a session; None when nothing is."""
        return await self._doors.read(lambda c: spend.reserved(c, ref))

    async def notices(self, now: datetime, limits: SpendLimits) -> tuple[tuple[int, Level], ...]:
        """Levels of the budget that were reached and not told yet; from now on they are told."""
        return await self._doors.write(lambda c: spend.notices(c, self._doors.day(now), limits))

    async def totals(self, now: datetime) -> Totals:
        return await self._doors.read(lambda c: spend.totals(c, self._doors.day(now)))


@attrs.frozen(eq=False)
class LetterRecords:
    """How far correspondents' letters were shown."""

    _doors: LedgerGateway

    async def offer(self, request: WakeRequest, newest: Mapping[str, str], now: datetime) -> Wake:
        """Queue the wake that shows letters, and note up to which one of each user: both or neither."""
        return await self._doors.write(lambda c: letters.offer(c, request, newest, now=now, zone=self._doors.zone))

    async def settle(self, user: str, *, completed: bool, rests_from: datetime | None) -> None:
        """The offered wake has ended."""
        await self._doors.write(lambda c: letters.settle(c, user, completed=completed, rests_from=rests_from))

    async def all(self) -> Mapping[str, LettersOf]:
        return await self._doors.read(letters.every)


@attrs.frozen(eq=False)
class Titles:
    """What texts were called."""

    _doors: LedgerGateway

    async def get(self, key: str) -> titles.Title | None:
        return await self._doors.read(lambda c: titles.get(c, key))

    async def add(self, title: titles.Title) -> tuple[titles.Title, bool]:
        """The entry that counts, and whether it is this one: the first one written stays."""
        return await self._doors.write(lambda c: titles.add(c, title))

    async def import_once(self, found: Iterable[titles.Title]) -> int | None:
        """How many were taken over; None when that has been done before."""
        return await self._doors.write(lambda c: titles.import_once(c, found))


@attrs.frozen(eq=False)
class Meta:
    """Small facts by name."""

    _doors: LedgerGateway

    async def get(self, key: str) -> str | None:
        return await self._doors.read(lambda c: meta.get(c, key))

    async def put(self, key: str, value: str) -> None:
        await self._doors.write(lambda c: meta.put(c, key, value))

    async def put_new(self, key: str, value: str) -> bool:
        """Write a fact that nobody has written yet; False when there is one."""
        return await self._doors.write(lambda c: meta.put_new(c, key, value))

    async def drop(self, key: str) -> bool:
        """Forget a fact; False when there was none."""
        return await self._doors.write(lambda c: meta.drop(c, key))


@attrs.frozen(eq=False)
class Ledger:
    """sessions.db: one writing connection, one reading beside it."""

    path: Path
    wakes: Wakes
    sessions: Sessions
    hooks: Hooks
    spend: Spend
    meta: Meta
    letters: LetterRecords
    titles: Titles
    _doors: LedgerGateway = attrs.field(repr=False)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        run_sync: RunSync,
        run_read: RunSync | None = None,
        zone: ZoneInfo | str = "America/New_York",
    ) -> Self:
        """Open the ledger, made or brought to the newest version where needed; BadLedger or
        LedgerUnavailable for what can't be opened.

        *run_sync* carries the writes, *run_read* the reads beside them (the same one when not given); each has to run
        one piece of work at a time.
        """

        def connect() -> tuple[sqlite3.Connection, sqlite3.Connection]:
            schema.check(path)
            try:
                return _connect(path)
            except (OSError, sqlite3.OperationalError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                raise LedgerUnavailable(f"the ledger {path} can't be opened: {reason}") from error

        writer, reader = await run_sync(connect)
        doors = LedgerGateway(
            ZoneInfo(zone) if isinstance(zone, str) else zone,
            Connections(writer, reader),
            run_sync,
            run_read or run_sync,
        )
        return cls(
            path,
            Wakes(doors),
            Sessions(doors),
            Hooks(doors),
            Spend(doors),
            Meta(doors),
            LetterRecords(doors),
            Titles(doors),
            doors,
        )

    def patiently(self, waits: Waits) -> Self:
        """The same ledger for whoever must not lose what it writes: each call is tried again while the file can't take
        it (locked, full or failing disk), and *waits* is told why, and "" when it is over. A cancellation ends that.
        """
        doors = PatientGateway.of(self._doors, waits)
        return attrs.evolve(
            self,
            wakes=attrs.evolve(self.wakes, doors=doors),
            sessions=attrs.evolve(self.sessions, doors=doors),
            hooks=attrs.evolve(self.hooks, doors=doors),
            spend=attrs.evolve(self.spend, doors=doors),
            meta=attrs.evolve(self.meta, doors=doors),
            letters=attrs.evolve(self.letters, doors=doors),
            titles=attrs.evolve(self.titles, doors=doors),
            doors=doors,
        )

    async def close(self) -> None:
        """Write everything into the database file and let go of it."""
        await self._doors.close()


@attrs.frozen(eq=False)
class LedgerView:
    """The ledger for commands with no process running: reads only, at once, and changes nothing in it."""

    _connection: sqlite3.Connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """A missing ledger is an empty one. One of an older version is read through a copy in memory."""
        version = schema.check(path)
        if version == schema.LATEST:
            return cls(sqlite.open_reader(path))
        copy = sqlite3.connect(":memory:", isolation_level=None)
        copy.row_factory = sqlite3.Row
        if version is not None:
            reader = sqlite.open_reader(path)
            try:
                reader.backup(copy)
            finally:
                reader.close()
        schema.migrate(copy)
        return cls(copy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def sessions(self, limit: int | None = None) -> tuple[SessionRow, ...]:
        """Newest first."""
        return snapshot(self._connection, lambda c: sessions.newest(c, limit))

    def session(self, session_id: str) -> SessionRow | None:
        return snapshot(self._connection, lambda c: sessions.get(c, session_id))

    def queue(self) -> tuple[Wake, ...]:
        return snapshot(self._connection, wakes.pending)

    def keyed(self, prefix: str, since: datetime) -> tuple[Wake, ...]:
        return snapshot(self._connection, lambda c: wakes.keyed(c, prefix, since))

    def unfinished(self) -> tuple[SessionRow, ...]:
        return snapshot(self._connection, sessions.unfinished)

    def last_slot(self) -> datetime | None:
        return snapshot(self._connection, sessions.last_slot)

    def ran_backends(self) -> frozenset[str]:
        return snapshot(self._connection, sessions.ran_backends)

    def totals(self, now: datetime, zone: ZoneInfo) -> Totals:
        return snapshot(self._connection, lambda c: spend.totals(c, now.astimezone(zone).date().isoformat()))

    def meta(self, key: str) -> str | None:
        return snapshot(self._connection, functools.partial(meta.get, key=key))


def _connect(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    writer = sqlite.open_writer(path, factory=Storing)
    try:
        schema.migrate(writer)
        return writer, sqlite.open_reader(path, factory=Storing)
    except BaseException:
        writer.close()
        raise
