import pytest

from tests.support.site import Actor, World, running
from web.server.auth import API


async def test_alive(world: World) -> None:
    """As long as the loop runs, the process is alive; HEAD asks the same."""
    async with running(world) as server:
        found = await server.get(API + "/health/live")
        head = await server.get(API + "/health/live", method="HEAD")
    assert (found.status, found.json()) == (200, {"status": "alive"})
    assert (head.status, head.body) == (200, b"")


async def test_ready_lists_folders_ledger_and_actors(world: World) -> None:
    """The three checks come first, in order and by name only; actors stand after them and never make it 503."""
    world.actors = [Actor("session", "running"), Actor("watcher", "backoff"), Actor("telegram", "stopped")]
    async with running(world) as server:
        found = await server.get(API + "/health/ready")
    assert found.status == 200
    assert found.json() == {
        "status": "ready",
        "checks": [
            {"name": "dir:thoughts", "status": "ok", "message": None},
            {"name": "dir:dreams", "status": "ok", "message": None},
            {"name": "db:sessions.db", "status": "ok", "message": None},
            {"name": "actor:session", "status": "ok", "message": None},
            {"name": "actor:watcher", "status": "failed", "message": "backoff"},
            {"name": "actor:telegram", "status": "ok", "message": None},
        ],
    }
    assert str(world.home) not in found.text


async def test_a_hook_that_keeps_failing_is_told(world: World) -> None:
    """Last of all, by name and number only: what git said may name what is not for everybody."""

    async def failing() -> dict[str, int]:
        return {"git": 4}

    world.change(failing_hooks=failing)
    async with running(world) as server:
        found = await server.get(API + "/health/ready")
    assert found.status == 200
    assert found.json()["checks"][-1] == {
        "name": "hook:git",
        "status": "failed",
        "message": "failed after each of 4 sessions",
    }


@pytest.mark.parametrize("harm", ["missing", "not a folder", "ledger"])
async def test_not_ready_says_why(world: World, harm: str) -> None:
    """A folder that is gone or is none, or a ledger that does not answer, is a 503 with its reason."""
    if harm == "ledger":
        world.ledger = "locked"
    else:
        (world.home / "dreams").rmdir()
        if harm == "not a folder":
            (world.home / "dreams").write_text("")
    async with running(world) as server:
        found = await server.get(API + "/health/ready")
    assert (found.status, found.json()["status"]) == (503, "not_ready")
    failed = [check["message"] for check in found.json()["checks"] if check["status"] == "failed"]
    assert failed == ["locked" if harm == "ledger" else harm]


async def test_only_a_good_answer_is_known_again(world: World) -> None:
    """Who has the last readiness is told so while it holds; one that is not ready is always said in full."""
    async with running(world) as server:
        good = await server.get(API + "/health/ready")
        assert (await server.get(API + "/health/ready", f"If-None-Match: {good.headers['etag']}")).status == 304
        (world.home / "dreams").rmdir()
        bad = await server.get(API + "/health/ready", "If-None-Match: *")
    assert bad.status == 503
    assert "etag" not in bad.headers
