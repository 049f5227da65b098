"""Correspondence: how far each user's letters were shown. Owner: the scheduler."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from runner.ledger import wakes
from runner.ledger.rows import LettersOf, Wake, WakeRequest, parse_stamp, stamp

__all__ = ["every", "offer", "settle"]


def every(connection: sqlite3.Connection) -> Mapping[str, LettersOf]:
    rows = connection.execute("SELECT * FROM correspondence ORDER BY user")
    return {
        row["user"]: LettersOf(
            user=row["user"],
            last_seen_id=row["last_seen_id"],
            last_session_at=parse_stamp(row["last_session_at"]),
            attempts=row["attempts"],
            offered_id=row["offered_id"],
            offered_in=row["offered_in"],
        )
        for row in rows
    }


def offer(
    connection: sqlite3.Connection, request: WakeRequest, newest: Mapping[str, str], *, now: datetime, zone: ZoneInfo
) -> Wake:
    """Queue a wake and note which letters it is to show."""
    wake = wakes.enqueue(connection, request, now, zone)
    connection.executemany(
        """
        INSERT INTO correspondence (user, offered_id, offered_in) VALUES (?, ?, ?)
        ON CONFLICT (user) DO UPDATE SET offered_id = excluded.offered_id, offered_in = excluded.offered_in
        """,
        [(user, letter, wake.id) for user, letter in newest.items()],
    )
    return wake


def settle(connection: sqlite3.Connection, user: str, *, completed: bool, rests_from: datetime | None) -> None:
    """Take the offer back; a wake that completed has shown its letters, one that only ran will be tried again."""
    if completed:
        connection.execute(
            """
            UPDATE correspondence
            SET attempts = CASE WHEN last_seen_id IS offered_id THEN attempts + 1 ELSE 1 END, last_seen_id = offered_id
            WHERE user = ? AND offered_in IS NOT NULL
            """,
            (user,),
        )
    connection.execute(
        """
        UPDATE correspondence
        SET last_session_at = COALESCE(?, last_session_at), offered_id = NULL, offered_in = NULL WHERE user = ?
        """,
        (None if rests_from is None else stamp(rests_from), user),
    )
