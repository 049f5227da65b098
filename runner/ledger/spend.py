"""Money and tokens: reserved before something is sent, booked when it has answered. Owner: the session actor."""

import sqlite3

from runner.ledger.rows import Limits, SpendEntry, Totals, stamp

__all__ = ["forget", "record", "reserve", "totals"]


def record(connection: sqlite3.Connection, entry: SpendEntry, day: str, *, reserved: bool = False) -> None:
    """Book an entry on a calendar day of the home; one of the same ref and purpose is replaced."""
    connection.execute(
        """
        INSERT INTO spend (ref, purpose, at, day, model, input_tokens, output_tokens, cost_usd, reserved)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (ref, purpose) DO UPDATE SET
            at = excluded.at, day = excluded.day, model = excluded.model, input_tokens = excluded.input_tokens,
            output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd, reserved = excluded.reserved
        """,
        (
            entry.ref,
            entry.purpose,
            stamp(entry.at),
            day,
            entry.model,
            entry.input_tokens,
            entry.output_tokens,
            entry.cost_usd,
            int(reserved),
        ),
    )


def reserve(connection: sqlite3.Connection, entry: SpendEntry, day: str, limits: Limits) -> str | None:
    """Set money and tokens aside, or say which limit they would break. A reservation is replaced by what it came to."""
    forget(connection, entry.ref, entry.purpose)
    tokens = entry.input_tokens + entry.output_tokens
    broken = totals(connection, day).over(limits, usd=entry.cost_usd, tokens=tokens)
    if broken is None:
        record(connection, entry, day, reserved=True)
    return broken


def forget(connection: sqlite3.Connection, ref: str, purpose: str) -> None:
    """Give a reservation back. What was really spent stays booked."""
    connection.execute("DELETE FROM spend WHERE ref = ? AND purpose = ? AND reserved = 1", (ref, purpose))


def totals(connection: sqlite3.Connection, day: str) -> Totals:
    """Sums of a day (YYYY-MM-DD) and of its month."""
    row = connection.execute(
        """
        SELECT COALESCE(SUM(cost_usd) FILTER (WHERE day = :day), 0.0) AS day_usd,
               COALESCE(SUM(input_tokens + output_tokens) FILTER (WHERE day = :day), 0) AS day_tokens,
               COALESCE(SUM(cost_usd), 0.0) AS month_usd,
               COALESCE(SUM(input_tokens + output_tokens), 0) AS month_tokens
        FROM spend WHERE day BETWEEN :month || '-00' AND :month || '-99'
        """,
        {"day": day, "month": day[:7]},
    ).fetchone()
    return Totals(**dict(row))
