"""The watcher tells the indexer of everything that is written, in real folders with the real clock."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from actors.protocol import Changed, Rescan, Scan
from actors.watcher import Unsettled, Watcher, identities, relevant
from runner.kernel import ActorContext, Mailbox

NEWS_WITHIN = 10.0


async def watch(nursery: trio.Nursery, *folders: Path) -> tuple[Mailbox[Changed | Scan], Mailbox[Rescan]]:
    """A watcher of these folders that has begun: its first word is a scan."""
    indexer: Mailbox[Changed | Scan] = Mailbox("indexer", capacity=1000)
    box: Mailbox[Rescan] = Mailbox("watcher", capacity=4)
    nursery.start_soon(Watcher(box, lambda: folders, indexer.ref).run, ActorContext(name="watcher", number=1))
    assert await news(indexer) == Scan()
    return indexer, box


async def news(indexer: Mailbox[Changed | Scan]) -> Changed | Scan:
    with trio.fail_after(NEWS_WITHIN):
        return await indexer.receive()


async def until(indexer: Mailbox[Changed | Scan], wanted: Changed | Scan, again: Callable[[], object]) -> None:
    """Wait for this news. What may come before the watch is in force is done again until it is told."""
    with trio.fail_after(NEWS_WITHIN):
        while True:
            again()
            with trio.move_on_after(0.5):
                while await indexer.receive() != wanted:
                    pass
                return


async def test_a_written_replaced_or_removed_file_is_told(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Writing, atomic replacement and removal each reach the indexer with the file's path."""
    indexer, _ = await watch(nursery, tmp_path)
    thought = tmp_path / "a.md"
    await until(indexer, Changed(str(thought)), lambda: thought.write_text("one"))
    fresh = tmp_path / ".a.md.tmp"
    fresh.write_text("two")
    fresh.rename(thought)
    assert await news(indexer) == Changed(str(thought))
    thought.unlink()
    assert await news(indexer) == Changed(str(thought))


async def test_a_folder_made_later_is_watched_and_scanned(tmp_path: Path, nursery: trio.Nursery) -> None:
    """A folder that did not exist at the start, or was put in another's place, is taken in and compared as a whole."""
    folder = tmp_path / "dreams"
    indexer, _ = await watch(nursery, tmp_path / "thoughts", folder)
    folder.mkdir()
    assert await news(indexer) == Scan()
    await until(indexer, Changed(str(folder / "b.md")), lambda: (folder / "b.md").write_text("x"))


async def test_told_to_look_again_it_scans_anew(tmp_path: Path, nursery: trio.Nursery) -> None:
    """The operator's Rescan starts the watch anew, and the indexer compares everything."""
    indexer, box = await watch(nursery, tmp_path)
    box.ref.tell(Rescan())
    assert await news(indexer) == Scan()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.md", True),
        ("temperance.md", True),
        ("git-notes.md", True),
        ("tmpfile.md", True),
        ("4913.md", True),
        (".a.md.swp", False),
        ("a.md~", False),
        ("a.md.tmp", False),
        ("4913", False),
        (".git", False),
    ],
)
def test_only_whole_names_and_endings_make_a_file_temporary(name: str, *, told: bool) -> None:
    """Editors' leavings are nobody's news; names that only begin like them are."""
    from watchfiles import Change

    assert relevant(Change.added, f"/home/thoughts/{name}") is told


def test_a_folder_is_known_by_more_than_its_name(tmp_path: Path) -> None:
    """Another folder under the same name has another identity; a missing one has none."""
    folder = tmp_path / "thoughts"
    folder.mkdir()
    before = identities([folder, tmp_path / "none"])
    assert list(before) == [folder]
    folder.rename(tmp_path / "old")
    folder.mkdir()
    assert identities([folder]) != before


def test_a_file_is_told_when_it_rests_or_has_been_waited_for() -> None:
    """Each new write puts a file's news off, but never beyond the longest wait; others are not held up by it."""
    unsettled = Unsettled(rest=8, longest=32)
    unsettled.note("quiet", 0)
    told = []
    for now in range(1, 50):
        told += [(path, now) for path in unsettled.settled(now)]
        unsettled.note("busy", now)
    assert told == [("quiet", 8), ("busy", 33)]


async def test_writes_in_quick_succession_are_one_piece_of_news(tmp_path: Path, nursery: trio.Nursery) -> None:
    """A file written several times within the window is told once."""
    indexer, _ = await watch(nursery, tmp_path)
    await until(indexer, Changed(str(tmp_path / "first.md")), lambda: (tmp_path / "first.md").write_text("x"))
    for number in range(5):
        (tmp_path / "b.md").write_text(str(number))
    (tmp_path / "last.md").write_text("x")
    told = [await news(indexer), await news(indexer)]
    assert sorted(str(one) for one in told) == sorted(
        str(Changed(str(tmp_path / name))) for name in ("b.md", "last.md")
    )
