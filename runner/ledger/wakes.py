"""The wake queue. Owner: the scheduler; the session claims and returns; anyone may put something in."""

import sqlite3
from datetime import datetime
from zoneinfo import ZoneInfo

from runner.ledger import sessions, spend
from runner.ledger.rows import OPEN, TERMINAL, Wake, WakeRequest, WrongState, parse_stamp, priority_of, stamp

__all__ = [
    "MAX_RETURNS",
    "claim",
    "enqueue",
    "expire",
    "get",
    "keyed",
    "next_due",
    "next_expiry",
    "pending",
    "prune",
    "record_missed_slot",
    "refuse",
    "release",
]

MAX_RETURNS = 3
"""A wake goes back into the queue so many times; after that it has failed."""


def enqueue(connection: sqlite3.Connection, request: WakeRequest, now: datetime, zone: ZoneInfo) -> Wake:
    """Accept a request. A slot or key that is recorded or queued already is answered with what there is."""
    if request.slot is not None:
        known = _of_slot(connection, request.slot)
        if known is not None:
            return known
    if request.key is not None:
        row = connection.execute("SELECT * FROM wakes WHERE key = ?", (request.key,)).fetchone()
        if row is not None:
            return _wake(row)
    return _insert(connection, request, now, _free_id(connection, now, zone), "queued")


def claim(connection: sqlite3.Connection, now: datetime, *, only: str | None = None) -> Wake | None:
    """Take the next wake that may begin now: by priority, then by arrival. With *only*, that one or none."""
    moment = stamp(now)
    row = connection.execute(
        """
        SELECT id FROM wakes
        WHERE state = 'queued' AND (not_before IS NULL OR not_before <= :now)
          AND (expires_at IS NULL OR expires_at > :now) AND (:only IS NULL OR id = :only)
        ORDER BY priority, seq LIMIT 1
        """,
        {"now": moment, "only": only},
    ).fetchone()
    if row is None:
        return None
    connection.execute(
        "UPDATE wakes SET state = 'claimed', attempts = attempts + 1, changed_at = ? WHERE id = ?", (moment, row["id"])
    )
    return get(connection, row["id"])


def release(
    connection: sqlite3.Connection,
    wake_id: str,
    now: datetime,
    *,
    counted: bool = True,
    not_before: datetime | None = None,
    reason: str | None = None,
) -> Wake:
    """Put a claimed wake back to its place in the queue; after too many returns it has failed.

    An uncounted return (the operator restarted the session actor, another process holds the session lock) takes the
    claim back as if it had not been made.
    """
    wake = _in_state(connection, wake_id, ("claimed",))
    spend.forget(connection, wake_id, "session")
    if counted and wake.attempts > MAX_RETURNS:
        said = reason or "it never got as far as starting its model"
        return _end(connection, wake, "failed", f"given up after {wake.attempts} attempts: {said}", now)
    connection.execute(
        """
        UPDATE wakes SET state = 'queued', attempts = attempts - ?, not_before = COALESCE(?, not_before), changed_at = ?
        WHERE id = ?
        """,
        (0 if counted else 1, None if not_before is None else stamp(not_before), stamp(now), wake_id),
    )
    return _must(connection, wake_id)


def refuse(connection: sqlite3.Connection, wake_id: str, reason: str, now: datetime) -> Wake:
    """End a wake that will not be run. One that has ended already stays as it ended."""
    wake = _must(connection, wake_id)
    if wake.ended:
        return wake
    return _end(connection, _in_state(connection, wake_id, ("queued", "claimed")), "refused", reason, now)


def expire(connection: sqlite3.Connection, now: datetime) -> tuple[Wake, ...]:
    """End every queued wake whose time to begin is over: it was missed."""
    rows = connection.execute(
        "SELECT * FROM wakes WHERE state = 'queued' AND expires_at <= ? ORDER BY seq", (stamp(now),)
    ).fetchall()
    return tuple(_end(connection, _wake(row), "missed", _late(_wake(row)), now) for row in rows)


def record_missed_slot(
    connection: sqlite3.Connection, slot: datetime, wake_type: str, reason: str, *, now: datetime, zone: ZoneInfo
) -> bool:
    """Give a slot that passed unseen its terminal record; False when it has one or waits in the queue."""
    request = WakeRequest(type=wake_type, source="scheduler", slot=slot)
    assert request.slot is not None
    if _of_slot(connection, request.slot) is not None:
        return False
    wake = _insert(connection, request, now, _free_id(connection, slot, zone), "queued")
    _end(connection, wake, "missed", reason, now)
    return True


def get(connection: sqlite3.Connection, wake_id: str) -> Wake | None:
    row = connection.execute("SELECT * FROM wakes WHERE id = ?", (wake_id,)).fetchone()
    return None if row is None else _wake(row)


def keyed(connection: sqlite3.Connection, prefix: str, since: datetime) -> tuple[Wake, ...]:
    """The wakes whose key begins so, in the order they were asked for; those asked for before *since* are left out."""
    rows = connection.execute(
        "SELECT * FROM wakes WHERE substr(key, 1, ?) = ? AND enqueued_at >= ? ORDER BY seq",
        (len(prefix), prefix, stamp(since)),
    )
    return tuple(_wake(row) for row in rows)


def pending(connection: sqlite3.Connection) -> tuple[Wake, ...]:
    """Everything that has not ended: what runs first, then the queue in the order it will be taken."""
    rows = connection.execute(
        "SELECT * FROM wakes WHERE state IN (?, ?, ?, ?) ORDER BY state = 'queued', priority, seq", OPEN
    )
    return tuple(_wake(row) for row in rows)


def next_due(connection: sqlite3.Connection, now: datetime) -> datetime | None:
    """When the next queued wake may begin: *now* if one may already, None with nothing queued."""
    moment = stamp(now)
    row = connection.execute(
        """
        SELECT MIN(MAX(COALESCE(not_before, :now), :now)) AS due FROM wakes
        WHERE state = 'queued' AND (expires_at IS NULL OR expires_at > :now)
        """,
        {"now": moment},
    ).fetchone()
    return parse_stamp(row["due"])


def next_expiry(connection: sqlite3.Connection) -> datetime | None:
    """When the next queued wake will be missed."""
    return parse_stamp(
        connection.execute("SELECT MIN(expires_at) AS first FROM wakes WHERE state = 'queued'").fetchone()["first"]
    )


def prune(connection: sqlite3.Connection, before: datetime) -> int:
    """Drop ended rows last touched before *before*; their sessions rows stay. Returns how many."""
    cursor = connection.execute(
        "DELETE FROM wakes WHERE state IN (?, ?, ?, ?, ?) AND changed_at < ?", (*TERMINAL, stamp(before))
    )
    return cursor.rowcount


def _insert(connection: sqlite3.Connection, request: WakeRequest, now: datetime, wake_id: str, state: str) -> Wake:
    moment = stamp(now)
    row = connection.execute(
        """
        INSERT INTO wakes (id, type, state, source, message, sender, image, max_turns, slot, key, priority,
                           enqueued_at, not_before, expires_at, changed_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *
        """,
        (
            wake_id,
            request.type,
            state,
            request.source,
            request.message,
            request.sender,
            request.image,
            request.max_turns,
            request.slot,
            request.key,
            priority_of(request.type) if request.priority is None else request.priority,
            moment,
            None if request.not_before is None else stamp(request.not_before),
            None if request.expires_at is None else stamp(request.expires_at),
            moment,
        ),
    ).fetchone()
    return _wake(row, created=True)


def _end(connection: sqlite3.Connection, wake: Wake, state: str, reason: str, now: datetime) -> Wake:
    """Give a wake that never reached its model both halves of a terminal record."""
    connection.execute(
        "UPDATE wakes SET state = ?, reason = ?, changed_at = ? WHERE id = ?", (state, reason, stamp(now), wake.id)
    )
    spend.forget(connection, wake.id, "session")
    sessions.insert_unrun(connection, wake, state, reason, now)
    return _must(connection, wake.id)


def _free_id(connection: sqlite3.Connection, moment: datetime, zone: ZoneInfo) -> str:
    base = moment.astimezone(zone).strftime("%Y%m%d-%H%M%S")
    candidate, number = base, 1
    while connection.execute(
        "SELECT 1 FROM wakes WHERE id = :id UNION ALL SELECT 1 FROM sessions WHERE session_id = :id", {"id": candidate}
    ).fetchone():
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def _of_slot(connection: sqlite3.Connection, slot: str) -> Wake | None:
    row = connection.execute("SELECT * FROM wakes WHERE slot = ?", (slot,)).fetchone()
    if row is not None:
        return _wake(row)
    # the queue's row may have been dropped since; the session's row stays for good
    row = connection.execute("SELECT * FROM sessions WHERE slot = ?", (slot,)).fetchone()
    if row is None:
        return None
    moment = datetime.fromisoformat(row["timestamp"])
    return Wake(
        id=row["session_id"],
        type=row["session_type"],
        state=row["state"],
        source=row["source"],
        message="",
        sender="",
        image=None,
        max_turns=None,
        slot=slot,
        enqueued_at=moment,
        not_before=None,
        expires_at=None,
        attempts=0,
        priority=priority_of(row["session_type"]),
        reason=row["reason"],
    )


def _in_state(connection: sqlite3.Connection, wake_id: str, states: tuple[str, ...]) -> Wake:
    wake = _must(connection, wake_id)
    if wake.state not in states:
        raise WrongState(f"wake {wake_id} is {wake.state}; expected: {' or '.join(states)}")
    return wake


def _must(connection: sqlite3.Connection, wake_id: str) -> Wake:
    wake = get(connection, wake_id)
    if wake is None:
        raise WrongState(f"there is no wake {wake_id!r}")
    return wake


def _late(wake: Wake) -> str:
    assert wake.expires_at is not None
    since = parse_stamp(wake.slot) or wake.not_before or wake.enqueued_at
    minutes = round((wake.expires_at - since).total_seconds() / 60)
    return f"could not begin within {minutes} minutes"


def _wake(row: sqlite3.Row, *, created: bool = False) -> Wake:
    enqueued_at = parse_stamp(row["enqueued_at"])
    assert enqueued_at is not None
    return Wake(
        id=row["id"],
        type=row["type"],
        state=row["state"],
        source=row["source"],
        message=row["message"],
        sender=row["sender"],
        image=row["image"],
        max_turns=row["max_turns"],
        slot=row["slot"],
        enqueued_at=enqueued_at,
        not_before=parse_stamp(row["not_before"]),
        expires_at=parse_stamp(row["expires_at"]),
        attempts=row["attempts"],
        priority=row["priority"],
        reason=row["reason"],
        key=row["key"],
        created=created,
    )
