import re
import tempfile
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from tests.support.site import World, running
from web.app import create_app
from web.server.auth import API, PUBLIC, needs_key
from web.server.gate import SECURITY, one_spelling

SITE = "https://claudehome.dineshd.dev"
KEYED: dict[str, object] = {"http.api_key": "secret"}


@pytest.fixture
def keyed(world: World) -> World:
    return World(world.home, KEYED)


async def test_every_route_of_the_api_asks_the_door(keyed: World) -> None:
    """Each route that exists answers 401 without the key, unless the list of public paths names it."""
    async with running(keyed) as server:
        rules = [rule for rule in server.site.app.url_map.iter_rules() if rule.rule.startswith(API)]
        assert len(rules) > 15
        for rule in rules:
            path = re.sub(r"<[^>]+>", "x", rule.rule)
            methods = (rule.methods or set()) - {"OPTIONS"}
            for method in sorted(methods):
                if path.endswith("/stream") and path in PUBLIC:
                    continue
                found = await server.get(path, method=method)
                assert (found.status == 401) == (path not in PUBLIC), (method, path)


async def test_pages_need_no_key(keyed: World) -> None:
    """People read without a key, also where the API has one."""
    async with running(keyed) as server:
        for path in ("/", "/live", "/thoughts"):
            assert (await server.get(path)).status == 200


async def test_refusals_are_json_and_told_apart(keyed: World) -> None:
    """A missing and a wrong key say so under `error`; bytes that are no text are a wrong key, not a crash."""
    async with running(keyed) as server:
        missing = await server.get(API + "/content/thoughts")
        wrong = await server.get(API + "/content/thoughts", "X-API-Key: nope")
        right = await server.get(API + "/content/thoughts", "X-API-Key: secret")
        odd = await server.ask(
            b"GET /api/v1/content/thoughts HTTP/1.1\r\nHost: x\r\nX-API-Key: \xff\xfe\r\nConnection: close\r\n\r\n"
        )
        assert (missing.status, wrong.status, right.status) == (401, 401, 200)
        assert set(missing.json()) == {"error"}
        assert missing.json() != wrong.json()
        assert odd.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "target",
    [
        "http://x/api/v1/content/thoughts",
        "//api/v1/content/thoughts",
        "///api/v1/content/thoughts",
        "/api//v1/content/thoughts",
        "/x/../api/v1/content/thoughts",
        "/%61pi/v1/content/thoughts",
        "x/api/v1/content/thoughts",
    ],
)
async def test_no_spelling_of_a_path_gets_around(keyed: World, target: str) -> None:
    """A whole address in the request line, doubled slashes or dots never reach a gated route without the key."""
    async with running(keyed) as server:
        found = await server.get(target)
        assert found.status in (400, 401, 404)
        assert b'"slug"' not in found.body


PIECES = st.sampled_from(
    ["/", "//", "api", "API", "v1", "content", "thoughts", "x", ".", "..", "http:", "*", "?", " ", "%2f"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_the_router_finds_the_door_has_seen(path: str) -> None:
    """Whatever is asked for: where the router would serve a gated route, the door has asked for the key."""
    spelled = one_spelling(path)
    try:
        rule, _ = adapter_for_all().match(spelled, method="GET", return_rule=True)
    except HTTPException:
        return
    assert needs_key(spelled) == (needs_key(rule.rule) and rule.rule not in PUBLIC)


@cache
def adapter_for_all() -> MapAdapter:
    with tempfile.TemporaryDirectory() as folder:
        return create_app(World(Path(folder)).services).app.url_map.bind("x")


async def test_without_a_key_the_door_is_open_here_only(world: World) -> None:
    """On loopback with no key, a plain request is let in and one that came through a proxy is not."""
    async with running(world) as server:
        assert (await server.get(API + "/content/thoughts")).status == 200
        refused = await server.get(API + "/content/thoughts", "X-Forwarded-For: 127.0.0.1")
        assert refused.status == 403
        assert "error" in refused.json()


async def test_preflight_comes_before_the_key(keyed: World) -> None:
    """A browser of an allowed site is told what it may before anybody asks for a key; another site is not."""
    async with running(keyed) as server:
        ask = ["Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: x-api-key"]
        found = await server.get(API + "/mailbox/read", f"Origin: {SITE}", *ask, method="OPTIONS")
        assert found.status == 200
        assert found.headers["access-control-allow-origin"] == SITE
        assert found.headers["access-control-allow-headers"] == "x-api-key"
        assert "PATCH" in found.headers["access-control-allow-methods"]
        assert found.headers["access-control-max-age"] == "600"
        assert "Origin" in found.headers["vary"]
        other = await server.get(API + "/mailbox/read", "Origin: https://evil.example", *ask, method="OPTIONS")
        assert other.status == 400
        assert "access-control-allow-origin" not in other.headers


async def test_an_allowed_site_reads_refusals_too(keyed: World) -> None:
    """CORS is the outermost layer: a 401 carries its headers, and so do a 404 and a public answer."""
    async with running(keyed) as server:
        for path in ("/content/thoughts", "/health/live", "/nothing"):
            found = await server.get(API + path, f"Origin: {SITE}")
            assert found.headers["access-control-allow-origin"] == SITE
            assert found.headers["access-control-allow-credentials"] == "true"
            assert found.headers["access-control-expose-headers"] == "X-Request-ID"
        plain = await server.get(API + "/health/live", "Origin: https://evil.example")
        assert plain.status == 200
        assert "access-control-allow-origin" not in plain.headers


async def test_every_answer_has_an_id_and_one_line_in_the_log(world: World) -> None:
    """A request id is on the answer and in the log's one line; the two health paths are not logged."""
    async with running(world) as server:
        first = await server.get("/nowhere?secret=1")
        second = await server.get(API + "/health/live")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    for name, value in SECURITY:
        assert first.headers[name.decode()] == value.decode()
    lines = world.log.named("http_request")
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/nowhere", 404, "127.0.0.1")
    assert line["request_id"] == first.headers["x-request-id"]
    assert isinstance(line["duration_ms"], float)


async def test_errors_are_json_in_the_api(world: World) -> None:
    """Unknown paths, wrong methods and too long bodies answer JSON under `detail`."""
    async with running(world) as server:
        unknown = await server.get(API + "/nothing")
        method = await server.get(API + "/health/live", method="DELETE")
        assert (unknown.status, unknown.json()) == (404, {"detail": "Not Found"})
        assert (method.status, method.json()) == (405, {"detail": "Method Not Allowed"})
        assert "GET" in method.headers["allow"]


async def test_an_error_in_a_handler_is_one_answer(world: World) -> None:
    """A handler's error is a 500 with JSON for the API and a page for people, and the server goes on."""
    world.slots = None  # type: ignore[assignment]  # what makes the pages fail
    world.actors = None  # type: ignore[assignment]  # and readiness
    async with running(world) as server:
        api = await server.get(API + "/health/ready")
        page = await server.get("/live")
        assert (api.status, api.json()) == (500, {"detail": "Internal Server Error"})
        assert page.status == 500
        assert "Something went wrong" in page.text
        assert (await server.get(API + "/health/live")).status == 200
    assert len(world.log.named("http_handler_failed")) == 2


async def test_websockets_ask_the_door_too(keyed: World) -> None:
    """There is no WebSocket yet, and one to the API is refused before anything looks at it."""
    async with running(keyed) as server:
        upgrade = (
            b"GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        for path in (b"/api/v1/admin/live", b"/live"):
            found = await server.ask(upgrade % path)
            assert found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 403 "))
        assert (await server.get(API + "/health/live")).status == 200
