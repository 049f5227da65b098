"""The tables of sessions.db and the steps from each version to the next. A step, once released, is never edited."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from runner.errors import BadLedger, LedgerUnavailable
from runner.storage import sqlite

__all__ = ["LATEST", "MIGRATIONS", "Migration", "check", "migrate"]

MAGIC = b"SQLite format 3\x00"


@attrs.frozen
class Migration:
    """One step of the schema: statements, then what statements alone can't say."""

    version: int
    sql: str
    then: Callable[[sqlite3.Connection], None] | None = None


# The predecessor's table, as it made it: its home is opened as it is, and a new one looks the same to other readers.
FIRST = """
CREATE TABLE IF NOT EXISTS sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp TEXT NOT NULL,
    session_type TEXT NOT NULL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    files_created INTEGER DEFAULT 0,
    duration_seconds REAL,
    error TEXT
);

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- owner: scheduler; anyone may insert
CREATE TABLE wakes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'claimed', 'spawning', 'running',
                                         'completed', 'failed', 'missed', 'interrupted', 'refused')),
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    sender TEXT NOT NULL,
    image TEXT,
    max_turns INTEGER,
    slot TEXT UNIQUE,
    priority INTEGER NOT NULL,
    enqueued_at TEXT NOT NULL,
    not_before TEXT,
    expires_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    changed_at TEXT NOT NULL
) STRICT;
CREATE INDEX wakes_by_state ON wakes (state, priority, seq);

-- owner: session
CREATE TABLE hooks (
    session_id TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    begins INTEGER NOT NULL DEFAULT 0,
    verdict TEXT CHECK (verdict IN ('done', 'not_due', 'failed', 'upstream_failed', 'timed_out')),
    started_at TEXT,
    ended_at TEXT,
    error TEXT,
    PRIMARY KEY (session_id, name)
) STRICT;
CREATE INDEX hooks_open ON hooks (session_id) WHERE verdict IS NULL;

-- owner: session
CREATE TABLE spend (
    ref TEXT NOT NULL,
    purpose TEXT NOT NULL,
    at TEXT NOT NULL,
    day TEXT NOT NULL,
    model TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd REAL NOT NULL DEFAULT 0,
    reserved INTEGER NOT NULL DEFAULT 0 CHECK (reserved IN (0, 1)),
    PRIMARY KEY (ref, purpose)
) STRICT;
CREATE INDEX spend_by_day ON spend (day);
"""

TRIGGERS = """
ALTER TABLE wakes ADD COLUMN key TEXT;
CREATE UNIQUE INDEX wakes_key ON wakes (key);

-- owner: scheduler. What of each correspondent's letters was shown, and in which wake they are shown now
CREATE TABLE correspondence (
    user TEXT PRIMARY KEY,
    last_seen_id TEXT,
    last_session_at TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    offered_id TEXT,
    offered_in TEXT
) STRICT;
"""

NOTICES = """
-- what people should know of a session besides how it ended, one line each
ALTER TABLE sessions ADD COLUMN notices TEXT;
"""

TITLES = """
-- owner: web. What texts were called, by the hashes of the texts
CREATE TABLE titles (
    hash TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    created TEXT NOT NULL,
    original_path TEXT NOT NULL
) STRICT;
"""

SESSION_COLUMNS = (
    ("session_id", "TEXT"),
    ("claude_session_id", "TEXT"),
    ("started_at", "TEXT"),
    ("ended_at", "TEXT"),
    ("exit_code", "INTEGER"),
    ("is_error", "INTEGER"),
    ("num_turns", "INTEGER"),
    ("cost_usd", "REAL"),
    ("cache_read_tokens", "INTEGER"),
    ("cache_creation_tokens", "INTEGER"),
    ("model", "TEXT"),
    ("tools_json", "TEXT"),
    ("files_written_json", "TEXT"),
    ("files_read_json", "TEXT"),
    ("summary", "TEXT"),
    ("hooks_json", "TEXT"),
    ("state", "TEXT"),
    ("reason", "TEXT"),
    ("source", "TEXT"),
    ("backend", "TEXT"),
    ("slot", "TEXT"),
    ("pid", "INTEGER"),
    ("pid_started", "INTEGER"),
)

SESSION_INDEXES = """
CREATE UNIQUE INDEX sessions_session_id ON sessions (session_id);
CREATE UNIQUE INDEX sessions_slot ON sessions (slot);
CREATE INDEX sessions_by_state ON sessions (state);
"""


def _widen_sessions(connection: sqlite3.Connection) -> None:
    """Add our columns to the predecessor's table and give its rows what a row needs; nothing in them is changed."""
    present = {row["name"] for row in connection.execute("PRAGMA table_info(sessions)")}
    for name, kind in SESSION_COLUMNS:
        if name not in present:
            connection.execute(f"ALTER TABLE sessions ADD COLUMN {name} {kind}")
    connection.execute(
        """
        UPDATE sessions SET
            session_id = COALESCE(session_id, 'original-' || id),
            started_at = COALESCE(started_at, timestamp),
            source = COALESCE(source, 'original'),
            backend = COALESCE(backend, 'original'),
            reason = COALESCE(reason, error),
            is_error = COALESCE(is_error, error IS NOT NULL AND error <> ''),
            state = COALESCE(state, CASE WHEN error IS NULL OR error = '' THEN 'completed' ELSE 'failed' END)
        """
    )
    for statement in _statements(SESSION_INDEXES):
        connection.execute(statement)


MIGRATIONS = (
    Migration(1, FIRST, _widen_sessions),
    Migration(2, TRIGGERS),
    Migration(3, NOTICES),
    Migration(4, TITLES),
)
LATEST = MIGRATIONS[-1].version


def check(path: Path, *, latest: int = LATEST) -> int | None:
    """The schema version of a database file, None for one that isn't there or is empty. Writes nothing.

    Raises BadLedger for what this program can never open, LedgerUnavailable for what it can't open now.
    """
    try:
        with path.open("rb") as opened:
            head = opened.read(len(MAGIC))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerUnavailable(f"the ledger {path} can't be read: {error.strerror}") from None
    if not head:
        return None
    if head != MAGIC:
        raise BadLedger(f"the ledger {path} is not an SQLite database; move it away or restore a backup")
    try:
        connection = sqlite.open_reader(path)
        try:
            return _check_open(connection, path, latest)
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        raise LedgerUnavailable(f"the ledger {path} can't be opened: {error}") from None
    except sqlite3.DatabaseError as error:
        raise BadLedger(f"the ledger {path} can't be opened: {error}; restore a backup") from None


def migrate(connection: sqlite3.Connection, *, steps: tuple[Migration, ...] = MIGRATIONS) -> int:
    """Bring the database to the newest version in one transaction, and return the version it had."""
    with sqlite.transaction(connection):
        had = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for step in steps:
            if step.version > had:
                for statement in _statements(step.sql):
                    connection.execute(statement)
                if step.then is not None:
                    step.then(connection)
                connection.execute(f"PRAGMA user_version = {step.version}")
    return had


def _check_open(connection: sqlite3.Connection, path: Path, latest: int) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > latest:
        raise BadLedger(
            f"the ledger {path} has schema version {version} and this program knows up to {latest}: "
            "run the newer program, or restore a backup from before"
        )
    health = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if health != "ok":
        raise BadLedger(f"the ledger {path} is damaged ({health}); restore a backup")
    tables = {row["name"] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    tables = {name for name in tables if not name.startswith("sqlite_")}
    if version == 0 and tables:
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(sessions)")}
        if not {"id", "timestamp", "session_type", "error"} <= columns:
            raise BadLedger(
                f"{path} is a database of something else (it has {', '.join(sorted(tables))}); move it away"
            )
    return version


def _statements(sql: str) -> Iterator[str]:
    """Single statements, because executescript() would commit the transaction around it."""
    pending = ""
    for line in sql.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    assert not pending.strip(), f"unfinished statement: {pending}"
