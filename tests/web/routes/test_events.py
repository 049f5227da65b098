import pytest
import trio

from runner.content import Change, change_event
from tests.support.site import Viewer, World, running
from web.api import openapi
from web.api.describe import unserved
from web.server.auth import API

STREAM = API + "/events/stream"


def tell(world: World, kind: str, slug: str, action: str = "created") -> None:
    topic, name, data = change_event(world.catalogue, Change(kind, slug, action), world.now)
    world.hub.writer().commit(topic, name, data)


async def test_one_topic_or_all(world: World) -> None:
    """A topic's follower gets its changes, the default is everything but the session."""
    async with running(world) as server:
        dreams = await Viewer.join(server, STREAM + "?topic=dreams")
        everything = await Viewer.join(server, STREAM)
        tell(world, "thoughts", "a")
        world.hub.writer().commit("session", "session.start", b"{}", session="s")
        tell(world, "dreams", "b", "deleted")
        found = await everything.events(2)
        assert [name for name, _ in found] == ["thought.created", "dream.deleted"]
        assert found[0][1]["topic"] == "thoughts"
        event = await dreams.event()
        assert event is not None
        assert (event[0], event[1]["slug"], event[1]["path"]) == ("dream.deleted", "b", "b.md")


async def test_an_unknown_topic_is_422(world: World) -> None:
    """A topic that does not exist is refused in the shape of validation errors, naming what is allowed."""
    async with running(world) as server:
        found = await server.get(STREAM + "?topic=nothing")
    assert found.status == 422
    problem = found.json()["detail"][0]
    assert problem["loc"] == ["query", "topic"]
    assert "thoughts" in problem["msg"]
    assert problem["input"] == "nothing"


async def test_a_client_that_comes_back_misses_nothing(world: World) -> None:
    """With the last id it saw, a client gets what came since; with one of another life it is told of a gap."""
    async with running(world) as server:
        for slug in ("a", "b", "c"):
            tell(world, "thoughts", slug)
        back = await Viewer.join(server, STREAM, "Last-Event-ID: boot-1")
        assert [data["slug"] for _, data in await back.events(2)] == ["b", "c"]
        lost = await Viewer.join(server, STREAM, "Last-Event-ID: other-1")
        assert await lost.event() == ("gap", {"count": None, "reason": "restart"})


async def test_the_last_id_may_stand_in_the_address(world: World) -> None:
    """For a client that can send no header `lastEventId` means the same; where both are there the header counts."""
    async with running(world) as server:
        for slug in ("a", "b", "c"):
            tell(world, "thoughts", slug)
        back = await Viewer.join(server, STREAM + "?lastEventId=boot-1")
        assert [data["slug"] for _, data in await back.events(2)] == ["b", "c"]
        both = await Viewer.join(server, STREAM + "?topic=thoughts&lastEventId=boot-1", "Last-Event-ID: boot-2")
        assert [data["slug"] for _, data in await both.events(1)] == ["c"]
        tell(world, "dreams", "d")
        tell(world, "thoughts", "e")
        event = await both.event()
        assert event is not None
        assert event[1]["slug"] == "e"


@pytest.mark.parametrize("odd", ["other-1", "boot-9", "boot-", "boot", "1", "boot-" + "0" * 5000, "boot-%D9%A1", "%00"])
async def test_an_odd_last_id_is_a_gap_wherever_it_stands(world: World, odd: str) -> None:
    """Whatever it is, in the header or in the address, the stream begins, with the word that something was missed."""
    async with running(world) as server:
        tell(world, "thoughts", "a")
        asked = await Viewer.join(server, f"{STREAM}?lastEventId={odd}")
        sent = await Viewer.join(server, STREAM, f"Last-Event-ID: {odd.replace('%00', 'x')}")
        for viewer in (asked, sent):
            assert await viewer.event() == ("gap", {"count": None, "reason": "restart"})


def test_both_ways_to_go_on_are_described() -> None:
    """The document of the API names the header and its stand-in in the address."""
    operation = openapi.document(unserved())["paths"][STREAM]["get"]
    parameters = {(one["in"], one["name"]) for one in operation["parameters"]}
    assert parameters == {("query", "topic"), ("query", "lastEventId"), ("header", "Last-Event-ID")}


async def test_ids_are_on_the_wire(world: World) -> None:
    """Each event carries the id that a browser comes back with."""
    async with running(world) as server, await server.connect() as stream:
        await stream.send_all(f"GET {STREAM} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        raw = b""
        with trio.fail_after(5):
            while b": open" not in raw:
                raw += await stream.receive_some(65536)
            tell(world, "thoughts", "a")
            while b"id: boot-1\nevent: thought.created\n" not in raw:
                raw += await stream.receive_some(65536)


async def test_events_have_a_cap_of_their_own(world: World) -> None:
    """The cap of file events is its own setting and its own count."""
    world = World(world.home, {"events.max_subscribers": 1})
    async with running(world) as server:
        await Viewer.join(server, STREAM)
        assert (await server.get(STREAM)).status == 503
        assert (await Viewer.join(server)).status == 200
