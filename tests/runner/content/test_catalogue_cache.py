"""Entries are kept from one start to the next, and never believed against the disk."""

import sqlite3
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

import attrs
import pytest

from runner.content import (
    Catalogue,
    CatalogueCache,
    ContentKind,
    Entry,
    Kinds,
    Stamp,
    parse_kinds,
    read_entry,
    scan,
    told_anew,
)
from runner.content.catalogue_cache import VERSION
from runner.content.entry import make_entry
from tests.runner.content.test_catalogue import put, slugs

ANSWERS = {2: "cfb4bd9401ebd36d"}
"""What the entries of `test_other_answers_need_another_version` come to, by version."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "catalogue.db"


def kept(path: Path, catalogue: Catalogue) -> int:
    """Save with a process of its own, so to speak."""
    entries = CatalogueCache(path)
    entries.load(catalogue)
    written = entries.save(catalogue)
    entries.close()
    return written


def test_an_entry_is_the_same_after_a_restart(empty: Catalogue, tmp_path: Path, path: Path) -> None:
    """What was kept is what the file says, in all its answers; it is not read again, and a scan tells nothing."""
    put(tmp_path / "thoughts" / "a.md")
    put(tmp_path / "thoughts" / "b.md", title="Ö", date="2026-02-04")
    before, _ = scan(empty)
    kept(path, before)
    loaded = CatalogueCache(path).load(empty)
    after, changes = scan(loaded)
    assert (changes, after) == ((), loaded)
    new, old = after.shelves["thoughts"], before.shelves["thoughts"]
    assert (new.list_json, new.etag) == (old.list_json, old.etag)
    for slug in ("a", "b"):
        assert attrs.asdict(new.entries[slug]) == attrs.asdict(old.entries[slug])
        assert (new.entries[slug].body, new.entries[slug].meta["mood"]) == ("words\n", None)


def test_what_was_guessed_and_left_out_is_kept_too(
    empty: Catalogue, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart the same is known of odd files without reading them again, and nothing of it is news."""
    folder = tmp_path / "thoughts"
    put(folder / "odd.md", date="soon")
    (folder / "bad.md").write_bytes(b"\0" * 50)
    (folder / "link.md").symlink_to("odd.md")
    before, _ = scan(empty)
    kept(path, before)
    loaded = CatalogueCache(path).load(empty)
    assert loaded.shelves["thoughts"].problems == before.shelves["thoughts"].problems
    assert loaded.shelves["thoughts"].odd == before.shelves["thoughts"].odd
    assert loaded.shelves["thoughts"].entries["odd"].guessed
    read: list[str] = []

    def noted(kind: ContentKind, file: Path, zone: tzinfo) -> Entry:
        read.append(file.name)
        return read_entry(kind, file, zone)

    monkeypatch.setattr("runner.content.catalogue.read_entry", noted)
    assert scan(loaded) == (loaded, ())
    assert read == ["link.md"], "what a link leads to is looked at each time"
    assert told_anew(empty, loaded)


def test_another_zone_keeps_nothing(empty: Catalogue, tmp_path: Path, path: Path) -> None:
    """An entry that says no day is of another one elsewhere."""
    put(tmp_path / "thoughts" / "a.md")
    kept(path, scan(empty)[0])
    moved = Catalogue.empty(empty.kinds, tmp_path, ZoneInfo("Asia/Tokyo"))
    assert slugs(CatalogueCache(path).load(moved)) == []


def test_the_disk_is_believed_and_not_what_was_kept(empty: Catalogue, tmp_path: Path, path: Path) -> None:
    """Changed, removed and written between two starts: each is right after the scan, as is what was left alone."""
    folder = tmp_path / "thoughts"
    for slug in ("same", "changed", "gone"):
        put(folder / f"{slug}.md", at=5)
    kept(path, scan(empty)[0])
    put(folder / "changed.md", title="U", at=5)
    (folder / "gone.md").unlink()
    put(folder / "new.md", at=7)
    after, _ = scan(CatalogueCache(path).load(empty))
    fresh, _ = scan(empty)
    assert slugs(after) == ["new", "same", "changed"]
    assert after.shelves["thoughts"].list_json == fresh.shelves["thoughts"].list_json


def test_only_what_is_otherwise_is_written(empty: Catalogue, tmp_path: Path, path: Path) -> None:
    """One new file and one gone among many are two writes; nothing new is none."""
    folder = tmp_path / "thoughts"
    for number in range(20):
        put(folder / f"{number}.md")
    entries = CatalogueCache(path)
    first, _ = scan(entries.load(empty))
    assert entries.save(first) == 20
    put(folder / "new.md")
    (folder / "3.md").unlink()
    second, _ = scan(first)
    assert (entries.save(second), entries.save(second)) == (2, 0)
    entries.close()
    assert slugs(CatalogueCache(path).load(empty)) == slugs(second)


def test_another_table_of_kinds_keeps_nothing(tmp_path: Path, path: Path) -> None:
    """The same file makes other answers with other fields."""
    table = '[thoughts]\nfolder="thoughts"\nsingular="thought"\ntitle="T"\nempty=""\ntopic="thoughts"\n'
    put(tmp_path / "thoughts" / "a.md")
    one = Catalogue.empty(parse_kinds(table), tmp_path)
    kept(path, scan(one)[0])
    other = Catalogue.empty(parse_kinds(table + '[thoughts.fields.mood]\ntype="string"\n'), tmp_path)
    assert slugs(CatalogueCache(path).load(other)) == []
    assert slugs(CatalogueCache(path).load(one)) == [], "nor is it there when the first table comes back"


@pytest.mark.parametrize("how", ["garbage", "torn", "foreign"])
def test_damage_costs_a_reading_and_nothing_else(empty: Catalogue, tmp_path: Path, path: Path, how: str) -> None:
    """A file that is no database, one whose pages are torn, and rows of no kind of ours are thrown away."""
    for number in range(200):
        put(tmp_path / "thoughts" / f"{number}.md")
    before, _ = scan(empty)
    kept(path, before)
    if how == "garbage":
        path.write_bytes(b"no database " * 1000)
    elif how == "torn":
        data = path.read_bytes()
        path.write_bytes(data[: 3 * 4096] + b"\xff" * (len(data) - 3 * 4096))
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE entries SET kind = 'poems' WHERE slug = '7'")
        connection.close()
    entries = CatalogueCache(path)
    loaded = entries.load(empty)
    assert slugs(loaded) == []
    after, _ = scan(loaded)
    assert entries.save(after) == 200
    entries.close()
    assert slugs(CatalogueCache(path).load(empty)) == slugs(before)


def test_damage_met_while_saving_is_told_and_mended(empty: Catalogue, tmp_path: Path, path: Path) -> None:
    """Whoever saves learns of it; the next save writes everything into a new file."""
    files = [put(tmp_path / "thoughts" / f"{number}.md") for number in range(300)]
    for file in files:
        file.write_text(file.read_text() + "long " * 2000)  # more than the connection keeps in memory
    entries = CatalogueCache(path)
    one, _ = scan(entries.load(empty))
    entries.save(one)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    with path.open("r+b") as database:
        database.seek(4096)
        database.write(b"\xff" * (path.stat().st_size - 4096))
    for number in range(300):
        put(tmp_path / "thoughts" / f"{number}.md", title="Other")
    two, _ = scan(one)
    with pytest.raises(sqlite3.DatabaseError):
        entries.save(two)
    assert entries.save(two) == 300
    entries.close()
    assert slugs(CatalogueCache(path).load(empty)) == slugs(two)


def test_other_answers_need_another_version(kinds: Kinds) -> None:
    """When the same files make other answers, VERSION has to go up: else old answers live on after an update."""
    digest = blake2b(digest_size=8)
    for kind, lines in (
        ("thoughts", "date: 2026-02-03\ntitle: Low tide # x\nmood: 'calm'"),
        ("thoughts", 'date: "2026-02-03 10:00"\ntitle: 12\nother: [1, 2]'),
        ("dreams", "date: 2026-02-03\ntitle: yes\ntype: ascii\nimmersive: on\nlucid: false"),
        ("essays", "date: 2026-02-03\ntitle: |\n  two\n  lines\ntopic: ~"),
        ("thoughts", "date: 3 Feb 2026\ntitle: Day 3: Noon\nmood: [calm, warm]"),
        ("dreams", "type: opera\nimmersive: 1\nlucid: maybe"),
    ):
        text = f'---\r\n{lines}\n---  \n\n\n  indented\n\nÖ \u2028 {{}} "quoted"\n'
        entry = make_entry(kinds.by_name[kind], "a", Stamp(1, 2, 3, 4), b"\xef\xbb\xbf" + text.encode() + b"\xff")
        digest.update(entry.item + entry.detail + entry.etag.encode() + repr(entry.guessed).encode())
    assert digest.hexdigest() == ANSWERS[VERSION]
