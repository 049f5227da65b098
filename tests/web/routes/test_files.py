"""Trees and files over HTTP: shapes, statuses, and that a change shows."""

from typing import Any

import pytest
import trio

from tests.support.site import Running, World, running
from web.server.auth import API

ROOTS = ("sandbox", "projects", "news", "gifts")
NODE = {"name", "path", "type", "size", "extension", "children"}


def every(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(one for child in node["children"] or () for one in every(child))]


@pytest.mark.parametrize("root", ROOTS)
async def test_each_root_has_a_tree_and_files(world: World, root: str) -> None:
    """What the tree names can be read; every node has all six keys."""
    world.write(f"{root}/loom/n.py", "print(1)\n")
    async with running(world) as server:
        tree = (await server.get(f"{API}/content/{root}")).json()
        file = (await server.get(f"{API}/content/files/{root}/loom/n.py")).json()
    assert set(tree) == {"root", "truncated", "node_count"}
    assert [node["path"] for node in every(tree["root"])] == ["", "loom", "loom/n.py"]
    assert all(set(node) == NODE for node in every(tree["root"]))
    assert file == {
        "path": "loom/n.py",
        "content": "print(1)\n",
        "size": 9,
        "extension": "py",
        "mime_type": "text/x-python",
        "is_binary": False,
    }


@pytest.mark.parametrize("depth", ["0", "21", "x", "", "1.5", "9" * 5000, "%00", "-1"])
async def test_a_wrong_depth_is_told(world: World, depth: str) -> None:
    """422 in the contract's shape: which value, where, why."""
    async with running(world) as server:
        found = await server.get(f"{API}/content/sandbox?depth={depth}")
    assert found.status == 422
    (problem,) = found.json()["detail"]
    assert problem["loc"] == ["query", "depth"]
    assert {"type", "msg", "input"} <= set(problem)


async def test_depth_and_its_default(world: World) -> None:
    """`depth` cuts the tree; without it all is there, and of several the last counts."""
    world.write("sandbox/a/b", "")
    async with running(world) as server:
        for query, count in (("", 3), ("?depth=1", 2), ("?depth=1&depth=20", 3), ("?other=1", 3)):
            assert (await server.get(f"{API}/content/sandbox{query}")).json()["node_count"] == count
        assert (await server.get(f"{API}/content/sandbox?depth=1")).json()["truncated"] is True


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("sandbox/../prompt", 403),
        ("sandbox/%2e%2e/prompt", 403),
        ("sandbox/a%00b", 403),
        ("sandbox/a%2f%2e%2e%2f%2e%2e%2fprompt", 403),
        ("sandbox//etc/passwd", 404),
        ("sandbox/%2fetc/passwd", 404),
        ("sandbox/out", 403),
        ("sandbox/none", 404),
        ("sandbox/.env", 404),
        ("sandbox/.git/config", 404),
        ("sandbox/%ff%fe", 404),
        ("sandbox/" + "a" * 3000, 404),
        ("sandbox/" + "a/" * 2000 + "a", 404),
        ("sandbox/folder", 400),
        ("sandbox/", 404),
        ("sandbox", 404),
        ("thoughts/a.md", 422),
        ("sandbox-private/x", 422),
        ("../x", 422),
        ("gifts/large", 413),
    ],
)
async def test_attacks_and_mistakes(world: World, path: str, status: int) -> None:
    """Every way to ask for what may not be had has its status, and nothing of it in the answer."""
    world.write("prompt", "secret")
    world.write("sandbox-private/x", "secret")
    world.write("sandbox/folder/.git/config", "secret")
    world.write("sandbox/.env", "secret")
    world.write("sandbox/.git/config", "secret")
    world.write("gifts/large", "x" * 1_048_577)
    (world.home / "sandbox" / "out").symlink_to(world.home / "prompt")
    async with running(world) as server:
        found = await server.get(f"{API}/content/files/{path}")
    assert found.status == status
    assert list(found.json()) == ["detail"]
    assert "secret" not in found.text
    assert "root:" not in found.text
    if status == 422:
        assert found.json()["detail"][0]["loc"] == ["path", "root"]


async def body(server: Running, path: str) -> bytes:
    return (await server.get(API + path)).body


async def test_etags_and_changes(world: World) -> None:
    """Trees and files have strong ETags and answer HEAD; a file that changes shows within the promised time."""
    world.write("news/a.md", "one")
    async with running(world) as server:
        for path in ("/content/news", "/content/files/news/a.md"):
            first = await server.get(API + path)
            etag = first.headers["etag"]
            assert (await server.get(API + path, f"If-None-Match: {etag}")).status == 304
            head = await server.get(API + path, method="HEAD")
            assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)
            world.write("news/a.md", "longer " * len(path))
            with trio.fail_after(5):
                while await body(server, path) == first.body:
                    await trio.sleep(0.01)
