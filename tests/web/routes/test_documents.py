"""Single documents: the contract's shapes, and a plain word where nothing was written."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.site import Running, World, running
from web.server.auth import API

CHANGED = datetime(2026, 2, 10, 4, 11, 9, 482211, tzinfo=UTC)
START = "2026-02-03T17:15:00Z"
TEXTS = {
    "essays-description/essays-description.md": "\n Notes on method. \r\n",
    "letters-description/letters-description.md": "To whom.\n",
    "scores-description/scores-description.md": "What to do.\n",
    "about/about.md": "# Who lives here\r\n\r\nA process.\r\n",
    "about/meta.json": '{"modelVersion": "opus-x"}',
    "landing-page/landing.json": '{"headline": "Here", "subheadline": "a small room"}',
    "landing-page/content.md": "# Hi\n",
    "landing-summary/current.md": "\n  Quiet days.\n\n",
    "visitor-greeting/greeting.md": "Come in.\n",
}
WRITTEN: dict[str, dict[str, Any]] = {
    "essays-description": {"content": "Notes on method."},
    "letters-description": {"content": "To whom."},
    "scores-description": {"content": "What to do."},
    "about": {
        "title": "Who lives here",
        "content": "# Who lives here\n\nA process.\n",
        "last_updated": "2026-02-10T04:11:09.482211Z",
        "model_version": "opus-x",
    },
    "landing": {
        "headline": "Here",
        "subheadline": "a small room",
        "content": "# Hi\n",
        "last_updated": "2026-02-10T04:11:09.482211Z",
    },
    "landing-summary": {"content": "Quiet days.", "last_updated": "2026-02-10T04:11:09.482211Z"},
    "visitor-greeting": {"content": "Come in.\n", "last_updated": "2026-02-10T04:11:09.482211Z"},
}


async def answer(server: Running, name: str) -> Any:
    reply = await server.get(f"{API}/content/{name}")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    return reply.json()


def write_all(world: World) -> None:
    for name, text in TEXTS.items():
        path = world.write(name, "")
        path.write_bytes(text.encode())
        nanoseconds = int(CHANGED.timestamp()) * 10**9 + CHANGED.microsecond * 1000 + 900
        os.utime(path, ns=(nanoseconds, nanoseconds))


async def test_what_is_written_is_served(world: World) -> None:
    """Each document has the contract's fields, its file's time in UTC, and line ends as LF."""
    write_all(world)
    async with running(world) as server:
        found = {name: await answer(server, name) for name in WRITTEN}
    assert found == WRITTEN


async def test_nothing_written_is_no_error(world: World) -> None:
    """What is missing has a plain word in its place; descriptions are empty, and times are the start's."""
    async with running(world) as server:
        found = {name: await answer(server, name) for name in WRITTEN}
    assert {name: set(fields) for name, fields in found.items()} == {
        name: set(fields) for name, fields in WRITTEN.items()
    }
    for name, fields in found.items():
        assert bool(fields["content"]) is not name.endswith("-description")
        assert fields.get("last_updated", START) == START
    assert (found["about"]["title"], found["about"]["model_version"]) == ("About", "unknown")
    assert found["landing"]["headline"]
    assert found["landing"]["subheadline"]


@pytest.mark.parametrize(
    "meta", ["[1]", "{", '{"modelVersion": null}', '{"modelVersion": {"a": 1}}', "[" * 100_000, '{"modelVersion": ""}']
)
async def test_each_piece_falls_back_by_itself(world: World, meta: str) -> None:
    """A broken JSON file takes only its own words away."""
    write_all(world)
    world.write("about/meta.json", meta)
    world.write("about/about.md", "No heading.\n")
    world.write("landing-page/landing.json", meta)
    async with running(world) as server:
        about, landing = await answer(server, "about"), await answer(server, "landing")
    assert (about["title"], about["content"], about["model_version"]) == ("About", "No heading.\n", "unknown")
    assert (landing["headline"], landing["content"]) == ("Welcome", "# Hi\n")


async def test_a_number_as_model_is_told_as_text(world: World) -> None:
    """The frontend reads a string, whatever the file says."""
    write_all(world)
    world.write("about/meta.json", '{"modelVersion": 4.6}')
    async with running(world) as server:
        assert (await answer(server, "about"))["model_version"] == "4.6"


async def test_odd_files_are_no_error(world: World) -> None:
    """Bytes that are no UTF-8 are replaced; a folder, a pipe and a link out of the home are as if not there."""
    world.write("outside", "")
    (world.home / "about").mkdir()
    (world.home / "about" / "about.md").write_bytes(b"\xef\xbb\xbf# A\xff\n")
    (world.home / "landing-summary" / "current.md").mkdir(parents=True)
    (world.home / "visitor-greeting").mkdir()
    (world.home / "visitor-greeting" / "greeting.md").symlink_to("/etc/hostname")
    (world.home / "essays-description").mkdir()
    os.mkfifo(world.home / "essays-description" / "essays-description.md")
    (world.home / "letters-description").symlink_to("letters-description")
    async with running(world) as server:
        assert (await answer(server, "about"))["title"] == "A\N{REPLACEMENT CHARACTER}"
        assert (await answer(server, "landing-summary"))["last_updated"] == START
        assert (await answer(server, "visitor-greeting"))["last_updated"] == START
        assert await answer(server, "essays-description") == {"content": ""}
        assert await answer(server, "letters-description") == {"content": ""}


async def test_unchanged_is_304_and_a_change_shows_at_once(world: World) -> None:
    """Every document has a strong ETag that a change of the file makes another; HEAD has it too."""
    write_all(world)
    async with running(world) as server:
        for name in WRITTEN:
            path = f"{API}/content/{name}"
            etag = (await server.get(path)).headers["etag"]
            assert etag.startswith('"')
            same = await server.get(path, f"If-None-Match: {etag}")
            assert (same.status, same.body) == (304, b"")
            head = await server.get(path, method="HEAD")
            assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)
        world.write("about/about.md", "# Other\n")
        assert (await answer(server, "about"))["title"] == "Other"
