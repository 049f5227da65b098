"""The dated entries: which there are, of which day, and what their text is."""

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.content import Catalogue, read_kinds, scan
from runner.memory import corpus
from runner.memory.words import dropped_names, telling, words_of
from runner.resources import config_dir

ZONE = ZoneInfo("America/New_York")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""In the home it is still the day before."""


def test_dates_come_from_the_frontmatter_then_from_the_name(tmp_path: Path) -> None:
    """And from its time at last: each is of the day its readers see. No text, a README, other folders are left out."""
    pages = {
        "thoughts/a.md": '---\ndate: "2026-02-03"\ntitle: x\n---\nA',
        "thoughts/b.md": "---\ntitle: x\ndate: 2026-02-01T10:00:00-05:00\n---\nB",
        "thoughts/c.md": '---\n{"date": "2026-02-02", "title": "x"}\n---\nC',
        "thoughts/2026-02-04-noon.md": "D without frontmatter",
        "thoughts/undated.md": "---\ntitle: x\n---\nE",
        "thoughts/2026-13-40-odd.md": "F",
        "thoughts/colon.md": "---\ndate: 6 Feb 2026\ntitle: Day 3: Noon\n---\nJ",
        "thoughts/README.md": '---\ndate: "2026-02-03"\n---\nG',
        "dreams/h.md": '---\r\ndate: "2026-02-05"\r\n---\r\nH',
        "news/i.md": '---\ndate: "2026-02-05"\n---\nI',
    }
    for name, text in pages.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    for name in ("undated", "2026-13-40-odd"):
        os.utime(tmp_path / "thoughts" / f"{name}.md", (NEW_YEAR, NEW_YEAR))
    (tmp_path / "thoughts" / "far.md").symlink_to("/etc/hostname")
    (tmp_path / "thoughts" / "bad.md").write_bytes(b"\0" * 50)
    found = corpus.read(tmp_path, zone=ZONE)
    days = [(1, "B"), (2, "C"), (3, "A"), (4, "D"), (5, "H"), (6, "J")]
    assert [(entry.day.day, entry.text[:1]) for entry in found] == [(31, "F"), (31, "E"), *days]
    assert [entry.kind for entry in corpus.read(tmp_path, zone=ZONE, since=date(2026, 2, 5))] == ["dreams", "thoughts"]
    assert [entry.text[:1] for entry in corpus.read(tmp_path, zone=ZONE, until=date(2026, 2, 2))] == [
        "F",
        "E",
        "B",
        "C",
    ]


def test_a_day_is_the_same_for_the_lists_and_for_the_memory(tmp_path: Path) -> None:
    """One reader for all: what the catalogue serves under a day, drift and mirror count on that day."""
    (tmp_path / "thoughts").mkdir()
    for number, text in enumerate(("words", "---\ndate: 2026-5-5\n---\nx", "---\ntitle: a: b\ndate: soon\n---\nx")):
        (tmp_path / "thoughts" / f"{number}.md").write_text(text)
    (tmp_path / "thoughts" / "link.md").symlink_to("1.md")
    kinds = read_kinds(config_dir() / "content.toml")
    served, _ = scan(Catalogue.empty(kinds, tmp_path, ZONE))
    shelf = served.shelves["thoughts"].entries
    assert {entry.name: (entry.day.isoformat(), entry.text) for entry in corpus.read(tmp_path, zone=ZONE)} == {
        f"thoughts/{slug}.md": (entry.date, entry.body) for slug, entry in shelf.items()
    }


def test_what_is_old_by_name_and_by_its_time_is_not_opened(tmp_path: Path) -> None:
    """One that was written lately, or whose name has no date, is looked into: its frontmatter may say another day."""
    (tmp_path / "thoughts").mkdir()
    old = datetime(2026, 1, 10, tzinfo=UTC).timestamp()
    late = datetime(2026, 2, 10, tzinfo=UTC).timestamp()
    pages = {
        "2026-01-01-old.md": (old, False),
        "2026-01-01-written-lately.md": (late, True),
        "undated.md": (old, True),
        "2026-02-05-restored.md": (old, True),
    }
    for name, (written, _) in pages.items():
        (tmp_path / "thoughts" / name).write_text('---\ndate: "2026-02-09"\n---\nx')
        os.utime(tmp_path / "thoughts" / name, (written, written))
    found = {entry.name.removeprefix("thoughts/") for entry in corpus.read(tmp_path, zone=ZONE, since=date(2026, 2, 1))}
    assert found == {name for name, (_, read) in pages.items() if read}


def test_words_that_tell_something() -> None:
    """Lower case, apostrophes kept, four letters at least, no stop words and no names of the house."""
    assert words_of("Don\u2019t stop: it's 3 \u00c9tudes_x") == ["don't", "stop", "it's", "\u00e9tudes", "x"]
    dropped = dropped_names(("Claudie", "Mary Ann"))
    assert telling(words_of("Claudie's harbor, because Mary sat by the harbor"), dropped) == ["harbor", "harbor"]
