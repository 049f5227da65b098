import json
import os
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.content import Catalogue, Change, Kinds, parse_kinds, scan, update

TABLE = '[thoughts]\nfolder="thoughts"\nsingular="thought"\ntitle="T"\nempty=""\ntopic="thoughts"\n'

NEW_YEAR = 1_767_225_600 * 10**9
"""Midnight UTC."""


def put(path: Path, title: str = "T", date: str = "2026-02-03", *, at: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\ndate: {date}\ntitle: {title}\n---\nwords\n")
    if at is not None:
        os.utime(path, ns=(at, at))
    return path


def slugs(catalogue: Catalogue, kind: str = "thoughts") -> list[str]:
    return [item["slug"] for item in json.loads(catalogue.shelves[kind].list_json)]


def test_lists_are_by_date_and_then_by_time(empty: Catalogue, tmp_path: Path) -> None:
    """Newest date first; on the same day the file written last comes first."""
    folder = tmp_path / "thoughts"
    put(folder / "old.md", date="2026-01-01", at=900)
    put(folder / "early.md", at=100)
    put(folder / "late.md", at=200)
    new, changes = scan(empty)
    assert slugs(new) == ["late", "early", "old"]
    assert {(change.slug, change.action) for change in changes} == {
        ("old", "created"),
        ("early", "created"),
        ("late", "created"),
    }


def test_an_empty_home_is_empty_lists(empty: Catalogue) -> None:
    """Absent folders hold nothing, and nothing changed."""
    new, changes = scan(empty)
    assert new is empty
    assert changes == ()
    assert new.shelves["dreams"].list_json == b"[]"
    assert new.shelf("dreams") is new.shelves["dreams"]
    assert new.shelf("none") is None


def test_what_is_unchanged_is_not_read_again(empty: Catalogue, tmp_path: Path) -> None:
    """A scan keeps the parsed entries of files with the same stamp, and the snapshot itself when nothing changed."""
    put(tmp_path / "thoughts" / "a.md")
    put(tmp_path / "thoughts" / "odd.md", date="never")
    (tmp_path / "thoughts" / "bad.md").write_bytes(b"\0" * 50)
    first, _ = scan(empty)
    second, changes = scan(first)
    assert second is first
    assert changes == ()
    put(tmp_path / "thoughts" / "b.md")
    third, _ = scan(first)
    assert third.shelves["thoughts"].entries["a"] is first.shelves["thoughts"].entries["a"]
    assert third.generation == first.generation + 1
    assert third.shelves["dreams"] is first.shelves["dreams"]


def test_the_catalogue_decides_what_happened(empty: Catalogue, tmp_path: Path) -> None:
    """Unknown and there is created, known and there modified, known and gone deleted, unknown and gone nothing."""
    path = put(tmp_path / "thoughts" / "a.md")
    one, created = update(empty, [path])
    replacement = put(tmp_path / "thoughts" / "tmp.txt", title="Other")
    replacement.replace(path)
    two, modified = update(one, [path])
    path.unlink()
    three, deleted = update(two, [path])
    four, nothing = update(three, [path])
    assert [created, modified, deleted, nothing] == [
        (Change("thoughts", "a", "created"),),
        (Change("thoughts", "a", "modified"),),
        (Change("thoughts", "a", "deleted"),),
        (),
    ]
    assert four is three
    assert slugs(one) == ["a"], "an older snapshot stays what it was"


def test_an_update_reads_whatever_the_stamp_says(empty: Catalogue, tmp_path: Path) -> None:
    """A change within one tick of the file system's clock is seen when the watcher tells of it."""
    path = put(tmp_path / "thoughts" / "a.md", title="One", at=5)
    one, _ = scan(empty)
    put(path, title="Two", at=5)
    two, changes = update(one, [path])
    assert [change.action for change in changes] == ["modified"]
    assert two.shelves["thoughts"].etag != one.shelves["thoughts"].etag


def test_a_touched_file_is_no_event(empty: Catalogue, tmp_path: Path) -> None:
    """The same bytes with another time change the order, but nobody is told of a modification."""
    path = put(tmp_path / "thoughts" / "a.md", at=100)
    put(tmp_path / "thoughts" / "b.md", at=200)
    one, _ = scan(empty)
    os.utime(path, ns=(300, 300))
    two, changes = update(one, [path])
    assert changes == ()
    assert slugs(two) == ["a", "b"]
    three, _ = update(two, [path])
    assert three is two


def test_a_file_that_is_no_text_any_more_is_gone(empty: Catalogue, tmp_path: Path) -> None:
    """An entry that becomes a picture leaves the list, is told as deleted, and is kept in mind with its reason."""
    path = put(tmp_path / "thoughts" / "a.md")
    one, _ = scan(empty)
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    two, changes = scan(one)
    assert changes == (Change("thoughts", "a", "deleted"),)
    assert [(slug, reason) for slug, (_, reason) in two.shelves["thoughts"].problems.items()] == [
        ("a", "no text (a picture, an archive or a program)")
    ]
    put(path)
    three, changes = scan(two)
    assert changes == (Change("thoughts", "a", "created"),)
    assert three.shelves["thoughts"].problems == {}
    path.write_bytes(b"\0" * 100)
    four, _ = scan(three)
    path.unlink()
    assert scan(four)[0].shelves["thoughts"].problems == {}


def test_a_link_within_its_folder_is_an_entry(empty: Catalogue, tmp_path: Path) -> None:
    """It shows what it leads to, at once when that changes; one that leads out, or nowhere, is left out and says so."""
    folder = tmp_path / "thoughts"
    target = put(folder / "a.md")
    put(folder / "deep" / "b.md", title="Deep")
    put(tmp_path / "memory" / "secret.md", title="Secret")
    for name, to in {
        "one": "a.md",
        "two": "deep/b.md",
        "far": "../memory/secret.md",
        "round": "round.md",
        "none": "nothing.md",
        "hidden": ".hidden.md",
    }.items():
        (folder / f"{name}.md").symlink_to(to)
    (folder / ".hidden.md").write_text("words")
    (folder / "inside").symlink_to(tmp_path / "memory")
    (folder / "through.md").symlink_to("inside/secret.md")
    one, _ = scan(empty)
    shelf = one.shelves["thoughts"]
    titles = {slug: entry.title for slug, entry in shelf.entries.items()}
    assert titles == {"a": "T", "one": "T", "two": "Deep"}
    assert {slug: reason for slug, (_, reason) in shelf.problems.items()} == {
        "far": "a link that leads out of its folder; links within it are read",
        "through": "a link that leads out of its folder; links within it are read",
        "round": "a link that leads nowhere",
        "none": "a link that leads nowhere",
        "hidden": "a link to what is hidden",
    }
    assert scan(one)[0] is one
    put(target, title="Other")
    two, changes = update(one, [target])
    assert {(change.slug, change.action) for change in changes} == {("a", "modified"), ("one", "modified")}
    (folder / "one.md").unlink()
    (folder / "one.md").symlink_to("../memory/secret.md")
    three, changes = scan(two)
    assert changes == (Change("thoughts", "one", "deleted"),)
    assert b"Secret" not in three.shelves["thoughts"].list_json


def test_a_name_that_is_no_text_is_told(empty: Catalogue, tmp_path: Path) -> None:
    """A file whose name is not UTF-8 has no address; it is left out, once, and named by its numbers."""
    (tmp_path / "thoughts").mkdir()
    path = os.fsencode(tmp_path) + b"/thoughts/caf\xe9.md"
    with open(path, "wb") as file:  # noqa: PTH123 - a name that no Path is made of
        file.write(b"words")
    one, _ = scan(empty)
    problems = {slug: reason for slug, (_, reason) in one.shelves["thoughts"].problems.items()}
    assert problems == {"caf\\xe9": "its name is not UTF-8; rename it"}
    assert scan(one)[0] is one
    os.unlink(path)  # noqa: PTH108
    assert scan(one)[0].shelves["thoughts"].problems == {}


def test_the_readme_of_a_folder_is_none_of_its_entries(empty: Catalogue, tmp_path: Path) -> None:
    """Without keys it is about the folder, and nobody is told of it; with keys it is an entry like any other."""
    (tmp_path / "thoughts").mkdir()
    path = tmp_path / "thoughts" / "README.md"
    path.write_text("What lies here.\n")
    one, changes = scan(empty)
    assert (changes, dict(one.shelves["thoughts"].problems)) == ((), {})
    put(path)
    assert slugs(scan(one)[0]) == ["README"]


def test_a_day_that_is_not_said_is_that_of_the_home(tmp_path: Path, kinds: Kinds) -> None:
    """A file's time is a moment; which day it was on depends on the home's zone."""
    (tmp_path / "thoughts").mkdir()
    path = tmp_path / "thoughts" / "a.md"
    path.write_text("words")
    os.utime(path, ns=(NEW_YEAR, NEW_YEAR))
    for zone, day in (("America/New_York", "2025-12-31"), ("Asia/Tokyo", "2026-01-01")):
        found, _ = scan(Catalogue.empty(kinds, tmp_path, ZoneInfo(zone)))
        assert found.shelves["thoughts"].entries["a"].date == day


def test_other_files_are_passed_over(empty: Catalogue, tmp_path: Path) -> None:
    """Nested files, hidden ones, folders and paths outside the kinds are no entries and no changes."""
    folder = tmp_path / "thoughts"
    put(folder / "a.md")
    put(folder / ".hidden.md")
    (folder / "sub").mkdir()
    nested = put(folder / "sub" / "x.md")
    (folder / "dir.md").mkdir()
    outside = put(tmp_path / "other" / "x.md")
    one, _ = scan(empty)
    assert slugs(one) == ["a"]
    two, changes = update(one, [nested, outside, folder / ".hidden.md", tmp_path / "x.md"])
    assert two is one
    assert changes == ()


def test_a_file_whose_time_was_set_back_is_read_again(empty: Catalogue, tmp_path: Path) -> None:
    """Same size, same inode and the old time: the time of the inode's change gives it away to a scan."""
    path = put(tmp_path / "thoughts" / "a.md", title="One", at=5)
    one, _ = scan(empty)
    first = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == first:  # until the file system's clock has ticked
        put(path, title="Two", at=5)
    two, changes = scan(one)
    assert (changes, two.shelves["thoughts"].entries["a"].title) == ((Change("thoughts", "a", "modified"),), "Two")


def test_entries_put_into_their_places_among_many_are_in_order(empty: Catalogue, tmp_path: Path) -> None:
    """A new, a changed, a moved and a gone entry among hundreds: the list is the one that sorting all would make."""
    folder = tmp_path / "thoughts"
    for number in range(200):
        put(folder / f"{number:03}.md", date=f"2026-01-{number % 28 + 1:02}", at=1000 + number)
    one, _ = scan(empty)
    new = put(folder / "new.md", date="2026-01-14", at=1100)
    changed = put(folder / "050.md", title="Other", date="2026-01-23", at=1050)
    moved = put(folder / "060.md", date="2025-12-31")
    gone = folder / "070.md"
    gone.unlink()
    two, _ = update(one, [new, changed, moved, gone])
    fresh, _ = scan(empty)
    assert two.shelves["thoughts"].list_json == fresh.shelves["thoughts"].list_json
    assert slugs(two)[-1] == "060"


def test_a_replaced_folder_is_seen_by_a_scan(empty: Catalogue, tmp_path: Path) -> None:
    """When a whole folder is swapped, a scan tells what went and what came."""
    put(tmp_path / "thoughts" / "a.md")
    one, _ = scan(empty)
    (tmp_path / "thoughts").rename(tmp_path / "away")
    two, gone = scan(one)
    put(tmp_path / "thoughts" / "b.md")
    three, came = scan(two)
    assert (gone[0].action, came[0].slug, slugs(three)) == ("deleted", "b", ["b"])


def test_an_entry_knows_its_file(empty: Catalogue, tmp_path: Path) -> None:
    """From an entry its path can be told."""
    path = put(tmp_path / "thoughts" / "a.md")
    one, _ = scan(empty)
    assert one.path(one.shelves["thoughts"].entries["a"]) == path


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "remove", "break", "spoil"])), max_size=12))
def test_updates_and_a_scan_agree(steps: list[tuple[str, str]]) -> None:
    """After any changes, a catalogue kept by updates is the same as one read from nothing."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        nothing = Catalogue.empty(parse_kinds(TABLE), home)
        kept = nothing
        told: set[str] = set()
        for count, (slug, step) in enumerate(steps):
            path = home / "thoughts" / f"{slug}.md"
            if step == "remove":
                path.unlink(missing_ok=True)
            else:
                put(path, title=str(count), date="2026-02-03" if step == "write" else "broken")
            if step == "spoil":
                path.write_bytes(b"\0" * 50)
            kept, changes = update(kept, [path])
            for change in changes:
                (told.discard if change.action == "deleted" else told.add)(change.slug)
        fresh, _ = scan(nothing)
        assert kept.shelves["thoughts"].list_json == fresh.shelves["thoughts"].list_json
        assert kept.shelves["thoughts"].order == fresh.shelves["thoughts"].order
        assert kept.shelves["thoughts"].odd == fresh.shelves["thoughts"].odd
        assert kept.shelves["thoughts"].problems == fresh.shelves["thoughts"].problems
        assert told == set(fresh.shelves["thoughts"].entries)
