"""The document of the API: complete, true to the contract's table, and shown only where it may be."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.support import examples
from tests.support.site import World, running
from web.api import openapi
from web.api.describe import main, unserved
from web.server.auth import API, needs_key

# http-api.md, section 0.7, as it stands there: number, methods, paths, who may
TABLE = """
1-2 GET /health/live, /health/ready -
3-4 GET /content/thoughts, /content/thoughts/{slug} K
5-6 GET /content/dreams, /content/dreams/{slug} K
7-9 GET /content/essays, /content/essays/{slug}, /content/essays-description K
10-12 GET /content/letters, /content/letters/{slug}, /content/letters-description K
13-15 GET /content/scores, /content/scores/{slug}, /content/scores-description K
16-17 GET /content/bookshelf, /content/bookshelf/{slug} K
18-21 GET /content/about, /content/landing, /content/landing-summary, /content/visitor-greeting K
22-25 GET /content/sandbox, /content/projects, /content/news, /content/gifts K
26 GET /content/files/{root}/{path} K
27-28 GET /session/status, /session/stream -
29 GET /search -
30 GET /analytics -
31 POST /visitors K
32-33 POST /messages, /messages/with-image T
34-35 POST /mailbox/register, /mailbox/reset-password T
36 POST /mailbox/login P
37-38 GET /mailbox/status, /mailbox/thread S
39 PATCH /mailbox/read S
40 POST /mailbox/send S
41 GET /mailbox/attachments/{username}/{filename} S
42 GET /events/stream K
43 GET /echoes/{content_type}/{slug} K
44-47 POST /admin/wake, /admin/news, /admin/gifts, /admin/readings K
48 GET /admin/conversations K
49 GET /titles/{hash} K
50 POST /titles K
51 POST /moderation/log K
"""
READS = {*range(1, 31), 42, 43, 49, 50}
"""The numbers of the routes that read what the resident has written, and of those beside them."""


def table() -> dict[int, tuple[str, str, bool]]:
    """Number → method, path, whether the service key is needed."""
    found: dict[int, tuple[str, str, bool]] = {}
    for line in TABLE.strip().splitlines():
        numbers, method, *paths, who = line.replace(",", "").split()
        first = int(numbers.split("-")[0])
        for offset, path in enumerate(paths):
            found[first + offset] = (method, API + path, who == "K")
    return found


def served(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def test_the_table_is_whole() -> None:
    """All 51 rows were read."""
    assert sorted(table()) == list(range(1, 52))


def test_the_document_has_the_contracts_routes() -> None:
    """Every read route is in it, nothing is in it that the contract doesn't have, and the key is where it says."""
    found = served(openapi.document(unserved()))
    expected = {(method, path): gated for method, path, gated in table().values()}
    assert {table()[number][:2] for number in READS} <= set(found)
    assert set(found) <= set(expected)
    for route, operation in found.items():
        assert bool(operation["security"]) is expected[route], route
        assert needs_key(route[1]) is expected[route], route


def test_every_route_says_what_it_takes_and_gives() -> None:
    """No operation without a summary, answers and a schema for each answer with a body; every name leads somewhere."""
    document = openapi.document(unserved())
    for route, operation in served(document).items():
        assert operation["summary"], route
        assert set(operation["responses"]) - {"default"}, route
        names = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
        assert names == set(re.findall(r"{(\w+)}", route[1])), route
    text = json.dumps(document)
    for name in re.findall(r"#/components/schemas/(\w+)", text):
        assert name in document["components"]["schemas"]
    ids = [operation["operationId"] for operation in served(document).values()]
    assert len(ids) == len(set(ids))


def test_it_can_be_written_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To a file or to the standard output, the same both times."""
    assert main([str(tmp_path / "openapi.json")]) == 0
    assert main([]) == 0
    written = (tmp_path / "openapi.json").read_text(encoding="utf-8")
    assert written == capsys.readouterr().out
    assert json.loads(written)["openapi"] == "3.1.0"


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_it_is_shown_only_in_debug_and_with_the_key(tmp_path: Path, path: str) -> None:
    """Without API_DEBUG there is nothing; with it, the key is needed."""
    key = f"X-API-Key: {examples.KEY}"
    async with running(World(tmp_path / "a", {"http.api_key": examples.KEY})) as server:
        assert (await server.get(API + path, key)).status == 404
    async with running(World(tmp_path / "b", {"http.api_key": examples.KEY, "http.debug": True})) as server:
        assert (await server.get(API + path)).status == 401
        shown = await server.get(API + path, key)
    assert shown.status == 200
    if path == "/docs":
        assert "https://" not in shown.text
        assert "/api/v1/content/thoughts/{slug}" in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
    else:
        assert shown.json() == openapi.document(unserved())


async def test_the_gate_stands_before_every_route(tmp_path: Path) -> None:
    """Each gated route of the document refuses who has no key, and the wrong key; no public one asks for it."""
    async with running(World(tmp_path, {"http.api_key": examples.KEY})) as server:
        for (method, path), operation in served(openapi.document(server.site.app)).items():
            if path in examples.STREAMS and not operation["security"]:
                continue
            place = re.sub(r"{\w+}", "sandbox", path)
            for headers in ((), ("X-API-Key: wrong",)):
                found = await server.get(place, *headers, method=method)
                assert (found.status == 401) is bool(operation["security"]), (method, path)
                assert found.status != 401 or list(found.json()) == ["error"]


async def test_nothing_is_answered_that_the_document_does_not_tell_of(tmp_path: Path) -> None:
    """Values as declared and values against it: no 5xx, no other status, no other shape than declared."""
    world = World(tmp_path, {"http.api_key": examples.KEY})
    async with running(world) as server:
        document = openapi.document(server.site.app)
        asked = await trio.to_thread.run_sync(lambda: examples.ask_everything(document, server.url, examples=8))
    assert len(asked) == len(served(document)) - len(examples.STREAMS)
    assert world.log.named("http_handler_failed") == []
