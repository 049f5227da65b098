"""Money and tokens: reserved before something is sent, booked when it has answered. Owner: the session actor."""

import sqlite3

import attrs

from runner.ledger import meta
from runner.ledger.budget import LEVELS, Level, levels
from runner.ledger.rows import SpendEntry, SpendLimits, Totals, stamp

__all__ = ["forget", "forget_all_left", "notices", "record", "reserve", "reserved", "totals"]

ALL_LEFT = "(all that was left)"
"""In place of a model: the reservation has no figure of its own."""


def record(connection: sqlite3.Connection, entry: SpendEntry, day: str, *, reserved: bool = False) -> None:
    """Book an entry on a calendar day of the home; one of the same ref and purpose is replaced.

    What was set aside is booked on the day that it was set aside on, also when the clock went back over midnight since:
    that day had room for it.
    """
    connection.execute(
        """
        INSERT INTO spend (ref, purpose, at, day, model, input_tokens, output_tokens, cost_usd, reserved)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (ref, purpose) DO UPDATE SET
            at = excluded.at, day = CASE WHEN spend.reserved THEN spend.day ELSE excluded.day END,
            model = excluded.model, input_tokens = excluded.input_tokens,
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


def reserve(connection: sqlite3.Connection, entry: SpendEntry, day: str, limits: SpendLimits) -> str | None:
    """Set money and tokens aside, or say which limit they would break. A reservation is replaced by what it came to.

    An entry without a figure of its own is given all that is left: nobody knows beforehand what it will come to.
    """
    forget(connection, entry.ref, entry.purpose)
    so_far = totals(connection, day)
    tokens = entry.input_tokens + entry.output_tokens
    broken = so_far.over(limits, usd=entry.cost_usd, tokens=tokens) or so_far.over(limits)
    if broken is None:
        usd_left, tokens_left = so_far.left(limits)
        if not entry.cost_usd and usd_left is not None:
            entry = attrs.evolve(entry, cost_usd=usd_left, model=ALL_LEFT)
        if not tokens and tokens_left is not None:
            entry = attrs.evolve(entry, output_tokens=tokens_left, model=ALL_LEFT)
        record(connection, entry, day, reserved=True)
    return broken


def forget(connection: sqlite3.Connection, ref: str, purpose: str) -> None:
    """Give a reservation back. What was really spent stays booked."""
    connection.execute("DELETE FROM spend WHERE ref = ? AND purpose = ? AND reserved = 1", (ref, purpose))


def forget_all_left(connection: sqlite3.Connection, ref: str) -> None:
    """Give back a reservation of all that was left: one session of unknown cost must not use up a month."""
    connection.execute("DELETE FROM spend WHERE ref = ? AND reserved = 1 AND model = ?", (ref, ALL_LEFT))


def reserved(connection: sqlite3.Connection, ref: str) -> tuple[float, int] | None:
    """USD and tokens that are set aside for this; None when nothing is."""
    row = connection.execute(
        "SELECT cost_usd, input_tokens + output_tokens AS tokens FROM spend WHERE ref = ? AND purpose = 'session' "
        "AND reserved = 1",
        (ref,),
    ).fetchone()
    return None if row is None else (float(row["cost_usd"]), int(row["tokens"]))


def notices(connection: sqlite3.Connection, day: str, limits: SpendLimits) -> tuple[tuple[int, Level], ...]:
    """Levels of the budget reached since the last call, each told once in its day or month."""
    found: list[tuple[int, Level]] = []
    for level in levels(totals(connection, day, booked=True), limits):
        period = day if level.period == "day" else day[:7]
        for percent in LEVELS:
            key = f"budget_notice:{level.period}:{level.unit}:{percent}"
            if level.percent >= percent and meta.get(connection, key) != period:
                meta.put(connection, key, period)
                found.append((percent, level))
    return tuple(found)


def totals(connection: sqlite3.Connection, day: str, *, booked: bool = False) -> Totals:
    """Sums of a day (YYYY-MM-DD) and of its month; with *booked* without what is only set aside."""
    row = connection.execute(
        """
        SELECT COALESCE(SUM(cost_usd) FILTER (WHERE day = :day), 0.0) AS day_usd,
               COALESCE(SUM(input_tokens + output_tokens) FILTER (WHERE day = :day), 0) AS day_tokens,
               COALESCE(SUM(cost_usd), 0.0) AS month_usd,
               COALESCE(SUM(input_tokens + output_tokens), 0) AS month_tokens
        FROM spend WHERE day BETWEEN :month || '-00' AND :month || '-99' AND (reserved = 0 OR NOT :booked)
        """,
        {"day": day, "month": day[:7], "booked": booked},
    ).fetchone()
    return Totals(**dict(row))
