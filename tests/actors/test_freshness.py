"""What other processes do to the files is right in events, lists, details and search: real files, the real clock."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from actors.broadcaster import Broadcaster
from actors.indexer import CurrentCatalogue, Indexer, Searching
from actors.protocol import Changed, Meaning, Publish, Rescan, Scan
from actors.watcher import Watcher
from runner import resources
from runner.content import MAILBOX, Catalogue, read_kinds
from runner.kernel import ActorContext, EventRing, Mailbox, Overflow
from runner.live import Hub, Subscriber
from runner.search import SearchIndex, SearchQuery
from tests.support.clock import WallClock
from tests.support.site import in_thread

WITHIN = 20.0
"""Seconds for what takes a moment; a machine under load may be slow, the bench says how slow."""

CROWD = 1000


@attrs.define(eq=False)
class Household:
    """Watcher, indexer and broadcaster on one home, and someone who follows every topic."""

    home: Path
    nursery: trio.Nursery
    shelf: CurrentCatalogue
    searching: Searching
    follower: Subscriber
    indexer: Mailbox[Changed | Scan | Meaning]
    watching: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    lives: int = 0
    told: list[tuple[str, str]] = attrs.field(factory=list)
    news: trio.Event = attrs.field(factory=trio.Event)

    def write(self, name: str, words: str = "salt") -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(words))

    async def watch(self) -> None:
        """Begin to watch; the first that the watch finds proves that it is in force."""
        self.lives += 1
        watcher = Watcher(Mailbox[Rescan]("watcher", capacity=4), self._folders, self.indexer.ref)
        self.watching = trio.CancelScope()
        self.nursery.start_soon(self._watched, watcher, self.watching)
        mark = f"mark-{self.lives}"
        with trio.fail_after(WITHIN):
            while not self._knows(mark):
                self.write(f"scores/{mark}.md")
                with trio.move_on_after(1):
                    await self.until(("score.created", mark))
        self.told.clear()

    async def until(self, *wanted: tuple[str, str]) -> None:
        """Wait for these events."""
        missing = set(wanted)
        with trio.fail_after(WITHIN):
            while not missing <= set(self.told):
                self.news = trio.Event()
                await self.news.wait()

    async def listen(self) -> None:
        """Read like a viewer does: all the time."""
        while True:
            for frame in await self.follower.receive() or ():
                self.told.append(read(frame))
            self.news.set()

    async def found(self, text: str, kind: str = "thoughts") -> list[str]:
        """Slugs that a search finds now, whatever the index has still to take in."""
        wanted = SearchQuery(text=text, kinds=(kind,), limit=2 * CROWD, offset=0)
        found = await in_thread(lambda: self.searching.index.search(wanted))
        return sorted(hit.slug for hit in found.hits)

    def listed(self, kind: str = "thoughts") -> list[str]:
        return sorted(item["slug"] for item in json.loads(self.shelf.catalogue.shelves[kind].list_json))

    def _knows(self, slug: str) -> bool:
        return slug in self.shelf.catalogue.shelves["scores"].entries

    def _folders(self) -> tuple[Path, ...]:
        return (*(self.home / kind.folder for kind in self.shelf.catalogue.kinds), self.home / MAILBOX)

    async def _watched(self, watcher: Watcher, scope: trio.CancelScope) -> None:
        with scope:
            await watcher.run(ActorContext(name="watcher", number=self.lives))


def subject(message: Changed | Scan | Meaning) -> object:
    return message.path if isinstance(message, Changed) else type(message).__name__


def page(words: str) -> str:
    return f'---\ndate: "2026-03-01"\ntitle: Plain\n---\n\n{words}\n'


def read(frame: bytes) -> tuple[str, str]:
    fields = dict(line.split(": ", 1) for line in frame.decode().strip().split("\n"))
    return fields["event"], json.loads(fields["data"]).get("slug", "")


@asynccontextmanager
async def household(home: Path) -> AsyncIterator[Household]:
    for folder in ("thoughts", "dreams", "scores", MAILBOX):
        (home / folder).mkdir()
    hub = Hub("boot")
    broadcaster: Mailbox[Publish] = Mailbox("broadcaster", capacity=16_384)
    shelf = CurrentCatalogue(Catalogue.empty(read_kinds(resources.config_dir() / "content.toml"), home))
    box: Mailbox[Changed | Scan | Meaning] = Mailbox(
        "indexer",
        capacity=20_000,
        overflow=Overflow.KEEP_NEWEST,
        key=subject,
        on_loss=shelf.lose,
    )
    searching = Searching(SearchIndex(home / "data" / "search.db"), in_thread, EventRing(WallClock()))
    with hub.subscribe(["*"]) as follower:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Broadcaster(broadcaster, hub).run, ActorContext(name="broadcaster", number=1))
            indexer = Indexer(
                box, shelf, broadcaster.ref, in_thread, WallClock(), "test", EventRing(WallClock()), searching
            )
            nursery.start_soon(indexer.run, ActorContext(name="indexer", number=1))
            house = Household(home, nursery, shelf, searching, follower, box)
            nursery.start_soon(house.listen)
            await house.watch()
            with trio.fail_after(WITHIN):
                await searching.caught_up()
            yield house
            nursery.cancel_scope.cancel()
    searching.index.close()


def events(name: str, slugs: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, slug) for slug in slugs]


async def test_a_file_is_followed_through_its_life(tmp_path: Path) -> None:
    """Created, replaced, renamed and deleted: each is told as what it is, and everything readable agrees."""
    async with household(tmp_path) as house:
        house.write("thoughts/a.md", "salt")
        await house.until(("thought.created", "a"))
        assert (house.listed(), await house.found("salt")) == (["a"], ["a"])
        (tmp_path / "thoughts" / ".a.md.new").write_text(page("pepper"))
        (tmp_path / "thoughts" / ".a.md.new").rename(tmp_path / "thoughts" / "a.md")
        await house.until(("thought.modified", "a"))
        assert "pepper" in house.shelf.catalogue.shelves["thoughts"].entries["a"].body
        assert (await house.found("salt"), await house.found("pepper")) == ([], ["a"])
        (tmp_path / "thoughts" / "a.md").rename(tmp_path / "thoughts" / "template.md")
        await house.until(("thought.deleted", "a"), ("thought.created", "template"))
        assert (house.listed(), await house.found("pepper")) == (["template"], ["template"])
        (tmp_path / "thoughts" / "template.md").unlink()
        await house.until(("thought.deleted", "template"))
        assert (house.listed(), await house.found("pepper")) == ([], [])
        assert len(house.told) == 5


async def test_thousands_at_once_are_all_told(tmp_path: Path) -> None:
    """A thousand files written, and then changed, removed and added together like a checkout does: none is missed."""
    async with household(tmp_path) as house:
        names = [f"t{number:04}" for number in range(CROWD)]

        def write_all() -> None:
            for name in names:
                house.write(f"thoughts/{name}.md", "before")

        await in_thread(write_all)
        await house.until(*events("thought.created", names))
        assert house.told == [*dict.fromkeys(house.told)]
        assert house.listed() == names
        assert await house.found("before") == names
        house.told.clear()
        changed, gone, new = names[::2], names[1::2], [f"n{number:04}" for number in range(CROWD)]

        def check_out() -> None:
            for name in changed:
                house.write(f"thoughts/{name}.md", "afterwards")
            for name in gone:
                (tmp_path / "thoughts" / f"{name}.md").unlink()
            for name in new:
                house.write(f"thoughts/{name}.md", "afterwards")

        await in_thread(check_out)
        await house.until(
            *events("thought.modified", changed), *events("thought.deleted", gone), *events("thought.created", new)
        )
        assert house.listed() == sorted([*changed, *new])
        assert await house.found("afterwards") == sorted([*changed, *new])
        assert await house.found("before") == []
        assert house.follower.lost == 0


async def test_what_happens_while_nobody_watches_is_found(tmp_path: Path) -> None:
    """After the watcher's restart each file written, changed or removed in the meantime is right."""
    async with household(tmp_path) as house:
        for name in ("a", "b"):
            house.write(f"thoughts/{name}.md")
        await house.until(*events("thought.created", "ab"))
        house.watching.cancel()
        house.write("thoughts/a.md", "changed meanwhile")
        (tmp_path / "thoughts" / "b.md").unlink()
        house.write("thoughts/c.md")
        house.lives += 1
        house.nursery.start_soon(
            Watcher(Mailbox("watcher", capacity=4), house._folders, house.indexer.ref).run,
            ActorContext(name="watcher", number=house.lives),
        )
        await house.until(("thought.modified", "a"), ("thought.deleted", "b"), ("thought.created", "c"))
        assert house.listed() == ["a", "c"]
        assert await house.found("meanwhile") == ["a"]


async def test_a_folder_that_is_replaced_is_followed(tmp_path: Path) -> None:
    """Another folder under the same name brings its own files, and what is written in it later is told."""
    async with household(tmp_path) as house:
        house.write("thoughts/a.md")
        await house.until(("thought.created", "a"))
        other = tmp_path / "other"
        other.mkdir()
        (other / "b.md").write_text(page("sugar"))
        (tmp_path / "thoughts").rename(tmp_path / "old")
        other.rename(tmp_path / "thoughts")
        await house.until(("thought.deleted", "a"), ("thought.created", "b"))
        assert (house.listed(), await house.found("sugar")) == (["b"], ["b"])
        with trio.fail_after(WITHIN):
            while ("thought.created", "c") not in house.told:
                house.write("thoughts/c.md", "late")
                with trio.move_on_after(1):
                    await house.until(("thought.created", "c"))


async def test_nested_and_temporary_files_are_no_news(tmp_path: Path) -> None:
    """A file in a folder below, an editor's leavings and what is gone again at once say nothing."""
    async with household(tmp_path) as house:
        house.write("thoughts/x.md")
        await house.until(("thought.created", "x"))
        house.write("thoughts/sub/x.md")
        (tmp_path / "thoughts" / "y.md.swp").write_text("x")
        house.write("thoughts/brief.md")
        (tmp_path / "thoughts" / "brief.md").unlink()
        (tmp_path / "thoughts" / "sub" / "x.md").unlink()
        house.write("thoughts/end.md")
        await house.until(("thought.created", "end"))
        assert [event for event in house.told if event[1] != "brief"] == events("thought.created", ["x", "end"])
        assert house.listed() == ["end", "x"]


async def test_a_letter_is_news_and_its_reader_s_place_is_not(tmp_path: Path) -> None:
    """A thread that grows is told with its user; cursors and pictures beside it are not."""
    async with household(tmp_path) as house:
        folder = tmp_path / MAILBOX / "dreams-of"
        folder.mkdir()
        with (folder / "thread.jsonl").open("a") as file:
            file.write('{"id": "msg_20260301_u_001", "from": "dreams-of", "body": "hello"}\n')
        await house.until(("mailbox:new_message", "dreams-of"))
        (folder / "cursor.json").write_text('{"last_read_id": "msg_20260301_u_001"}')
        (folder / "attachments").mkdir()
        (folder / "attachments" / "dreams.md").write_text(page("no dream"))
        house.write("dreams/end.md")
        house.write("thoughts/end.md")
        pages = {("dream.created", "end"), ("thought.created", "end")}
        await house.until(*pages)
        assert house.told[0] == ("mailbox:new_message", "dreams-of")
        assert sorted(house.told[1:]) == sorted(pages)
