"""Hook runs: one row per session and hook, one verdict each, written once. Owner: the session actor."""

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from runner.ledger.rows import HOOK_VERDICTS, HookRow, parse_stamp, stamp, to_json_text

__all__ = ["MAX_BEGINS", "begin", "finish", "of", "plan", "unfinished_sessions"]

MAX_BEGINS = 2


def plan(connection: sqlite3.Connection, session_id: str, names: Iterable[str]) -> None:
    """Say which hooks a session will run, in order. Names that are planned already stay as they are."""
    start = connection.execute("SELECT COUNT(*) FROM hooks WHERE session_id = ?", (session_id,)).fetchone()[0]
    for position, name in enumerate(names, start=start):
        connection.execute(
            "INSERT OR IGNORE INTO hooks (session_id, name, position) VALUES (?, ?, ?)", (session_id, name, position)
        )


def begin(connection: sqlite3.Connection, session_id: str, name: str, now: datetime) -> bool:
    """Whether the hook may run now; its attempt is counted.

    No for one with a verdict, and for one that was begun twice without reaching any: that one is given `failed` here,
    so that it does not come back at every start.
    """
    row = connection.execute(
        "SELECT begins, verdict FROM hooks WHERE session_id = ? AND name = ?", (session_id, name)
    ).fetchone()
    if row is None or row["verdict"] is not None:
        return False
    if row["begins"] >= MAX_BEGINS:
        finish(connection, session_id, name, "failed", error=f"begun {row['begins']} times and never finished", now=now)
        return False
    connection.execute(
        "UPDATE hooks SET begins = begins + 1, started_at = ? WHERE session_id = ? AND name = ?",
        (stamp(now), session_id, name),
    )
    return True


def finish(
    connection: sqlite3.Connection, session_id: str, name: str, verdict: str, *, error: str | None, now: datetime
) -> bool:
    """Write the verdict; False when there was one, which stays."""
    if verdict not in HOOK_VERDICTS:
        raise ValueError(f"verdict of hook {name} is {verdict!r}; allowed: {', '.join(HOOK_VERDICTS)}")
    cursor = connection.execute(
        "UPDATE hooks SET verdict = ?, error = ?, ended_at = ? WHERE session_id = ? AND name = ? AND verdict IS NULL",
        (verdict, error, stamp(now), session_id, name),
    )
    if not cursor.rowcount:
        return False
    # the column that other readers of the file know, kept in step
    rows = to_json_text([hook.as_json() for hook in of(connection, session_id)])
    connection.execute("UPDATE sessions SET hooks_json = ? WHERE session_id = ?", (rows, session_id))
    return True


def of(connection: sqlite3.Connection, session_id: str) -> tuple[HookRow, ...]:
    """The hooks of a session in their planned order."""
    rows = connection.execute("SELECT * FROM hooks WHERE session_id = ? ORDER BY position", (session_id,))
    return tuple(
        HookRow(
            session_id=row["session_id"],
            name=row["name"],
            begins=row["begins"],
            verdict=row["verdict"],
            started_at=parse_stamp(row["started_at"]),
            ended_at=parse_stamp(row["ended_at"]),
            error=row["error"],
        )
        for row in rows
    )


def unfinished_sessions(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Ended sessions that have hooks without a verdict, oldest first."""
    rows = connection.execute(
        """
        SELECT session_id FROM sessions
        WHERE state NOT IN ('spawning', 'running')
          AND session_id IN (SELECT session_id FROM hooks WHERE verdict IS NULL)
        ORDER BY id
        """
    )
    return tuple(row["session_id"] for row in rows)
