"""Sessions: one row for everything that ran or ended. Owner: the session actor."""

import json
import sqlite3
from datetime import datetime
from typing import Any

from runner.ledger import hooks, meta, spend
from runner.ledger.rows import (
    ACTIVE,
    TERMINAL,
    SessionFacts,
    SessionOutcome,
    SessionRow,
    SpendEntry,
    Wake,
    WrongState,
    slot_key,
    stamp,
    to_json_text,
)

__all__ = [
    "finish",
    "get",
    "insert_unrun",
    "last_slot",
    "mark_slots_from",
    "newest",
    "notice",
    "of_type",
    "ran_backends",
    "ran_by_type",
    "running",
    "spawning",
    "unfinished",
]

SLOTS_FROM = "slots_from"


def spawning(connection: sqlite3.Connection, session_id: str, facts: SessionFacts) -> SessionRow:
    """Record a session just before its model is made: the wake leaves `claimed`, the session's row begins."""
    wake = connection.execute("SELECT * FROM wakes WHERE id = ?", (session_id,)).fetchone()
    if wake is None or wake["state"] != "claimed":
        raise WrongState(f"wake {session_id} is {wake['state'] if wake else 'not there'}; expected: claimed")
    started = stamp(facts.started_at)
    connection.execute("UPDATE wakes SET state = 'spawning', changed_at = ? WHERE id = ?", (started, session_id))
    connection.execute(
        """
        INSERT INTO sessions (timestamp, session_type, session_id, state, source, slot, backend, model,
                              claude_session_id, started_at)
        VALUES (?, ?, ?, 'spawning', ?, ?, ?, ?, ?, ?)
        """,
        (
            started,
            wake["type"],
            session_id,
            wake["source"],
            wake["slot"],
            facts.backend,
            facts.model,
            facts.claude_session_id,
            started,
        ),
    )
    return _must(connection, session_id)


def running(
    connection: sqlite3.Connection, session_id: str, pid: int | None = None, pid_started: int | None = None
) -> SessionRow:
    """The model is there. A process is named by its number and its start time, because numbers come again."""
    changed = connection.execute(
        "UPDATE sessions SET state = 'running', pid = ?, pid_started = ? WHERE session_id = ? AND state = 'spawning'",
        (pid, pid_started, session_id),
    )
    if not changed.rowcount:
        found = get(connection, session_id)
        raise WrongState(f"session {session_id} is {found.state if found else 'not there'}; expected: spawning")
    connection.execute("UPDATE wakes SET state = 'running' WHERE id = ?", (session_id,))
    return _must(connection, session_id)


def finish(connection: sqlite3.Connection, session_id: str, outcome: SessionOutcome) -> SessionRow:
    """Write the one terminal record. A session that has one keeps it: the second finish changes nothing."""
    found = get(connection, session_id)
    if found is not None and found.ended:
        return found
    if found is None:
        _begin_unrun(connection, session_id, outcome.ended_at)
    ended = stamp(outcome.ended_at)
    connection.execute(
        """
        UPDATE sessions SET
            state = :state, reason = :reason, ended_at = :ended, exit_code = :exit_code, is_error = :is_error,
            num_turns = :num_turns, input_tokens = :input_tokens, output_tokens = :output_tokens,
            cache_read_tokens = :cache_read, cache_creation_tokens = :cache_creation, cost_usd = :cost_usd,
            model = COALESCE(:model, model), claude_session_id = COALESCE(:claude_session_id, claude_session_id),
            duration_seconds = :duration, tools_json = :tools, files_written_json = :written, files_read_json = :read,
            files_created = :created, summary = :summary, error = :error
        WHERE session_id = :id
        """,
        {
            "id": session_id,
            "state": outcome.state,
            "reason": outcome.reason,
            "ended": ended,
            "exit_code": outcome.exit_code,
            "is_error": int(outcome.is_error),
            "num_turns": outcome.num_turns,
            "input_tokens": outcome.input_tokens,
            "output_tokens": outcome.output_tokens,
            "cache_read": outcome.cache_read_tokens,
            "cache_creation": outcome.cache_creation_tokens,
            "cost_usd": outcome.cost_usd,
            "model": outcome.model,
            "claude_session_id": outcome.claude_session_id,
            "duration": _duration(found, outcome),
            "tools": to_json_text(dict(outcome.tools)),
            "written": to_json_text(outcome.files_written),
            "read": to_json_text(outcome.files_read),
            "created": len(outcome.files_written),
            "summary": outcome.summary,
            "error": None if outcome.state == "completed" else outcome.reason or outcome.state,
        },
    )
    connection.execute(
        "UPDATE wakes SET state = ?, reason = ?, changed_at = ? WHERE id = ?",
        (outcome.state, outcome.reason, ended, session_id),
    )
    hooks.plan(connection, session_id, outcome.hooks)
    return _must(connection, session_id)


def settle(connection: sqlite3.Connection, session_id: str, outcome: SessionOutcome, day: str) -> None:
    """Book what the session cost, in place of what was reserved for it."""
    entry = SpendEntry(
        ref=session_id,
        at=outcome.ended_at,
        model=outcome.model,
        input_tokens=outcome.input_tokens or 0,
        output_tokens=outcome.output_tokens or 0,
        cost_usd=outcome.cost_usd or 0.0,
    )
    if entry.cost_usd or entry.input_tokens or entry.output_tokens:
        spend.record(connection, entry, day)
    elif outcome.state != "interrupted":
        spend.forget(connection, session_id, "session")
    else:  # what an interrupted session used is unknown: what it was allowed stays booked
        spend.forget_all_left(connection, session_id)


def insert_unrun(connection: sqlite3.Connection, wake: Wake, state: str, reason: str, now: datetime) -> None:
    """The row of a wake that ended without a model: missed, refused, or given up."""
    moment = stamp(now)
    connection.execute(
        """
        INSERT INTO sessions (timestamp, session_type, session_id, state, reason, source, slot, ended_at, is_error,
                              error)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (moment, wake.type, wake.id, state, reason, wake.source, wake.slot, moment, int(state == "failed"), reason),
    )


def notice(connection: sqlite3.Connection, session_id: str, text: str) -> None:
    """Add a line to what people should know of a session; the same line only once."""
    row = connection.execute("SELECT notices FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    lines = (row["notices"] or "").splitlines() if row is not None else []
    line = " ".join(text.split())
    if line not in lines:
        known = "\n".join([*lines, line])
        connection.execute("UPDATE sessions SET notices = ? WHERE session_id = ?", (known, session_id))


def ran_by_type(connection: sqlite3.Connection, since: datetime, until: datetime) -> dict[str, int]:
    """How many sessions of each type were begun from one instant to before another."""
    rows = connection.execute(
        """
        SELECT session_type, COUNT(*) AS n FROM sessions
        WHERE started_at >= ? AND started_at < ? GROUP BY session_type ORDER BY session_type
        """,
        (stamp(since), stamp(until)),
    )
    return {row["session_type"]: row["n"] for row in rows}


def get(connection: sqlite3.Connection, session_id: str) -> SessionRow | None:
    row = connection.execute("SELECT * FROM sessions WHERE session_id = ?", (session_id,)).fetchone()
    return None if row is None else _row(connection, row)


def newest(connection: sqlite3.Connection, limit: int | None = None) -> tuple[SessionRow, ...]:
    """Rows from the newest to the oldest."""
    rows = connection.execute(
        "SELECT * FROM sessions ORDER BY COALESCE(started_at, slot, timestamp) DESC, id DESC LIMIT ?",
        (-1 if limit is None else max(0, limit),),
    ).fetchall()
    return tuple(_row(connection, row) for row in rows)


def of_type(connection: sqlite3.Connection, wake_type: str, since: datetime) -> tuple[SessionRow, ...]:
    """Sessions of this type that began, or ended without that, from *since* on, oldest first."""
    rows = connection.execute(
        """
        SELECT * FROM sessions
        WHERE session_type = ? AND source <> 'original' AND COALESCE(started_at, ended_at) >= ?
        ORDER BY COALESCE(started_at, ended_at)
        """,
        (wake_type, stamp(since)),
    ).fetchall()
    return tuple(_row(connection, row) for row in rows)


def unfinished(connection: sqlite3.Connection) -> tuple[SessionRow, ...]:
    """What a process that ended too early left behind: rows without a terminal state, oldest first."""
    rows = connection.execute("SELECT * FROM sessions WHERE state IN (?, ?) ORDER BY id", ACTIVE).fetchall()
    return tuple(_row(connection, row) for row in rows)


def last_slot(connection: sqlite3.Connection) -> datetime | None:
    """Up to when slots are accounted for: the newest recorded or queued slot, or when slots were first watched."""
    row = connection.execute(
        "SELECT MAX(slot) AS slot FROM (SELECT slot FROM wakes UNION ALL SELECT slot FROM sessions)"
    ).fetchone()
    known = [text for text in (row["slot"], meta.get(connection, SLOTS_FROM)) if text]
    return max((datetime.fromisoformat(text) for text in known), default=None)


def mark_slots_from(connection: sqlite3.Connection, now: datetime) -> None:
    """From now on slots are watched: later ones that pass unseen were missed. Said again, it changes nothing."""
    meta.put_new(connection, SLOTS_FROM, str(slot_key(now)))


def ran_backends(connection: sqlite3.Connection) -> frozenset[str]:
    """Every backend that ever ran a session in this home."""
    rows = connection.execute("SELECT DISTINCT backend FROM sessions WHERE backend IS NOT NULL")
    return frozenset(row["backend"] for row in rows)


def _begin_unrun(connection: sqlite3.Connection, session_id: str, now: datetime) -> None:
    wake = connection.execute("SELECT * FROM wakes WHERE id = ?", (session_id,)).fetchone()
    if wake is None or wake["state"] in TERMINAL:
        raise WrongState(f"there is no session {session_id!r} to finish")
    connection.execute(
        """
        INSERT INTO sessions (timestamp, session_type, session_id, state, source, slot)
        VALUES (?, ?, ?, 'spawning', ?, ?)
        """,
        (stamp(now), wake["type"], session_id, wake["source"], wake["slot"]),
    )


def _duration(found: SessionRow | None, outcome: SessionOutcome) -> float | None:
    if outcome.duration_seconds is not None or found is None or found.started_at is None:
        return outcome.duration_seconds
    seconds = (outcome.ended_at - datetime.fromisoformat(found.started_at)).total_seconds()
    return max(0.0, seconds)  # the wall clock may have been set back meanwhile


def _must(connection: sqlite3.Connection, session_id: str) -> SessionRow:
    row = get(connection, session_id)
    assert row is not None
    return row


def _json(text: str | None, default: Any) -> Any:
    return default if text is None else json.loads(text)


def _row(connection: sqlite3.Connection, row: sqlite3.Row) -> SessionRow:
    return SessionRow(
        session_id=row["session_id"],
        type=row["session_type"],
        state=row["state"],
        reason=row["reason"],
        source=row["source"],
        slot=row["slot"],
        backend=row["backend"],
        model=row["model"],
        claude_session_id=row["claude_session_id"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        exit_code=row["exit_code"],
        is_error=bool(row["is_error"]),
        num_turns=row["num_turns"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cache_read_tokens=row["cache_read_tokens"],
        cache_creation_tokens=row["cache_creation_tokens"],
        cost_usd=row["cost_usd"],
        duration_seconds=row["duration_seconds"],
        files_created=row["files_created"] or 0,
        pid=row["pid"],
        pid_started=row["pid_started"],
        tools=_json(row["tools_json"], {}),
        files_written=tuple(_json(row["files_written_json"], ())),
        files_read=tuple(_json(row["files_read_json"], ())),
        summary=row["summary"] or "",
        # a reader may look at a file that its own process has not brought up to date yet
        notices=tuple((row["notices"] or "").splitlines()) if "notices" in row.keys() else (),  # noqa: SIM118 - a Row
        hooks=hooks.of(connection, row["session_id"]),
    )
