"""What the sessions used, for the analytics: light rows of all that ran and ended."""

import sqlite3

import attrs

from runner.ledger.rows import TERMINAL

__all__ = ["Figure", "Figures", "figures"]


@attrs.frozen
class Figure:
    """One session that ran."""

    session_id: str
    started_at: str
    duration_seconds: float
    turns: int
    cost_usd: float
    tokens: int


@attrs.frozen
class Figures:
    """All that ran and ended, and the ids of everything that is known; the predecessor's rows are in its logs."""

    ran: tuple[Figure, ...]
    known: frozenset[str]


def figures(connection: sqlite3.Connection) -> Figures:
    marks = ", ".join("?" for _ in TERMINAL)
    rows = connection.execute(
        f"""
        SELECT session_id, started_at, duration_seconds, num_turns, cost_usd,
               COALESCE(input_tokens, 0) + COALESCE(output_tokens, 0)
               + COALESCE(cache_read_tokens, 0) + COALESCE(cache_creation_tokens, 0) AS tokens
        FROM sessions
        WHERE state IN ({marks}) AND started_at IS NOT NULL AND COALESCE(backend, '') <> 'original'
        ORDER BY id
        """,  # noqa: S608 - only question marks are put in
        tuple(TERMINAL),
    )
    ran = tuple(
        Figure(
            row["session_id"],
            row["started_at"],
            row["duration_seconds"] or 0.0,
            row["num_turns"] or 0,
            row["cost_usd"] or 0.0,
            row["tokens"],
        )
        for row in rows
    )
    known = connection.execute("SELECT session_id FROM sessions UNION SELECT id FROM wakes")
    return Figures(ran, frozenset(row[0] for row in known))
