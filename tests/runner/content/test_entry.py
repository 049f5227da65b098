import json
import os
from pathlib import Path

import pytest

from runner.content import Kinds, NotAnEntryError, Stamp, read_entry
from runner.content.entry import LARGEST, Entry, make_entry

STAMP = Stamp(1, 2, 3, 4)


def made(kinds: Kinds, kind: str, head: str, body: str = "") -> Entry:
    return make_entry(kinds.by_name[kind], "slug", STAMP, f"---\n{head}\n---\n{body}".encode())


@pytest.mark.parametrize(
    ("kind", "head", "item"),
    [
        (
            "thoughts",
            "date: 2026-02-03\ntitle: Salt\nmood: quiet, held",
            {"slug": "slug", "date": "2026-02-03", "title": "Salt", "mood": "quiet, held"},
        ),
        (
            "thoughts",
            "date: '2026-02-03'\ntitle: 7",
            {"slug": "slug", "date": "2026-02-03", "title": "7", "mood": None},
        ),
        (
            "dreams",
            "date: 2026-02-01\ntitle: T\ntype: ascii\nimmersive: true",
            {"slug": "slug", "date": "2026-02-01", "title": "T", "type": "ascii", "immersive": True},
        ),
        (
            "dreams",
            "date: 2026-02-01\ntitle: T\ntype: prose\nlucid: false",
            {"slug": "slug", "date": "2026-02-01", "title": "T", "type": "prose", "immersive": False, "lucid": False},
        ),
        ("letters", "date: 2026-02-01 10:00:00\ntitle: yes", {"slug": "slug", "date": "2026-02-01", "title": "true"}),
    ],
)
def test_the_item_has_every_field_and_null_for_none(
    kinds: Kinds, kind: str, head: str, item: dict[str, object]
) -> None:
    """A list item has exactly the fields of its kind; sparse ones only where the file says them."""
    entry = made(kinds, kind, head, "words\n")
    assert json.loads(entry.item) == item
    meta = {key: value for key, value in item.items() if key != "slug"}
    assert json.loads(entry.detail) == {"slug": "slug", "meta": meta, "content": "words\n"}


@pytest.mark.parametrize(
    ("kind", "head", "reason"),
    [
        ("thoughts", "title: T", "date is missing"),
        ("thoughts", "date: Jan 15\ntitle: T", "real day"),
        ("thoughts", "date: 2026-02-30\ntitle: T", "real day"),
        ("thoughts", "date: 20260203\ntitle: T", "real day"),
        ("thoughts", "date: true\ntitle: T", "date is missing"),
        ("thoughts", "date: 2026-02-03\ntitle: ''", "title is missing"),
        ("thoughts", "date: 2026-02-03", "title is missing"),
        ("dreams", "date: 2026-02-03\ntitle: T", "type is missing"),
        ("dreams", "date: 2026-02-03\ntitle: T\ntype: opera", "allowed are poetry"),
        ("dreams", "date: 2026-02-03\ntitle: T\ntype: prose\nimmersive: maybe", "true or false"),
    ],
)
def test_what_is_no_entry_says_why(kinds: Kinds, kind: str, head: str, reason: str) -> None:
    """A missing or wrong key is named; a date that is no real day never gets out."""
    with pytest.raises(NotAnEntryError, match=reason):
        made(kinds, kind, head)


def test_the_tag_follows_the_bytes(kinds: Kinds) -> None:
    """Other bytes have another ETag, the same bytes the same."""
    one = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "a")
    two = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "b")
    again = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "a")
    assert one.etag == again.etag != two.etag


def test_only_regular_files_of_bearable_size_are_read(tmp_path: Path, kinds: Kinds) -> None:
    """Links, pipes, folders and giants are no entries, and none of them blocks."""
    kind = kinds.by_name["thoughts"]
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    with (tmp_path / "giant.md").open("wb") as file:
        file.truncate(LARGEST + 1)
    for name in ("pipe.md", "folder.md", "giant.md"):
        with pytest.raises(NotAnEntryError):
            read_entry(kind, tmp_path / name)
    with pytest.raises(OSError, match="symbolic links"):
        read_entry(kind, tmp_path / "link.md")


def test_odd_bytes_become_replacements(tmp_path: Path, kinds: Kinds) -> None:
    """A file that is not all UTF-8 is still served, as valid JSON."""
    path = tmp_path / "a.md"
    path.write_bytes(b"---\ndate: 2026-02-03\ntitle: T\n---\n\xff\xfe")
    assert json.loads(read_entry(kinds.by_name["thoughts"], path).detail)["content"] == "\ufffd\ufffd"


def test_a_file_that_grows_while_it_is_read_is_read_whole(
    kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than its size said is no reason to stop in the middle of a text."""
    path = tmp_path / "a.md"
    path.write_text("---\ndate: 2026-02-03\ntitle: T\n---\n" + "words " * 500)
    real = os.fstat

    def earlier(descriptor: int) -> os.stat_result:
        info = real(descriptor)
        return os.stat_result((*info[:6], 60, *info[7:]))

    monkeypatch.setattr("runner.content.entry.os.fstat", earlier)
    assert len(read_entry(kinds.by_name["thoughts"], path).body) == 3000
