"""Search as clients of the API ask for it."""

import attrs
import pytest

from runner.search import Found, SearchIndex, SearchQuery
from tests.support.site import World, running
from web.server.auth import API

SEARCH = API + "/search"


def indexed(world: World) -> World:
    """Let the site search what is on disk now."""
    index = SearchIndex(world.home / "data" / "search.db")
    world.rescan()
    index.put(world.catalogue, index.behind(world.catalogue))

    async def search(wanted: SearchQuery) -> Found:
        return index.search(wanted)

    world.services = attrs.evolve(world.services, search=search)
    return world


def entries(world: World) -> None:
    world.thought("a", date="2026-02-01", title="Tide table", mood="calm", body="the low water kept its own hours\n")
    world.write("dreams/d.md", "---\ndate: 2026-02-02\ntitle: Ebb\ntype: ascii\n---\n\nlow <b>tide</b>\n")
    world.write("essays/e.md", "---\ndate: 2026-02-03\ntitle: Of tides\n---\n\nlow\n")


async def test_the_shape_of_an_answer(world: World) -> None:
    """Keys, types and markers are those of the contract."""
    entries(world)
    async with running(indexed(world)) as server:
        found = (await server.get(SEARCH + "?q=low+tide")).json()
    assert list(found) == ["query", "results", "total", "limit", "offset"]
    assert (found["query"], found["total"], found["limit"], found["offset"]) == ("low tide", 2, 20, 0)
    first = found["results"][0]
    assert list(first) == ["slug", "title", "result_type", "date", "snippet", "score", "mood", "dream_type"]
    assert (first["slug"], first["title"], first["mood"]) == ("a", "<mark>Tide</mark> table", "calm")
    dream = found["results"][1]
    assert (dream["result_type"], dream["dream_type"], dream["mood"]) == ("dream", "ascii", None)
    assert dream["snippet"] == "<mark>low</mark> &lt;b&gt;<mark>tide</mark>&lt;/b&gt;"
    assert first["score"] <= dream["score"] <= 0


@pytest.mark.parametrize(
    ("kind", "slugs"), [("all", "ad"), ("thought", "a"), ("dream", "d"), ("essay", "e"), ("everything", "ade")]
)
async def test_what_each_type_means(world: World, kind: str, slugs: str) -> None:
    """`all` is thoughts and dreams as ever; wider and narrower ones are asked for by name."""
    entries(world)
    async with running(indexed(world)) as server:
        found = (await server.get(f"{SEARCH}?q=tide&type={kind}")).json()
    assert {hit["slug"] for hit in found["results"]} == set(slugs)


@pytest.mark.parametrize(
    ("query", "name", "problem"),
    [
        ("", "q", "missing"),
        ("?q=", "q", "string_too_short"),
        ("?q=" + "x" * 201, "q", "string_too_long"),
        ("?q=a&type=thoughts", "type", "enum"),
        ("?q=a&mode=guess", "mode", "enum"),
        ("?q=a&limit=0", "limit", "greater_than_equal"),
        ("?q=a&limit=51", "limit", "less_than_equal"),
        ("?q=a&limit=ten", "limit", "int_parsing"),
        ("?q=a&offset=-1", "offset", "greater_than_equal"),
    ],
)
async def test_what_is_out_of_range_is_422(world: World, query: str, name: str, problem: str) -> None:
    """Each wrong value is named with what is allowed, in the shape of validation errors."""
    async with running(world) as server:
        found = await server.get(SEARCH + query)
    assert found.status == 422
    (one,) = found.json()["detail"]
    assert (one["type"], one["loc"]) == (problem, ["query", name])


@pytest.mark.parametrize("query", ["q=%20", "q=%00", "q=a&offset=99999999999999999999", "q=%ff", "q=" + "%22%27(" * 20])
async def test_odd_questions_find_nothing(world: World, query: str) -> None:
    """No question inside the limits is an error."""
    entries(world)
    async with running(indexed(world)) as server:
        found = await server.get(f"{SEARCH}?{query}")
    assert (found.status, found.json()["results"]) == (200, [])


async def test_an_answer_has_a_tag_and_head_works(world: World) -> None:
    """Who has the answer already is told so; HEAD is the answer without its body."""
    entries(world)
    async with running(indexed(world)) as server:
        found = await server.get(SEARCH + "?q=tide")
        assert (await server.get(SEARCH + "?q=tide", f"If-None-Match: {found.headers['etag']}")).status == 304
        head = await server.get(SEARCH + "?q=tide", method="HEAD")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", found.headers["etag"])


@pytest.mark.parametrize("mode", ["meaning", "both"])
async def test_meaning_says_why_it_is_not_there(world: World, mode: str) -> None:
    """Until there is a semantic index, asking by meaning is 503 with the reason; words are never refused."""
    async with running(world) as server:
        found = await server.get(f"{SEARCH}?q=tide&mode={mode}")
        assert (await server.get(f"{SEARCH}?q=tide&mode=words")).status == 200
    assert found.status == 503
    assert "semantic index" in found.json()["detail"]
    assert int(found.headers["retry-after"]) > 0


async def test_meaning_and_words_are_blended(world: World) -> None:
    """Once the indexer can say what is near, `meaning` shows its order, and `both` what is high in either list."""
    entries(world)
    asked: list[SearchQuery] = []

    async def near(wanted: SearchQuery) -> list[tuple[str, str]]:
        asked.append(wanted)
        return [("dreams", "d"), ("thoughts", "gone"), ("thoughts", "a")]

    indexed(world).change(meaning=near)
    async with running(world) as server:
        meaning = (await server.get(SEARCH + "?q=harbour&mode=meaning&type=everything")).json()
        both = (await server.get(SEARCH + "?q=kept&mode=both&type=everything")).json()
        second = (await server.get(SEARCH + "?q=kept&mode=both&type=everything&limit=1&offset=1")).json()
    assert [hit["slug"] for hit in meaning["results"]] == ["d", "a"]
    assert meaning["results"][0]["snippet"] == "low &lt;b&gt;tide&lt;/b&gt;"
    assert [hit["slug"] for hit in both["results"]] == ["a", "d"], "the first is in both lists"
    assert "<mark>kept</mark>" in both["results"][0]["snippet"]
    assert (both["total"], second["total"]) == (2, 2)
    assert second["results"] == both["results"][1:2]
    assert [wanted.limit for wanted in asked] == [20, 20, 2]
