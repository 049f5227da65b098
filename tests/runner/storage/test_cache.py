"""A cache that can't be used is begun anew; trouble that passes is no reason to."""

import sqlite3
from pathlib import Path

import pytest

from runner.storage.cache import Cache

WORDS = Cache(3, ("CREATE TABLE words (word TEXT)",), lambda run: run.execute("SELECT word FROM words").fetchone())


def fill(path: Path) -> None:
    connection = WORDS.open(path)
    connection.execute("INSERT INTO words VALUES ('tide')")
    connection.close()


def count(path: Path) -> int:
    connection = WORDS.open(path)
    found = connection.execute("SELECT count(*) FROM words").fetchone()[0]
    connection.close()
    return int(found)


def test_what_can_be_used_is_kept(tmp_path: Path) -> None:
    """Opened again, in a folder made when it was missing, it holds what was written."""
    fill(tmp_path / "data" / "a.db")
    assert count(tmp_path / "data" / "a.db") == 1


@pytest.mark.parametrize("how", ["garbage", "version"])
def test_what_can_not_be_used_is_begun_anew(tmp_path: Path, how: str) -> None:
    """Garbage and another version each cost what was in it and nothing else."""
    path = tmp_path / "a.db"
    fill(path)
    if how == "garbage":
        path.write_bytes(b"no database at all " * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version=2")
        connection.close()
    assert count(path) == 0


def test_a_file_that_others_use_is_not_thrown_away(tmp_path: Path) -> None:
    """What may be over in a moment is an error for whoever opens it, and the file stays."""
    path = tmp_path / "a.db"
    path.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        WORDS.open(path)
    assert path.is_dir()


def test_removing_takes_the_files_beside_it_too(tmp_path: Path) -> None:
    """No log of the old file may be read into the new one."""
    path = tmp_path / "a.db"
    connection = WORDS.open(path)
    connection.execute("INSERT INTO words VALUES ('tide')")
    assert (tmp_path / "a.db-wal").exists()
    WORDS.remove(path)
    assert list(tmp_path.iterdir()) == []
    connection.close()
    assert count(path) == 0
