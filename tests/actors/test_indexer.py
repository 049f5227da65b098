"""The indexer keeps the catalogue true to the disk and tells each change once."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import tzinfo
from pathlib import Path
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.indexer import KEPT_AFTER, TOLD_TOGETHER, CacheKeeper, CurrentCatalogue, Indexer, Searching
from actors.protocol import Changed, Meaning, Publish, Scan
from runner import resources
from runner.content import Catalogue, CatalogueCache, ContentKind, Entry, read_entry, read_kinds, scan
from runner.kernel import ActorContext, EventRing, Mailbox, Overflow
from runner.offload import RunSync
from runner.search import NoMeaningError, SearchIndex, SearchQuery
from tests.support.clock import WallClock
from tests.support.ledger import inline

T = TypeVar("T")

THOUGHT = '---\ndate: "2026-03-01"\ntitle: "{title}"\n---\n\nwords\n'


class World:
    """A home with thoughts, and an indexer on it whose work is done inline."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "thoughts"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shelf = CurrentCatalogue(Catalogue.empty(read_kinds(resources.config_dir() / "content.toml"), home))
        self.box: Mailbox[Changed | Scan | Meaning] = Mailbox(
            "indexer",
            capacity=4,
            overflow=Overflow.KEEP_NEWEST,
            key=lambda message: getattr(message, "path", None),
            on_loss=self.shelf.lose,
        )
        self.broadcaster: Mailbox[Publish] = Mailbox("broadcaster", capacity=1000)
        self.events = EventRing(WallClock())
        self.index = SearchIndex(home / "data" / "search.db")
        self.kept = CatalogueCache(home / "data" / "catalogue.db")

    def write(self, slug: str, title: str = "Salt") -> Path:
        path = self.folder / f"{slug}.md"
        path.write_text(THOUGHT.format(title=title))
        return path

    async def start(self, nursery: trio.Nursery, index_thread: RunSync = inline) -> None:
        searching = Searching(self.index, index_thread, self.events)
        cache_keeper = CacheKeeper(self.kept, inline, self.events)
        indexer = Indexer(
            self.box,
            self.shelf,
            self.broadcaster.ref,
            inline,
            WallClock(),
            "test",
            self.events,
            searching,
            cache_keeper,
        )
        nursery.start_soon(indexer.run, ActorContext(name="indexer", number=1))
        await wait_all_tasks_blocked()

    def remarked(self) -> list[tuple[str, object]]:
        """What was told of odd files."""
        return [(event.name, event.fields["file"]) for event in self.events.recent() if "file" in event.fields]

    def found(self, text: str) -> list[str]:
        """The slugs that a search for thoughts finds."""
        return [
            hit.slug for hit in self.index.search(SearchQuery(text=text, kinds=("thoughts",), limit=50, offset=0)).hits
        ]

    def indexed(self) -> list[str]:
        """The slugs that the index itself holds."""
        with closing(sqlite3.connect(self.index.path)) as connection:
            return [slug for (slug,) in connection.execute("SELECT slug FROM docs")]

    async def told(self) -> list[tuple[str, str]]:
        """What was published, as event and slug."""
        await wait_all_tasks_blocked()
        found = []
        for _ in range(self.broadcaster.statistics().queued):
            message = await self.broadcaster.receive()
            found.append((message.event, json.loads(message.data)["slug"]))
        return found


async def test_what_was_there_before_is_read_and_is_no_news(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """The first scan fills the catalogue without a single event; the first new file afterwards is one."""
    world = World(tmp_path)
    world.write("2026-03-01-dusk")
    await world.start(nursery)
    assert [entry.slug for entry in world.shelf.catalogue.shelves["thoughts"].order] == ["2026-03-01-dusk"]
    assert await world.told() == []
    world.box.ref.tell(Changed(str(world.write("2026-03-01-evening"))))
    assert await world.told() == [("thought.created", "2026-03-01-evening")]


async def test_the_catalogue_decides_what_happened(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Known and there is modified, known and gone is deleted, unknown and gone is nothing."""
    world = World(tmp_path)
    path = world.write("a")
    await world.start(nursery)
    world.write("a", "Pepper")
    world.box.ref.tell(Changed(str(path)))
    assert await world.told() == [("thought.modified", "a")]
    path.unlink()
    world.box.ref.tell(Changed(str(path)))
    world.box.ref.tell(Changed(str(world.folder / "never.md")))
    assert await world.told() == [("thought.deleted", "a")]


async def test_what_a_full_mailbox_displaced_is_found_by_a_scan(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """When news of single files is lost the next look compares everything: nothing goes stale."""
    world = World(tmp_path)
    await world.start(nursery)
    paths = [world.write(f"t{number}") for number in range(20)]
    for path in paths:
        world.box.ref.tell(Changed(str(path)))
    assert len(await world.told()) == 20


async def test_without_any_news_the_disk_is_compared_every_minute(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A file that no watch told of is in the catalogue a minute later."""
    world = World(tmp_path)
    await world.start(nursery)
    world.write("quiet")
    await trio.sleep(61)
    assert await world.told() == [("thought.created", "quiet")]


async def test_after_a_restart_only_what_is_otherwise_is_read(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was kept by one process is in force in the next one, compared with the disk, and no news."""
    first = World(tmp_path)
    first.write("a")
    path = first.write("b")
    async with trio.open_nursery() as context:
        await first.start(context)
        await trio.sleep(KEPT_AFTER + 1)
        first.write("b", "Pepper")
        first.box.ref.tell(Changed(str(path)))
        await trio.sleep(KEPT_AFTER + 1)
        context.cancel_scope.cancel()
    first.kept.close()
    first.write("b", "Sugar")
    read: list[str] = []

    def noted(kind: ContentKind, path: Path, zone: tzinfo) -> Entry:
        read.append(path.name)
        return read_entry(kind, path, zone)

    monkeypatch.setattr("runner.content.catalogue.read_entry", noted)
    second = World(tmp_path)
    await second.start(nursery)
    entries = second.shelf.catalogue.shelves["thoughts"].entries
    assert {slug: entry.title for slug, entry in entries.items()} == {"a": "Salt", "b": "Sugar"}
    assert read == ["b.md"]
    assert await second.told() == []


async def test_a_restarted_indexer_begins_with_the_snapshot_in_force(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """What another incarnation has put in force is not replaced by what was kept long before."""
    world = World(tmp_path)
    path = world.write("a")
    async with trio.open_nursery() as context:
        await world.start(context)
        await trio.sleep(KEPT_AFTER + 1)
        world.write("a", "Pepper")
        world.box.ref.tell(Changed(str(path)))
        assert await world.told() == [("thought.modified", "a")]
        context.cancel_scope.cancel()
    await world.start(nursery)
    assert world.shelf.catalogue.shelves["thoughts"].entries["a"].title == "Pepper"
    assert await world.told() == []


async def test_search_follows_the_catalogue(tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """What is created, changed or deleted is found, found otherwise, or found no more."""
    world = World(tmp_path)
    path = world.write("a")
    await world.start(nursery)
    assert world.found("salt") == ["a"]
    world.write("a", "Pepper")
    world.box.ref.tell(Changed(str(path)))
    await world.told()
    assert (world.found("salt"), world.found("pepper")) == ([], ["a"])
    path.unlink()
    world.box.ref.tell(Changed(str(path)))
    await world.told()
    assert world.found("pepper") == []


async def test_search_is_right_in_the_step_of_the_catalogue(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """With the event of a change searches are right, though the index's thread has still to begin with it."""
    free = trio.Event()
    free.set()

    async def held_up(work: Callable[[], T], /) -> T:
        await free.wait()
        return await inline(work)

    world = World(tmp_path)
    paths = [world.write(slug) for slug in ("changed", "gone", "stays")]
    await world.start(nursery, held_up)
    free = trio.Event()
    world.write("changed", "Pepper")
    world.write("new", "Pepper")
    (world.folder / "gone.md").unlink()
    for path in (*paths, world.folder / "new.md"):
        world.box.ref.tell(Changed(str(path)))
    assert len(await world.told()) == 3
    assert sorted(world.indexed()) == ["changed", "gone", "stays"]
    found = sorted(world.found("pepper")), world.found("salt"), sorted(world.found("words"))
    assert found == (["changed", "new"], ["stays"], ["changed", "new", "stays"])
    free.set()
    await wait_all_tasks_blocked()
    assert sorted(world.indexed()) == ["changed", "new", "stays"]
    assert (sorted(world.found("pepper")), world.found("salt"), sorted(world.found("words"))) == found


async def test_a_damaged_index_is_written_anew(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """When the file turns out to be damaged it is replaced within a minute, and the catalogue never stops."""
    world = World(tmp_path)
    world.write("a")
    await world.start(nursery)
    world.index.note_damage()
    path = world.write("b", "Sugar")
    world.box.ref.tell(Changed(str(path)))
    assert await world.told() == [("thought.created", "b")]
    assert (world.found("salt"), world.found("sugar")) == (["a"], ["b"])


async def test_trouble_with_the_index_is_told_and_taken_up_again(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A disk that takes nothing makes no crash: lists and events go on, and a later scan catches up."""
    (tmp_path / "data").write_text("no folder")
    world = World(tmp_path)
    await world.start(nursery)
    path = world.write("a")
    world.box.ref.tell(Changed(str(path)))
    assert await world.told() == [("thought.created", "a")]
    await trio.sleep(KEPT_AFTER + 1)
    assert {"search.failed", "catalogue.not_kept"} <= {event.name for event in world.events.recent(10)}
    assert world.found("salt") == []
    (tmp_path / "data").unlink()
    await trio.sleep(61)
    assert world.found("salt") == ["a"]


async def test_meaning_is_refused_with_the_reason(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """Asked for what is near in meaning, the indexer says why it can't tell."""
    world = World(tmp_path)
    await world.start(nursery)
    with pytest.raises(NoMeaningError, match="semantic index"):
        await Meaning("tide", ("thoughts",), 10).ask(world.box.ref, within=2)


async def test_what_changes_while_the_index_is_compared_is_taken_in_too(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """News that comes while a thread compares index and catalogue is not forgotten."""
    world = World(tmp_path)
    looked = 0

    async def interrupted(work: Callable[[], T], /) -> T:
        nonlocal looked
        done = await inline(work)
        looked += 1
        if looked == 1:
            world.write("late")
            world.shelf.catalogue, changes = scan(world.shelf.catalogue)
            searching.take_in(world.shelf.catalogue, changes)
        return done

    searching = Searching(world.index, interrupted, world.events)
    nursery.start_soon(searching.follow, world.shelf)
    searching.compare()
    await searching.caught_up()
    assert world.found("salt") == ["late"]


async def test_news_goes_before_what_waits(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a large home is taken in, what is written now is in the next part, and what is gone goes first."""
    monkeypatch.setattr("actors.indexer.INDEXED_TOGETHER", 2)
    world = World(tmp_path)
    for number in range(8):
        world.write(f"t{number}")
    world.shelf.catalogue, _ = scan(world.shelf.catalogue)
    found: list[list[str]] = []

    async def interrupted(work: Callable[[], T], /) -> T:
        done = await inline(work)
        found.append(world.indexed())
        if len(found) == 2:
            world.write("late")
            (world.folder / "t7.md").unlink()
            world.shelf.catalogue, changes = scan(world.shelf.catalogue)
            searching.take_in(world.shelf.catalogue, changes)
        return done

    searching = Searching(world.index, interrupted, world.events)
    nursery.start_soon(searching.follow, world.shelf)
    searching.compare()
    await searching.caught_up()
    compared, first, second, *_ = found
    assert (compared, len(first), "t7" in first) == ([], 2, True)
    assert ("late" in second, "t7" in second, len(second)) == (True, False, 2)
    assert sorted(world.found("salt")) == ["late", *(f"t{number}" for number in range(7))]


async def test_what_had_to_be_guessed_is_in_the_log_when_it_comes(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A file that is odd or left out is told when it comes and when it changes, not again at a scan or a start."""
    world = World(tmp_path)
    odd = world.folder / "odd.md"
    odd.write_text("---\ntitle: Day 3: Noon\ndate: 2026-03-01\n---\n")
    (world.folder / "bad.md").write_bytes(b"\0" * 50)
    async with trio.open_nursery() as context:
        await world.start(context)
        first = world.remarked()
        await trio.sleep(KEPT_AFTER + 61)
        assert world.remarked() == first
        odd.write_text("---\ntitle: Noon\ndate: soon\n---\n")
        world.box.ref.tell(Changed(str(odd)))
        await trio.sleep(KEPT_AFTER + 1)
        context.cancel_scope.cancel()
    world.kept.close()
    assert set(first) == {("content.guessed", "thoughts/odd.md"), ("content.left_out", "thoughts/bad.md")}
    assert world.remarked()[len(first) :] == [("content.guessed", "thoughts/odd.md")]
    assert [event.fields["what"] for event in world.events.recent() if event.name == "content.left_out"] == [
        "no text (100% of it are control characters)"
    ]
    again = World(tmp_path)
    await again.start(nursery)
    assert again.remarked() == []


async def test_of_many_odd_files_a_few_are_named(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """A home brought from elsewhere does not fill the log: of the rest the number is told."""
    world = World(tmp_path)
    for number in range(TOLD_TOGETHER + 7):
        (world.folder / f"{number}.md").write_text("words")
    await world.start(nursery)
    assert len(world.remarked()) == TOLD_TOGETHER
    assert [event.fields["files"] for event in world.events.recent() if event.name == "content.more_guessed"] == [7]
