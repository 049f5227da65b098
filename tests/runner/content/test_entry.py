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
        ("letters", "date: 2026-02-01 10:00:00\ntitle: yes", {"slug": "slug", "date": "2026-02-01", "title": "yes"}),
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
    ("kind", "head", "values", "guessed"),
    [
        ("thoughts", "title: T", {"date": "1970-01-01"}, "date is missing; 1970-01-01 was taken from when the file"),
        ("thoughts", "date: 2026-2-3\ntitle: T", {"date": "2026-02-03"}, "was read as 2026-02-03"),
        ("thoughts", "date: 2026-02-30\ntitle: T", {"date": "1970-01-01"}, "date '2026-02-30' is no day"),
        ("thoughts", "date: 2026-02-03\ntitle: ''", {"title": "Slug"}, "title is missing; 'Slug' was taken from the f"),
        ("thoughts", "date: 2026-02-03\ntitle: null", {"title": "Slug"}, "title is missing"),
        ("thoughts", "date: 2026-02-03", {"title": "Slug"}, "title is missing"),
        ("thoughts", "date: 2026-02-03\ntitle: A\ntitle: B", {"title": "B"}, "title is said twice"),
        ("thoughts", "date: 2026-02-03\ntitle: A\ntitle:", {"title": "A"}, "title is said twice"),
        ("thoughts", "date: 2026-02-03\ntitle: Walk #3", {"title": "Walk #3"}, "title holds a #"),
        ("thoughts", "date: 2026-02-03\ntitle: Walk #3\nx: [1]", {"title": "Walk #3"}, "title holds a #"),
        (
            "thoughts",
            "date: 2026-02-03\ntitle: Day 3: Noon",
            {"title": "Day 3: Noon"},
            "no valid YAML (line 3: mapping",
        ),
        ("dreams", "date: 2026-02-03\ntitle: T", {"type": "prose"}, "type is missing; prose stands in"),
        ("dreams", "date: 2026-02-03\ntitle: T\ntype: opera", {"type": "prose"}, "'opera' is none of poetry, ascii"),
        (
            "dreams",
            "date: 2026-02-03\ntitle: T\ntype: [prose]\nimmersive: 1",
            {"immersive": True},
            "'1' was read as true",
        ),
        (
            "dreams",
            "date: 2026-02-03\ntitle: T\ntype: prose\nimmersive: maybe",
            {"immersive": False},
            "neither true nor false; false stands in",
        ),
        (
            "dreams",
            "date: 2026-02-03\ntitle: T\ntype: prose\nlucid: maybe",
            {},
            "'maybe' is neither true nor false; it is",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_guessed_and_said(
    kinds: Kinds, kind: str, head: str, values: dict[str, object], guessed: str
) -> None:
    """A missing or wrong value never costs an entry; one sentence says what readers see instead, and why."""
    entry = made(kinds, kind, head)
    assert values.items() <= entry.meta.items()
    assert list(entry.meta)[:2] == ["date", "title"]
    assert "lucid" not in entry.meta
    assert len(entry.guessed) == 1
    assert guessed in entry.guessed[0]
    assert b"guessed" not in entry.detail + entry.item


@pytest.mark.parametrize(
    ("head", "values"),
    [
        ("title: No\nmood: off", {"title": "No", "mood": "off"}),
        ("title: 1.0\nmood: 2026-01-01", {"title": "1.0", "mood": "2026-01-01"}),
        ("title: 1e999999999\nmood: 0x1F", {"title": "1e999999999", "mood": "0x1F"}),
        ("title: T\nmood: [calm, warm]", {"mood": "calm, warm"}),
        ("title: T\nmood:\n- calm\n- 'warm: very'", {"mood": "calm, warm: very"}),
        ("title: >\n  two\n  lines\nmood: |\n  two\n  lines\n", {"title": "two lines", "mood": "two lines"}),
        ('title: "a\\0b\\nc"', {"title": "a b c"}),
        ("title: 'null'\nmood: ~", {"title": "null", "mood": None}),
        ("TITLE: T\nMood: calm", {"title": "T", "mood": "calm"}),
        ("base: &b\n  title: T\n  mood: m\n<<: *b\nmood: calm", {"title": "T", "mood": "calm"}),
        ("title: &t T\nmood: *t", {"title": "T", "mood": "T"}),
        ("title: T\ntags:\n" + "- a tag of the life\n" * 600 + "mood: calm", {"mood": "calm"}),
        ("title: T\ndeep: " + "[" * 60 + "]" * 60 + "\nmood: calm", {"mood": "calm"}),
    ],
)
def test_a_text_stays_the_text_it_is(kinds: Kinds, head: str, values: dict[str, object]) -> None:
    """No word of a title or a mood becomes a truth value, a number or nothing; lists are words, on one line."""
    entry = made(kinds, "thoughts", "date: 2026-02-03\n" + head)
    assert values.items() <= entry.meta.items()
    assert entry.guessed == ()


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("Yes", True), ("ON", True), ('"true"', True), ("no", False), ("'off'", False), ("False", False)],
)
def test_a_truth_value_is_one_where_it_is_meant(kinds: Kinds, word: str, value: bool) -> None:
    """However it is spelt, with quotes or without, it is no guess."""
    entry = made(kinds, "dreams", f"date: 2026-02-03\ntitle: T\ntype: Poetry\nimmersive: {word}")
    assert (entry.meta["immersive"], entry.meta["type"], entry.guessed) == (value, "poetry", ())


def test_the_tag_follows_the_bytes(kinds: Kinds) -> None:
    """Other bytes have another ETag, the same bytes the same."""
    one = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "a")
    two = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "b")
    again = made(kinds, "thoughts", "date: 2026-02-03\ntitle: T", "a")
    assert one.etag == again.etag != two.etag


def test_only_regular_files_of_bearable_size_are_read(tmp_path: Path, kinds: Kinds) -> None:
    """Links that lead out, pipes, folders and giants are no entries, and none of them blocks."""
    kind = kinds.by_name["thoughts"]
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    with (tmp_path / "giant.md").open("wb") as file:
        file.truncate(LARGEST + 1)
    for name in ("pipe.md", "folder.md", "giant.md"):
        with pytest.raises(NotAnEntryError):
            read_entry(kind, tmp_path / name)
    with pytest.raises(NotAnEntryError, match="leads out"):
        read_entry(kind, tmp_path / "link.md")


def test_odd_bytes_are_read_as_what_they_nearly_always_are(tmp_path: Path, kinds: Kinds) -> None:
    """A file that is not all UTF-8 is still served, as valid JSON, and says how it was read."""
    path = tmp_path / "a.md"
    path.write_bytes(b"---\ndate: 2026-02-03\ntitle: T\n---\n\xe9\x93 \xc3\xa9")
    entry = read_entry(kinds.by_name["thoughts"], path)
    assert json.loads(entry.detail)["content"] == "\u00e9\u201c \u00e9"
    assert entry.guessed == ("the file is not all UTF-8; what is not was read as Windows-1252 (save it as UTF-8)",)


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

    monkeypatch.setattr("runner.content.opening.os.fstat", earlier)
    assert len(read_entry(kinds.by_name["thoughts"], path).body) == 3000
