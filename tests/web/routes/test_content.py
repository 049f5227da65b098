import json
import os
from urllib.parse import quote

import pytest

from tests.support.site import World, running
from web.server.auth import API

HEADS = {
    "thoughts": "mood: quiet, held",
    "dreams": "type: ascii\nimmersive: true",
    "essays": "topic: salt",
    "letters": "",
    "scores": "",
    "bookshelf": "purpose: company",
}
FIELDS: dict[str, dict[str, object]] = {
    "thoughts": {"mood": "quiet, held"},
    "dreams": {"type": "ascii", "immersive": True},
    "essays": {"topic": "salt"},
    "letters": {},
    "scores": {},
    "bookshelf": {"purpose": "company"},
}


@pytest.mark.parametrize("kind", HEADS)
async def test_each_kind_has_a_list_and_details(world: World, kind: str) -> None:
    """Every kind of the table is served in the contract's shapes."""
    world.write(f"{kind}/a-slug.md", f"---\ndate: 2026-02-03\ntitle: Salt\n{HEADS[kind]}\n---\n\n ~ ~\n")
    world.rescan()
    meta: dict[str, object] = {"date": "2026-02-03", "title": "Salt", **FIELDS[kind]}
    async with running(world) as server:
        listing = await server.get(f"{API}/content/{kind}")
        detail = await server.get(f"{API}/content/{kind}/a-slug")
        missing = await server.get(f"{API}/content/{kind}/other")
    assert listing.headers["content-type"] == "application/json"
    assert listing.json() == [{"slug": "a-slug", **meta}]
    assert detail.json() == {"slug": "a-slug", "meta": meta, "content": " ~ ~\n"}
    assert missing.status == 404
    assert list(missing.json()) == ["detail"]


async def test_unchanged_is_304(world: World) -> None:
    """Lists and details have a strong ETag; who has it gets no body, and a change makes it another."""
    world.thought("a", date="2026-02-03", title="One")
    world.rescan()
    async with running(world) as server:
        for path in ("/content/thoughts", "/content/thoughts/a"):
            first = await server.get(API + path)
            etag = first.headers["etag"]
            assert etag.startswith('"')
            for brought in (etag, f'"x", W/{etag}', "*"):
                same = await server.get(API + path, f"If-None-Match: {brought}")
                assert (same.status, same.body, same.headers["etag"]) == (304, b"", etag)
            other = await server.get(API + path, 'If-None-Match: "other"')
            assert other.body == first.body
        world.thought("a", date="2026-02-03", title="Two")
        world.rescan()
        changed = await server.get(API + "/content/thoughts", f"If-None-Match: {etag}")
        assert changed.json()[0]["title"] == "Two"


async def test_head_is_get_without_a_body(world: World) -> None:
    """HEAD answers with the headers of GET."""
    async with running(world) as server:
        get = await server.get(API + "/content/thoughts")
        head = await server.get(API + "/content/thoughts", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == get.headers[name]


async def test_a_detail_is_never_stale(world: World) -> None:
    """A file that is new, changed or gone since the snapshot is answered as it is on disk."""
    world.thought("a", date="2026-02-03", title="One")
    world.rescan()
    async with running(world) as server:
        world.thought("a", date="2026-02-03", title="Two, longer")
        world.thought("b", date="2026-02-03", title="New")
        changed = await server.get(API + "/content/thoughts/a")
        new = await server.get(API + "/content/thoughts/b")
        (world.home / "thoughts" / "a.md").unlink()
        gone = await server.get(API + "/content/thoughts/a")
    assert changed.json()["meta"]["title"] == "Two, longer"
    assert new.json()["meta"]["title"] == "New"
    assert gone.status == 404


async def test_a_file_that_is_no_text_is_404_and_logged(world: World) -> None:
    """What can't be shown at all is not there for readers, and the log says why; a flaw is no such thing."""
    world.write("thoughts/odd.md", "---\ndate: soon\n---\n")
    (world.home / "thoughts" / "bad.md").write_bytes(b"\x89PNG\r\n\x1a\n")
    world.rescan()
    async with running(world) as server:
        assert (await server.get(API + "/content/thoughts/bad")).status == 404
        assert [item["slug"] for item in (await server.get(API + "/content/thoughts")).json()] == ["odd"]
        odd = await server.get(API + "/content/thoughts/odd")
    assert odd.json()["meta"]["title"] == "Odd"
    assert world.log.named("content_left_out")[0]["reason"] == "no text (a picture, an archive or a program)"


async def test_what_was_guessed_is_not_on_the_wire(world: World) -> None:
    """An entry of which all was guessed has the keys of any other, in the list and by itself."""
    world.write("dreams/odd.md", "words")
    world.rescan()
    async with running(world) as server:
        (item,) = (await server.get(API + "/content/dreams")).json()
        detail = (await server.get(API + "/content/dreams/odd")).json()
    assert set(item) == {"slug", "date", "title", "type", "immersive"}
    assert {"slug": "odd", **detail["meta"]} == item
    assert set(detail) == {"slug", "meta", "content"}


@pytest.mark.parametrize(
    ("slug", "status"),
    [
        ("..", 400),
        ("a%00b", 400),
        ("..%5c..%5cetc", 400),
        ("x..y", 400),
        ("..%2f..%2fetc%2fpasswd", 404),
        ("%2e%2e%2fprompt", 404),
        (".hidden", 404),
        ("a" * 5000, 404),
        ("%ff%fe", 404),
        ("link", 404),
        ("folder", 404),
        ("pipe", 404),
        ("secret", 404),
    ],
)
async def test_no_name_leads_out(world: World, slug: str, status: int) -> None:
    """Attempts to climb are 400 or do not route, odd names and odd files are 404: never a 500, never a leak."""
    world.write("prompt.md", "---\ndate: 2026-02-03\ntitle: T\n---\nsecret")
    world.write("thoughts/.hidden.md", "---\ndate: 2026-02-03\ntitle: T\n---\nsecret")
    (world.home / "thoughts" / "link.md").symlink_to(world.home / "prompt.md")
    (world.home / "thoughts" / "folder.md").mkdir()
    os.mkfifo(world.home / "thoughts" / "pipe.md")
    (world.home / "thoughts" / "secret.md").symlink_to("/etc/passwd")
    world.rescan()
    async with running(world) as server:
        found = await server.get(f"{API}/content/thoughts/{slug}")
    assert found.status == status
    assert list(found.json()) == ["detail"]
    assert "secret" not in found.text.replace("'secret'", "")


async def test_names_in_any_script(world: World) -> None:
    """A slug with dots, blanks or letters of any script is found by its encoded address."""
    slug = "v1.2 früh 朝..x"
    world.thought(slug, date="2026-02-03", title="T")
    world.rescan()
    async with running(world) as server:
        found = await server.get(f"{API}/content/thoughts/{quote(slug)}")
    assert json.loads(found.body)["slug"] == slug
