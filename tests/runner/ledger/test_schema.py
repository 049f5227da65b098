"""Opening what there is: nothing, an older version, the predecessor's file, a newer one, rubbish."""

import sqlite3
from pathlib import Path

import pytest
import trio

from runner.errors import BadLedger, LedgerUnavailable
from runner.ledger import Ledger, LedgerClosed, LedgerView, WakeRequest, schema
from runner.storage import sqlite
from tests.runner.ledger.conftest import inline
from tests.runner.ledger.test_wakes import NOW

PREDECESSOR = """
CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT NOT NULL, session_type TEXT NOT NULL,
    input_tokens INTEGER, output_tokens INTEGER, files_created INTEGER DEFAULT 0, duration_seconds REAL, error TEXT);
INSERT INTO sessions (timestamp, session_type, input_tokens, duration_seconds, error) VALUES
    ('2025-11-02T08:00:00.123456', 'morning', 10, 61.5, NULL),
    ('2025-11-02 21:00', 'evening', NULL, NULL, 'no answer'),
    ('long ago', 'noon', NULL, NULL, '');
"""


def predecessors(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(PREDECESSOR)
    connection.close()
    return path


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


def touched(path: Path) -> Path:
    path.touch()
    return path


async def test_new(tmp_path: Path) -> None:
    """A missing and an empty file both become a ledger of the newest version, in one plain file."""
    for path in (tmp_path / "a.db", touched(tmp_path / "b.db")):
        ledger = await Ledger.open(path, run_sync=inline)
        await ledger.close()
    assert names(tmp_path) == ["a.db", "b.db"]
    assert schema.check(tmp_path / "a.db") == schema.check(tmp_path / "b.db") == schema.LATEST


async def test_predecessors_file(tmp_path: Path) -> None:
    """The predecessor's rows are kept as they are and listed beside ours; its columns stay what they were."""
    path = predecessors(tmp_path / "sessions.db")
    ledger = await Ledger.open(path, run_sync=inline)
    await ledger.wakes.enqueue(WakeRequest(type="morning"), NOW)
    rows = await ledger.sessions.list()
    await ledger.close()
    assert [(row.session_id, row.state, row.reason, row.backend) for row in rows] == [
        ("original-3", "completed", "", "original"),
        ("original-1", "completed", None, "original"),
        ("original-2", "failed", "no answer", "original"),
    ]
    assert [row.as_json()["started_at"] for row in rows] == [
        "long ago",
        "2025-11-02T08:00:00.123456+00:00",
        "2025-11-02T21:00:00+00:00",
    ]
    connection = sqlite3.connect(path)
    columns = "id, timestamp, session_type, input_tokens, output_tokens, files_created, duration_seconds, error"
    kept = connection.execute(f"SELECT {columns} FROM sessions ORDER BY id").fetchall()
    connection.close()
    assert kept[0] == (1, "2025-11-02T08:00:00.123456", "morning", 10, None, 0, 61.5, None)
    assert len(kept) == 3


async def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    """Migrations run once."""
    path = predecessors(tmp_path / "sessions.db")
    for _ in range(2):
        ledger = await Ledger.open(path, run_sync=inline)
        assert len(await ledger.sessions.list()) == 3
        await ledger.close()


def test_steps_run_in_order_and_together() -> None:
    """Only missing steps run, and a step that fails takes the earlier ones of the same opening back."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    one = schema.Migration(1, "CREATE TABLE a (n);\n-- a comment; with a semicolon\nINSERT INTO a VALUES (1);")
    two = schema.Migration(2, "INSERT INTO a VALUES (2);")
    bad = schema.Migration(3, "INSERT INTO a VALUES (3);\nINSERT INTO nowhere VALUES (1);")
    assert schema.migrate(connection, steps=(one,)) == 0
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, steps=(one, two, bad))
    assert connection.execute("SELECT n FROM a").fetchall() == [(1,)]
    assert schema.migrate(connection, steps=(one, two)) == 1
    assert connection.execute("SELECT n FROM a").fetchall() == [(1,), (2,)]
    assert schema.migrate(connection, steps=(one, two)) == 2
    connection.close()


def newer(path: Path) -> None:
    connection = sqlite.open_writer(path)
    schema.migrate(connection)
    connection.execute("PRAGMA user_version = 999")
    connection.close()


def something_else(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (n)")
    connection.close()


def text(path: Path) -> None:
    path.write_text("dear diary, this is no database")


def cut_off(path: Path) -> None:
    connection = sqlite.open_writer(path)
    schema.migrate(connection)
    connection.close()
    path.write_bytes(path.read_bytes()[:5000])


def scribbled(path: Path) -> None:
    connection = sqlite.open_writer(path)
    schema.migrate(connection)
    connection.close()
    whole = bytearray(path.read_bytes())
    whole[4096:8192] = b"\x5a" * 4096
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (newer, "has schema version 999 and this program knows up to"),
        (something_else, "is a database of something else \\(it has recipes\\)"),
        (text, "is not an SQLite database"),
        (cut_off, "restore a backup"),
        (scribbled, "restore a backup"),
    ],
)
async def test_what_can_not_be_opened(tmp_path: Path, make: "object", says: str) -> None:
    """A damaged, foreign or newer file stops the start with a clear word and is left byte for byte."""
    path = tmp_path / "sessions.db"
    assert callable(make)
    make(path)
    before = path.read_bytes()
    with pytest.raises(BadLedger, match=says):
        await Ledger.open(path, run_sync=inline)
    with pytest.raises(BadLedger, match=says):
        LedgerView.open(path)
    assert path.read_bytes() == before
    assert BadLedger.ends_start


async def test_unreadable(tmp_path: Path) -> None:
    """A folder in the ledger's place, and a place without a folder, are named with the reason."""
    (tmp_path / "sessions.db").mkdir()
    with pytest.raises(LedgerUnavailable, match="can't be read: Is a directory"):
        await Ledger.open(tmp_path / "sessions.db", run_sync=inline)
    with pytest.raises(LedgerUnavailable, match="can't be opened: No such file or directory"):
        await Ledger.open(tmp_path / "none" / "sessions.db", run_sync=inline)


def test_unopenable_for_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps the file shut for now is told apart from what is wrong with it."""
    path = predecessors(tmp_path / "sessions.db")

    def locked(_: Path) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(sqlite, "open_reader", locked)
    with pytest.raises(LedgerUnavailable, match="can't be opened: database is locked"):
        LedgerView.open(path)


async def test_a_failed_migration_closes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When bringing it up to date fails, the file stays in its version and is let go of."""
    path = predecessors(tmp_path / "sessions.db")
    step = schema.Migration(1, "INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr(schema.migrate, "__kwdefaults__", {"steps": (step,)})
    with pytest.raises(LedgerUnavailable, match="can't be opened: no such table: nowhere"):
        await Ledger.open(path, run_sync=inline)
    assert schema.check(path) == 0


async def test_closed(tmp_path: Path) -> None:
    """After closing nothing is taken any more, closing again is harmless, and one plain file is left."""
    ledger = await Ledger.open(tmp_path / "sessions.db", run_sync=inline)
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerClosed):
        await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
    with pytest.raises(LedgerClosed):
        await ledger.wakes.pending()
    assert names(tmp_path) == ["sessions.db"]


async def test_through_threads(tmp_path: Path) -> None:
    """With real threads, one at a time for writing and one for reading, many callers at once lose nothing."""
    write_limit, read_limit = trio.CapacityLimiter(1), trio.CapacityLimiter(1)
    ledger = await Ledger.open(
        tmp_path / "sessions.db",
        run_sync=lambda work: trio.to_thread.run_sync(work, limiter=write_limit),
        run_read=lambda work: trio.to_thread.run_sync(work, limiter=read_limit),
    )
    ids: set[str] = set()

    async def ask() -> None:
        wake = await ledger.wakes.enqueue(WakeRequest(type="custom"), NOW)
        ids.add(wake.id)
        assert await ledger.wakes.get(wake.id) == wake

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(ask)
    assert len(ids) == len(await ledger.wakes.pending()) == 20
    await ledger.close()
