"""What there is to say of files: the same to the log, the operator and the resident, and never twice for one state."""

from pathlib import Path

import pytest

from runner.content import Catalogue, CatalogueCache, Remark, look_over, scan, told_anew, update
from tests.runner.content.test_catalogue import put


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalogue.db"


def names(remarks: tuple[Remark, ...]) -> list[str]:
    return [remark.name for remark in remarks]


def test_a_file_is_told_of_when_it_comes_and_when_it_changes(empty: Catalogue, tmp_path: Path) -> None:
    """An odd file is news once for each state, a good one never, and a mended one no more."""
    odd = put(tmp_path / "thoughts" / "odd.md", date="soon", at=5)
    bad = tmp_path / "dreams" / "bad.md"
    bad.parent.mkdir()
    bad.write_bytes(b"\0" * 50)
    put(tmp_path / "thoughts" / "good.md")
    one, _ = scan(empty)
    assert [remark.text for remark in told_anew(empty, one)] == [
        "dreams/bad.md is left out: no text (100% of it are control characters)",
        "thoughts/odd.md: date 'soon' is no day; 1970-01-01 was taken from when the file was written",
    ]
    assert told_anew(one, scan(one)[0]) == ()
    put(odd, date="later", at=6)
    two, _ = update(one, [odd])
    assert names(told_anew(one, two)) == ["thoughts/odd.md"]
    put(odd)
    three, _ = update(two, [odd])
    assert told_anew(two, three) == ()


@pytest.mark.parametrize("cache", ["none", "kept", "older", "damaged"])
def test_looking_over_says_what_is_so_now(empty: Catalogue, tmp_path: Path, database: Path, cache: str) -> None:
    """With what is kept, without it, and where it is of an earlier state: what is on the disk is told, newest first."""
    folder = tmp_path / "thoughts"
    put(folder / "good.md", at=9)
    put(folder / "mended.md", date="soon")
    put(folder / "spoilt.md")
    put(folder / "odd.md", date="soon", at=7)
    (folder / "bad.md").write_bytes(b"\0" * 50)
    (folder / "far.md").symlink_to("/etc/hostname")
    if cache == "older":
        _keep(empty, database)
    put(folder / "mended.md")
    put(folder / "spoilt.md", date="soon", at=8)
    if cache == "kept":
        _keep(empty, database)
    if cache == "damaged":
        database.parent.mkdir()
        database.write_bytes(b"no database" * 1000)
    before = sorted(tmp_path.rglob("*.md"))
    data = database.read_bytes() if database.exists() else b""
    found = look_over(tmp_path, empty.kinds, empty.zone, database)
    assert set(names(found[:2])) == {"thoughts/bad.md", "thoughts/far.md"}
    assert names(found[2:]) == ["thoughts/spoilt.md", "thoughts/odd.md"]
    assert sorted(tmp_path.rglob("*.md")) == before
    assert (database.read_bytes() if database.exists() else b"") == data


def test_what_is_kept_is_not_read_again(
    empty: Catalogue, tmp_path: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that have not changed nothing is opened: the look goes before every prompt."""
    put(tmp_path / "thoughts" / "good.md")
    put(tmp_path / "thoughts" / "odd.md", date="soon")
    _keep(empty, database)
    monkeypatch.setattr("runner.content.remarks.look", None)
    assert names(look_over(tmp_path, empty.kinds, empty.zone, database)) == ["thoughts/odd.md"]


def _keep(empty: Catalogue, database: Path) -> None:
    entries = CatalogueCache(database)
    entries.save(scan(entries.load(empty))[0])
    entries.close()
