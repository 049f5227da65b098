import json
from typing import Any

import pytest

from tests.support.site import Running, World, running
from web.routes.echoes import MANIFEST
from web.server.auth import API

ECHO: dict[str, Any] = {
    "content_type": "dreams",
    "slug": "tide-table",
    "title": "Tide table",
    "date": "2026-02-01",
    "similarity": 0.83,
}


def write(world: World, echoes: object) -> None:
    world.write(str(MANIFEST), json.dumps({"echoes": echoes}))


async def ask(server: Running, what: str = "thoughts/a") -> Any:
    reply = await server.get(f"{API}/echoes/{what}")
    assert (reply.status, list(reply.json())) == (200, ["echoes"])
    return reply.json()["echoes"]


async def test_echoes_in_the_manifests_order(world: World) -> None:
    """The contract's example, for each kind of content that has echoes."""
    other = {**ECHO, "slug": "b", "similarity": 1}
    write(world, {f"{kind}/a": [ECHO, other] for kind in ("thoughts", "dreams", "essays", "letters", "scores")})
    async with running(world) as server:
        for kind in ("thoughts", "dreams", "essays", "letters", "scores"):
            assert await ask(server, f"{kind}/a") == [ECHO, other]


@pytest.mark.parametrize(
    "what", ["thoughts/none", "bookshelf/a", "nothing/a", "thoughts/%00", "%ff/%ff", "thoughts/.."]
)
async def test_others_have_none(world: World, what: str) -> None:
    """Unknown types and slugs are an empty list."""
    write(world, {"bookshelf/a": [ECHO], "nothing/a": [ECHO]})
    async with running(world) as server:
        assert await ask(server, what) == []


async def test_odd_items_are_left_out(world: World) -> None:
    """One bad item would cost the client all of them: it is dropped, and a likeness beyond 1 is 1."""
    odd: list[Any] = [
        None,
        {},
        {**ECHO, "slug": ""},
        {**ECHO, "title": ""},
        {**ECHO, "date": "soon"},
        {**ECHO, "date": "20260201"},
        {**ECHO, "content_type": "bookshelf"},
        {**ECHO, "similarity": "1"},
        {**ECHO, "similarity": True},
        {**ECHO, "similarity": float("nan")},
        {key: value for key, value in ECHO.items() if key != "title"},
    ]
    write(world, {"thoughts/a": [*odd, {**ECHO, "similarity": 1.0000001, "more": 1}, {**ECHO, "similarity": -0.1}]})
    async with running(world) as server:
        assert await ask(server) == [{**ECHO, "similarity": 1.0}, {**ECHO, "similarity": 0.0}]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"echoes": []}', '{"echoes": {"thoughts/a": {}}}', "[" * 100_000])
async def test_a_manifest_that_is_none(world: World, text: str) -> None:
    """No echoes, and no error."""
    world.write(str(MANIFEST), text)
    async with running(world) as server:
        assert await ask(server) == []


async def test_the_manifest_is_read_again_when_it_changes(world: World) -> None:
    """Made, changed and taken away while the server runs; ETags follow."""
    async with running(world) as server:
        assert await ask(server) == []
        write(world, {"thoughts/a": [ECHO]})
        assert await ask(server) == [ECHO]
        etag = (await server.get(f"{API}/echoes/thoughts/a")).headers["etag"]
        assert (await server.get(f"{API}/echoes/thoughts/a", f"If-None-Match: {etag}")).status == 304
        write(world, {"thoughts/a": [ECHO, ECHO]})
        assert await ask(server) == [ECHO, ECHO]
        (world.home / MANIFEST).unlink()
        assert await ask(server) == []


async def test_one_path_with_and_without_a_slash(world: World) -> None:
    """A slash at the end changes nothing; a part too few or too many is no path."""
    write(world, {"thoughts/a": [ECHO]})
    async with running(world) as server:
        assert await ask(server, "thoughts/a/") == [ECHO]
        for wrong in ("", "/thoughts", "/thoughts/", "//a", "/thoughts/a/b", "/thoughts//"):
            assert (await server.get(f"{API}/echoes{wrong}")).status == 404, wrong


async def test_the_framework_is_not_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Echoes are among what is asked most: they are answered before the framework sees them."""
    write(world, {"thoughts/a": [ECHO]})

    async def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("quart_trio.QuartTrio.handle_request", never)
    async with running(world) as server:
        assert await ask(server) == [ECHO]
        assert (await server.get(f"{API}/echoes/thoughts/a", method="HEAD")).status == 200
