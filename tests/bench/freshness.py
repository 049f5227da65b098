"""How soon lists, details, searches and events say what another process did to the files, and what the loop feels."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import attrs
import h11
import trio

from tests.bench.figures import Spent, spread
from tests.support.http_client import Answer, Connection, EventStream, get
from tests.support.process import Running

API = "/api/v1"
FOLDER = "thoughts"
WITHIN = 120.0
LOOK_EVERY = 0.004
TICK = 0.005
REQUESTS = 500
"""Of one connection: the server ends it after a thousand."""

LETTERS = str.maketrans("0123456789", "abcdefghij")

CREATED, MODIFIED, DELETED = "thought.created", "thought.modified", "thought.deleted"


def page(words: str) -> str:
    return f"---\ndate: 2026-03-01\ntitle: Bench\n---\n\n{words}\n"


@attrs.define(eq=False)
class Follower:
    """Reads the stream of events all the time, and knows when it was told what."""

    told: dict[tuple[str, str], float] = attrs.field(factory=dict)
    received: int = 0

    async def listen(self, up: Running, task_status: trio.TaskStatus[None]) -> None:
        stream = await EventStream.open(up.host, up.port, f"{API}/events/stream?topic={FOLDER}")
        task_status.started()
        try:
            while (event := await stream.next()) is not None:
                self.told.setdefault((event.name, event.data.get("slug", "")), time.perf_counter())
                self.received += len(json.dumps(event.data))
        finally:
            await stream.aclose()

    async def until(self, wanted: Iterable[tuple[str, str]]) -> float:
        """The instant at which the last of them was told."""
        missing = set(wanted)
        with trio.move_on_after(WITHIN):
            while not missing <= self.told.keys():
                await trio.sleep(LOOK_EVERY / 4)
        return max((self.told.get(one, float("inf")) for one in missing), default=0.0)


@attrs.frozen
class Step:
    """Something done to one file, and what is right afterwards."""

    name: str
    act: Callable[[], object]
    events: list[tuple[str, str]]
    details: dict[str, bytes | None]
    """Text of each slug; None for what is not there."""
    totals: dict[str, int]
    """How many each word finds."""


def _steps(folder: Path, number: int) -> list[Step]:
    """The life of one file."""
    slug, moved = f"fresh-{number}", f"fresh-{number}-moved"
    before, after = (f"q{name}{number:03}".translate(LETTERS) for name in ("before", "after"))
    path, other = folder / f"{slug}.md", folder / f"{moved}.md"
    text = after.encode()
    return [
        Step("created", lambda: path.write_text(page(before)), [(CREATED, slug)], {slug: before.encode()}, {before: 1}),
        Step("changed", lambda: path.write_text(page(after)), [(MODIFIED, slug)], {slug: text}, {before: 0, after: 1}),
        Step(
            "renamed",
            lambda: path.rename(other),
            [(DELETED, slug), (CREATED, moved)],
            {slug: None, moved: text},
            {after: 1},
        ),
        Step("deleted", other.unlink, [(DELETED, moved)], {moved: None}, {after: 0}),
    ]


async def changes_of_one_file(up: Running, rounds: int) -> list[dict[str, object]]:
    """A file is created, changed, renamed and deleted: the time until each way of reading is right."""
    found: dict[tuple[str, str], list[float]] = {}
    spent = Spent.begin(up)
    async with trio.open_nursery() as nursery:
        follower = Follower()
        await nursery.start(follower.listen, up)
        for number in range(rounds):
            for step in _steps(up.home / FOLDER, number):
                for place, seconds in (await _until_right(up, follower, step, spent)).items():
                    found.setdefault((step.name, place), []).append(seconds)
        spent.received += follower.received
        nursery.cancel_scope.cancel()
    lines: list[dict[str, object]] = [
        {"fresh_after": name, "in": place, **spread(delays)} for (name, place), delays in found.items()
    ]
    lines.append({"fresh_after": "all of them", "rounds": rounds, **spent.end()})
    return lines


async def _until_right(up: Running, follower: Follower, step: Step, spent: Spent) -> dict[str, float]:
    took: dict[str, float] = {}
    look = Look(up, step, await _list(up), spent)

    async def watch(place: str, right: Callable[[], Awaitable[bool]]) -> None:
        while not await right():
            await trio.sleep(LOOK_EVERY)
        took[place] = time.perf_counter() - began

    began = time.perf_counter()
    step.act()
    with trio.fail_after(WITHIN):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch, "list", look.list_is_right)
            nursery.start_soon(watch, "detail", look.details_are_right)
            nursery.start_soon(watch, "search", look.search_is_right)
            took["event"] = await follower.until(step.events) - began
    for event in step.events:
        del follower.told[event]
    return took


@attrs.frozen
class Look:
    """The ways of reading, each asked whether it is right after the step."""

    up: Running
    step: Step
    listed: Answer
    """The list as it was before."""
    spent: Spent

    async def list_is_right(self) -> bool:
        answer = await self._get(f"/content/{FOLDER}", self.listed.headers["etag"])
        body = answer.body if answer.status == 200 else self.listed.body
        return all((f'"{slug}"'.encode() in body) == (text is not None) for slug, text in self.step.details.items())

    async def details_are_right(self) -> bool:
        for slug, text in self.step.details.items():
            answer = await self._get(f"/content/{FOLDER}/{slug}")
            if answer.status != (404 if text is None else 200) or (text or b"") not in answer.body:
                return False
        return True

    async def search_is_right(self) -> bool:
        there = [slug for slug, text in self.step.details.items() if text is not None]
        for word, total in self.step.totals.items():
            found = (await self._get(f"/search?q={word}")).json()
            if [hit["slug"] for hit in found["results"]] != there[:total]:
                return False
        return True

    async def _get(self, path: str, known: str = "") -> Answer:
        answer = await get(self.up.host, self.up.port, f"{API}{path}", if_none_match=known)
        self.spent.received += len(answer.body)
        return answer


async def burst(up: Running, files: int) -> dict[str, object]:
    """So many files written as fast as the disk takes them: how many events never came, and when the last one did."""
    spent = Spent.begin(up)
    folder = up.home / FOLDER
    names = [f"burst-{number:05}" for number in range(files)]
    written: dict[str, float] = {}

    def write_all() -> None:
        for name in names:
            (folder / f"{name}.md").write_text(page("burst"))
            written[name] = time.perf_counter()

    async with trio.open_nursery() as nursery:
        follower = Follower()
        await nursery.start(follower.listen, up)
        await trio.to_thread.run_sync(write_all)
        end = time.perf_counter()
        last = await follower.until((CREATED, name) for name in names)
        delays = [follower.told[CREATED, n] - at for n, at in written.items() if (CREATED, n) in follower.told]
        spent.received += follower.received
        nursery.cancel_scope.cancel()
    lost = files - len(delays)
    return {
        "burst": files,
        "lost": lost,
        "right": not lost,
        "last_after_ms": round((last - end) * 1000),
        **spread(delays),
        **spent.end(),
    }


async def changes_among_edits(up: Running, rounds: int, a_second: int) -> list[dict[str, object]]:
    """The same while another file is edited all the time."""
    path = up.home / FOLDER / "edited.md"

    async def edit() -> None:
        for number in itertools.count():
            path.write_text(page(f"edit {number}"))
            await trio.sleep(1 / a_second)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(edit)
        lines = await changes_of_one_file(up, rounds)
        nursery.cancel_scope.cancel()
    return [{**line, "edits_a_second": a_second} for line in lines]


@attrs.frozen
class Checkout:
    """Two states of the folder in its repository, and what differs between them."""

    home: Path
    changed: list[str]
    gone: list[str]
    new: list[str]

    @classmethod
    def prepare(cls, home: Path, files: int) -> "Checkout":
        """Commit the folder, then a branch in which half of the files differ, a quarter are gone and a quarter new.

        What differs and what is new is as long as what was there, with one word of its own.
        """
        _git(home, "add", "-A", FOLDER)
        _git(home, "commit", "-qm", "before")
        names = sorted(path.stem for path in (home / FOLDER).glob("*.md"))[:files]
        changed, gone = names[: files // 2], names[files // 2 : files * 3 // 4]
        new = [f"checkout-{number:05}" for number, _ in enumerate(gone)]
        _git(home, "checkout", "-qb", "other")
        for name, other in zip((*changed, *new), (*changed, *gone), strict=True):
            text = (home / FOLDER / f"{other}.md").read_text()
            (home / FOLDER / f"{name}.md").write_text(f"{text}\nzzcheckout\n")
        for name in gone:
            (home / FOLDER / f"{name}.md").unlink()
        _git(home, "add", "-A", FOLDER)
        _git(home, "commit", "-qm", "after")
        _git(home, "checkout", "-q", "-")
        return cls(home, changed, gone, new)

    async def measure(self, up: Running) -> dict[str, object]:
        """Change over, and wait until all is right."""
        spent = Spent.begin(up)
        events = [
            *((MODIFIED, name) for name in self.changed),
            *((DELETED, name) for name in self.gone),
            *((CREATED, name) for name in self.new),
        ]
        took: dict[str, float] = {}
        async with trio.open_nursery() as nursery:
            follower = Follower()
            await nursery.start(follower.listen, up)
            began = time.perf_counter()
            await trio.to_thread.run_sync(lambda: _git(self.home, "checkout", "-q", "other"))
            end = time.perf_counter()
            present, absent = {*self.changed, *self.new}, {*self.gone}

            async def listed() -> None:
                while True:
                    answer = await _list(up)
                    spent.received += len(answer.body)
                    slugs = {item["slug"] for item in answer.json()}
                    if present <= slugs and not absent & slugs:
                        break
                    await trio.sleep(0.02)
                took["list"] = time.perf_counter() - end

            async def searched() -> None:
                while True:
                    answer = await get(up.host, up.port, f"{API}/search?q=zzcheckout&limit=1")
                    spent.received += len(answer.body)
                    if answer.json()["total"] == len(present):
                        break
                    await trio.sleep(0.02)
                took["search"] = time.perf_counter() - end

            with trio.fail_after(WITHIN):
                async with trio.open_nursery() as waiting:
                    waiting.start_soon(listed)
                    waiting.start_soon(searched)
                    took["events"] = await follower.until(events) - end
            lost = sum(event not in follower.told for event in events)
            spent.received += follower.received
            nursery.cancel_scope.cancel()
        return {
            "checkout": len(events),
            "git_s": round(end - began, 2),
            "lost": lost,
            **{f"{place}_ms": round(seconds * 1000) for place, seconds in took.items()},
            **spent.end(),
        }


@attrs.define(eq=False)
class Ticker:
    """Asks for the shortest answer every five milliseconds: what it waits longer than usual, everybody waits."""

    delays: list[float] = attrs.field(factory=list)
    ticking: trio.CancelScope = attrs.field(factory=trio.CancelScope)

    async def run(self, up: Running) -> None:
        with self.ticking:
            await self._tick(up)

    async def _tick(self, up: Running) -> None:
        while True:
            async with await Connection.open(up.host, up.port) as connection:
                for _ in range(REQUESTS):
                    began = time.perf_counter()
                    await connection.send("GET", f"{API}/health/live")
                    await connection.head()
                    while isinstance(await connection.event(), h11.Data):
                        pass
                    connection.next_request()
                    self.delays.append(time.perf_counter() - began)
                    await trio.sleep(TICK)

    def end(self, during: str) -> dict[str, object]:
        """What it has felt since the last time it was asked."""
        delays, self.delays = self.delays, []
        return {"ticker_during": during, **spread(delays), "ticks": len(delays)}


async def _list(up: Running) -> Answer:
    return await get(up.host, up.port, f"{API}/content/{FOLDER}")


def _git(home: Path, *argv: str) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(home.parent), "GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        environ |= {f"GIT_{who}_NAME": "Bench", f"GIT_{who}_EMAIL": "bench@localhost"}
    subprocess.run(("git", *argv), cwd=home, env=environ, check=True, capture_output=True)
