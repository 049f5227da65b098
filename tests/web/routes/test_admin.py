"""POST /admin/wake: accepted with its id, refused in the shapes of the contract."""

import json
from typing import Any

import pytest

from runner.operator.wakes import Admitted
from runner.triggers.intake import NotNow
from tests.support.site import Reply, Running, World, running
from web.server.auth import API

WAKE = API + "/admin/wake"


def asked(world: World) -> list[tuple[str, str]]:
    """Let the site take in wakes; gives what it was asked for."""
    found: list[tuple[str, str]] = []

    async def admit(kind: str, prompt: str) -> Admitted:
        found.append((kind, prompt))
        waiting = "session" if kind == "visit" else None
        return Admitted(session_id="20260203-121500", log_file="/l", status="queued", waiting_for=waiting)

    world.change(admit=admit)
    return found


async def post(server: Running, body: object, *headers: str) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await server.get(WAKE, "Content-Type: application/json", *headers, method="POST", body=raw)


async def test_a_wake_is_accepted_with_its_id(world: World) -> None:
    """202 with the allotted id and its log; `waiting_for` stands there only when somebody is waited for."""
    wanted = asked(world)
    async with running(world) as server:
        plain = await post(server, {})
        asking = await post(server, {"session_type": "visit", "prompt": "--dry-run\n## Response"})
        longest = await post(server, {"session_type": "dusk", "prompt": "x" * 20_000})
        null = await post(server, {"prompt": None})
    assert [reply.status for reply in (plain, asking, longest, null)] == [202] * 4
    assert plain.json() == {"success": True, "session_id": "20260203-121500", "log_file": "/l", "status": "queued"}
    assert asking.json()["waiting_for"] == "session"
    assert wanted == [("custom", ""), ("visit", "--dry-run\n## Response"), ("dusk", "x" * 20_000), ("custom", "")]


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        (b"", "missing", ["body"]),
        (b'{"a": ', "json_invalid", ["body", 6]),
        (b"\xff\xfe", "json_invalid", ["body", 0]),
        (b"[" * 20_000, "json_invalid", ["body", 0]),
        ([], "model_attributes_type", ["body"]),
        ({"session_type": "telegram"}, "enum", ["body", "session_type"]),
        ({"session_type": 5}, "enum", ["body", "session_type"]),
        ({"session_type": None}, "enum", ["body", "session_type"]),
        ({"prompt": 5}, "string_type", ["body", "prompt"]),
        ({"prompt": "x" * 20_001}, "string_too_long", ["body", "prompt"]),
        ({"prompt": "a\0b"}, "string_unicode", ["body", "prompt"]),
        (b'{"prompt": "\\ud800"}', "string_unicode", ["body", "prompt"]),
    ],
)
async def test_a_wrong_body_is_422(world: World, body: Any, kind: str, loc: list[object]) -> None:
    """What is wrong is named by type and place, and nothing is accepted."""
    wanted = asked(world)
    async with running(world) as server:
        found = await post(server, body)
    assert found.status == 422, found.text
    (problem,) = found.json()["detail"]
    assert (problem["type"], problem["loc"]) == (kind, loc)
    assert problem["msg"]
    assert wanted == []


async def test_everything_wrong_is_told_at_once(world: World) -> None:
    """Two wrong fields are two entries, and what is allowed is named."""
    async with running(world) as server:
        found = await post(server, {"session_type": "x", "prompt": []})
    first, second = found.json()["detail"]
    assert "late_night" in first["ctx"]["expected"]
    assert second["loc"] == ["body", "prompt"]


async def test_paused_is_409_and_stopping_503(world: World) -> None:
    """While none is taken the reason is told; a stopping process says when to come back."""

    async def paused(_kind: str, _prompt: str) -> Admitted:
        raise NotNow("scheduled wakes are paused")

    world.change(admit=paused)
    async with running(world) as server:
        found = await post(server, {})
    assert (found.status, found.json()) == (409, {"detail": "scheduled wakes are paused"})
    world.change(stopping=lambda: True)
    async with running(world) as server:
        found = await post(server, {})
    assert (found.status, found.headers["retry-after"]) == (503, "5")


async def test_the_service_key_guards_it(world: World) -> None:
    """Without the key, and with a wrong one, nobody is woken."""
    world.overrides["http.api_key"] = "key-of-the-test"
    world.__attrs_post_init__()
    wanted = asked(world)
    async with running(world) as server:
        assert (await post(server, {})).status == 401
        assert (await post(server, {}, "X-API-Key: wrong")).status == 401
        assert wanted == []
        assert (await post(server, {}, "X-API-Key: key-of-the-test")).status == 202
