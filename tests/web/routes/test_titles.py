import json
from typing import Any

import pytest

from tests.support.site import Reply, Running, World, running
from web.server.auth import API

HASH = "ab" * 32
NEW = {"hash": HASH, "title": "salt and hours", "model": "m", "original_path": "thoughts/x.md"}
ENTRY = {**NEW, "created": "2026-02-03T17:15:00Z"}


async def post(server: Running, body: bytes) -> Reply:
    return await server.get(f"{API}/titles", "Content-Type: application/json", method="POST", body=body)


async def test_the_first_title_stays(world: World) -> None:
    """201 with the entry; then 409 with the entry that is there; then it can be read."""
    async with running(world) as server:
        assert (await server.get(f"{API}/titles/{HASH}")).status == 404
        first = await post(server, json.dumps({**NEW, "more": 1}).encode())
        second = await post(server, json.dumps({**NEW, "title": "other"}).encode())
        read = await server.get(f"{API}/titles/{HASH}")
        same = await server.get(f"{API}/titles/{HASH}", f"If-None-Match: {read.headers['etag']}")
    assert [first.status, second.status, read.status, same.status] == [201, 409, 200, 304]
    assert first.json() == second.json() == read.json() == ENTRY


@pytest.mark.parametrize("name", ["none", "a" * 5000, "%ff", "%00", "%F0%9F%8C%99"])
async def test_no_title_is_404(world: World, name: str) -> None:
    """Any text may be asked for."""
    async with running(world) as server:
        found = await server.get(f"{API}/titles/{name}")
    assert (found.status, list(found.json())) == (404, ["detail"])


def with_(**changed: Any) -> bytes:
    return json.dumps({key: value for key, value in {**NEW, **changed}.items() if value is not ...}).encode()


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        (b"", "missing", ["body"]),
        (b"{", "json_invalid", ["body", 1]),
        (b"\xff", "json_invalid", ["body", 0]),
        (b"[" * 100_000, "json_invalid", ["body", 0]),
        (b"[]", "model_attributes_type", ["body"]),
        (with_(title=...), "missing", ["body", "title"]),
        (with_(title=None), "string_type", ["body", "title"]),
        (with_(title=1), "string_type", ["body", "title"]),
        (with_(title=""), "string_too_short", ["body", "title"]),
        (with_(title="x" * 501), "string_too_long", ["body", "title"]),
        (with_(title="\ud800"), "string_unicode", ["body", "title"]),
        (with_(title="\0"), "string_unicode", ["body", "title"]),
        (with_(model=10**30), "string_type", ["body", "model"]),
        (with_(hash="x" * 64), "string_pattern_mismatch", ["body", "hash"]),
        (with_(hash=HASH + "\n"), "string_pattern_mismatch", ["body", "hash"]),
    ],
)
async def test_a_wrong_body_is_told(world: World, body: bytes, kind: str, loc: list[Any]) -> None:
    """422 with what is wrong and where, and nothing is written."""
    async with running(world) as server:
        found = await post(server, body)
    assert found.status == 422
    (problem,) = found.json()["detail"]
    assert (problem["type"], problem["loc"]) == (kind, loc)
    assert {"msg", "input"} <= set(problem)
    assert world.titles.titles == {}


async def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    """Each wrong value is a problem of its own."""
    async with running(world) as server:
        found = await post(server, b"{}")
    assert [problem["loc"][1] for problem in found.json()["detail"]] == ["hash", "title", "model", "original_path"]
