import gzip
from collections.abc import Callable
from typing import TypeVar

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.site import Reply, World, running
from web.server.compression import LEAST, Packed, pack, takes_gzip

T = TypeVar("T")
LIST = "/api/v1/content/thoughts"
TAKES = "Accept-Encoding: gzip, deflate, br"


def fill(world: World, count: int = 40) -> None:
    for number in range(count):
        world.thought(f"thought-{number}", date="2026-02-03", title=f"Salt {number}", mood="quiet, held")
    world.rescan()


@pytest.mark.parametrize(
    ("said", "takes"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("br, *", True),
        ("gzip;q=0, *", False),
        ("gzip;q=0.000", False),
        ("*;q=0", False),
        ("identity", False),
        ("ungzip, gzipped", False),
        ("gzip;q=many", False),
        ("", False),
    ],
)
def test_who_takes_gzip(said: str, takes: bool) -> None:
    """What a client says is read as the standard has it."""
    assert takes_gzip([(b"accept-encoding", said.encode())]) is takes


def test_without_the_header_nothing_is_coded() -> None:
    """A client that says nothing gets plain bytes."""
    assert takes_gzip([(b"host", b"gzip")]) is False


async def test_large_answers_are_packed_for_whoever_takes_it(world: World) -> None:
    """The packed bytes are those of the plain answer, each coding has its own tag, and caches are told why."""
    fill(world)
    async with running(world) as server:
        plain = await server.get(LIST)
        packed = await server.get(LIST, TAKES)
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert int(packed.headers["content-length"]) == len(packed.body) < len(plain.body)
    assert packed.headers["etag"] == plain.headers["etag"][:-1] + '-gzip"'
    assert "Accept-Encoding" in packed.headers["vary"]
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_small_answers_stay_plain(world: World) -> None:
    """Below the least size the answer is the same for everybody."""
    fill(world, 1)
    async with running(world) as server:
        found = await server.get(LIST, TAKES)
    assert len(found.body) < LEAST
    assert "content-encoding" not in found.headers


async def test_each_coding_is_known_by_its_own_tag(world: World) -> None:
    """Both tags are a 304 to a client that takes gzip, with the tag it has; the packed one says nothing to others."""
    fill(world)
    async with running(world) as server:
        plain = (await server.get(LIST)).headers["etag"]
        packed = (await server.get(LIST, TAKES)).headers["etag"]

        async def ask(tag: str, *headers: str) -> tuple[int, str]:
            found = await server.get(LIST, f"If-None-Match: {tag}", *headers)
            return found.status, found.headers["etag"]

        assert await ask(packed, TAKES) == (304, packed)
        assert await ask(plain, TAKES) == (304, plain)
        assert await ask(f'"other", W/{packed}', TAKES) == (304, packed)
        assert await ask(plain) == (304, plain)
        assert await ask(packed) == (200, plain)
        assert await ask('"other-gzip"', TAKES) == (200, packed)


async def test_head_says_what_get_would(world: World) -> None:
    """The same coding and tag, and no body."""
    fill(world)
    async with running(world) as server:
        head = await server.get(LIST, TAKES, method="HEAD")
        whole = await server.get(LIST, TAKES)
    assert (head.status, head.body) == (200, b"")
    assert [head.headers[name] for name in ("etag", "content-encoding")] == [whole.headers["etag"], "gzip"]


async def test_pages_are_packed_like_the_api(world: World) -> None:
    """A page comes through the same place, and differs by cookie and coding."""
    async with running(world) as server:
        found: Reply = await server.get("/", TAKES)
    assert gzip.decompress(found.body).startswith(b"<!doctype html>")
    assert {part.strip() for part in found.headers["vary"].split(",")} == {"Cookie", "Accept-Encoding"}


class Threads:
    """Runs what it is given when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.gate = trio.Event()
        self.fails = False

    async def __call__(self, work: Callable[[], T], /) -> T:
        self.asked += 1
        await self.gate.wait()
        if self.fails:
            raise MemoryError
        return work()


async def test_one_who_packs_is_enough_for_all() -> None:
    """Ten who ask for the same large answer cost one packing, and a later one none."""
    threads = Threads()
    packed = Packed(threads)
    data = b"tide " * 10_000
    found: list[bytes] = []

    async def ask() -> None:
        found.append(await packed.get(b'"a"', data))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        threads.gate.set()
    await ask()
    assert (found, threads.asked) == ([pack(data)] * 11, 1)


async def test_a_packing_that_fails_is_nobody_elses() -> None:
    """Whoever waited for it packs for himself."""
    threads = Threads()
    packed = Packed(threads)
    data = b"tide " * 10_000

    async def fail() -> None:
        with pytest.raises(MemoryError):
            await packed.get(b'"a"', data)
        threads.fails = False

    async def wait() -> None:
        assert await packed.get(b'"a"', data) == pack(data)

    threads.fails = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        await wait_all_tasks_blocked()
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        threads.gate.set()
    assert threads.asked == 2


async def test_what_is_kept_has_a_bound() -> None:
    """The answers that were asked for longest ago go first."""
    packed = Packed(Threads(), kept=300)
    texts = {tag: bytes(range(256))[: 100 + number] for number, tag in enumerate((b"a", b"b", b"c"))}
    for tag, data in texts.items():
        assert await packed.get(tag, data) == pack(data)
    await packed.get(b"a", b"anything else: it was asked for long ago and is gone")
    assert await packed.get(b"c", b"never looked at") == pack(texts[b"c"])
