"""Three builds that are wrong on purpose, each in one step's place: the simulation has to notice every one of them."""

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import cast

import attrs

from runner.ledger import Ledger, SessionFacts, SessionRow
from runner.ledger import sessions as rows
from runner.ledger.ledger import Sessions
from runner.ledger.rows import stamp
from runner.session.engine import Engine
from runner.session.hooks.base import Hook, HookContext, Verdict
from runner.session.pipeline import Pipeline
from tests.simulation.process import Process, Spoil


@attrs.frozen(eq=False)
class QueueFirst(Sessions):
    """Takes the wake out of the queue, and writes the session's row in a second transaction."""

    async def spawning(self, session_id: str, facts: SessionFacts) -> SessionRow:
        def out(ledger: sqlite3.Connection) -> tuple[str, str, str | None]:
            taken = ledger.execute("DELETE FROM wakes WHERE id = ? RETURNING type, source, slot", (session_id,))
            kind, source, slot = taken.fetchone()
            return kind, source, slot

        kind, source, slot = await self._doors.write(out)

        def begin(ledger: sqlite3.Connection) -> None:
            started = stamp(facts.started_at)
            ledger.execute(
                """
                INSERT INTO sessions (timestamp, session_type, session_id, state, source, slot, backend, started_at)
                VALUES (?, ?, ?, 'spawning', ?, ?, ?, ?)
                """,
                (started, kind, session_id, source, slot, facts.backend, started),
            )

        await self._doors.write(begin)
        row = await self.get(session_id)
        assert row is not None
        return row


@attrs.frozen(eq=False)
class SlotLate(Sessions):
    """Records the session, and with it its slot, only when the model is there."""

    waiting: dict[str, SessionFacts] = attrs.field(factory=dict)

    async def spawning(self, session_id: str, facts: SessionFacts) -> SessionRow:
        self.waiting[session_id] = facts
        return cast("SessionRow", None)  # who calls does not look at it

    async def running(self, session_id: str, pid: int | None = None, pid_started: int | None = None) -> SessionRow:
        def both(ledger: sqlite3.Connection) -> SessionRow:
            rows.spawning(ledger, session_id, self.waiting.pop(session_id))
            return rows.running(ledger, session_id, pid, pid_started)

        return await self._doors.write(both)


class VerdictFirst(Pipeline):
    """Says that a hook is done, and then does its work."""

    async def _one(
        self,
        hook: Hook,
        context: HookContext,
        verdicts: Mapping[str, Verdict],
        ledger: Ledger,
        now: Callable[[], datetime],
    ) -> Verdict:
        if await ledger.hooks.begin(context.session_id, hook.name, now()):
            await ledger.hooks.finish(context.session_id, hook.name, Verdict.DONE.value, None, now=now())
            await hook.run(context)
        return Verdict.DONE


def queue_first(process: Process) -> None:
    process.ledger = attrs.evolve(process.ledger, sessions=QueueFirst(process.ledger.sessions._doors))


def slot_late(process: Process) -> None:
    process.ledger = attrs.evolve(process.ledger, sessions=SlotLate(process.ledger.sessions._doors))


def verdict_first(process: Process) -> None:
    def spoilt(engine: Engine) -> Engine:
        engine.pipeline = VerdictFirst(engine.hooks)
        return engine

    process.engine_of = spoilt


BUILDS: Mapping[str, tuple[Spoil, str]] = MappingProxyType(
    {
        "queue row removed before the session row": (queue_first, r"was accepted and is gone|has 0 records"),
        "hook verdict written before its work": (verdict_first, r"its work was never finished"),
        "slot recorded after the spawn": (slot_late, r"was spawned 2 times"),
    }
)
"""Each with what the simulation says of it."""
