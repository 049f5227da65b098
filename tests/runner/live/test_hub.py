import json
import re
from contextlib import ExitStack
from math import inf
from typing import Any

import attrs
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from runner.live import (
    Hub,
    HubClosedError,
    HubLimits,
    HubWriter,
    StaleWriterError,
    Subscriber,
    TooManyViewersError,
    ViewerLimits,
)

SMALL = HubLimits(
    ring_frames=8, ring_bytes=4096, session_bytes=2048, viewer=ViewerLimits(frames=4, size=1024, missed=20)
)


def events(batch: tuple[bytes, ...] | None) -> list[tuple[str, Any]]:
    """Names and data of the frames in a batch."""
    found = re.findall(rb"event: (.*)\ndata: (.*)\n\n", b"".join(batch or ()))
    return [(name.decode(), json.loads(data)) for name, data in found]


def say(writer: HubWriter, event: str, session: str = "s", **data: Any) -> int | None:
    return writer.commit("session", event, json.dumps(data).encode(), session=session)


async def read(subscriber: Subscriber) -> list[tuple[str, Any]]:
    """All that is waiting."""
    found: list[tuple[str, Any]] = []
    while (batch := await subscriber.receive(within=0)) is not None:
        found += events(batch)
    return found


async def test_a_commit_reaches_every_follower_of_its_topic(autojump_clock: MockClock) -> None:
    """Followers of the topic and of everything get the same bytes; others get nothing."""
    hub = Hub("b")
    with hub.subscribe(["thoughts"]) as one, hub.subscribe(["*"]) as all_, hub.subscribe(["dreams"]) as other:
        hub.writer().commit("thoughts", "thought.created", b"{}")
        mine, theirs = await one.receive(), await all_.receive()
        assert mine == theirs == (b"id: b-1\nevent: thought.created\ndata: {}\n\n",)
        assert mine is not None
        assert theirs is not None
        assert mine[0] is theirs[0]
        assert await other.receive(within=5) is None


async def test_silence_is_told_after_the_time_asked_for(autojump_clock: MockClock) -> None:
    """`receive` gives None exactly when a heartbeat is due."""
    began = trio.current_time()
    with Hub("b").subscribe(["session"]) as viewer:
        assert await viewer.receive(within=15) is None
    assert trio.current_time() - began == 15


async def test_a_commit_wakes_a_waiting_viewer(nursery: trio.Nursery) -> None:
    """A viewer that waits is woken by the commit itself, not by its heartbeat."""
    hub = Hub("b")
    got: list[tuple[bytes, ...] | None] = []

    async def watch() -> None:
        with hub.subscribe(["session"]) as viewer:
            got.append(await viewer.receive(within=inf))

    nursery.start_soon(watch)
    await wait_all_tasks_blocked()
    say(hub.writer(), "session.text", text="hi")
    await wait_all_tasks_blocked()
    assert events(got[0]) == [("session.text", {"text": "hi"})]


async def test_a_late_joiner_starts_at_the_first_event() -> None:
    """Joining in mid-session gives full events from the first, one delta for the open block, and then what follows."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start", session_id="s")
    say(writer, "session.delta", text="One")
    say(writer, "session.text", text="One.")
    say(writer, "session.delta", text="Tw")
    say(writer, "session.delta", text="o")
    with hub.subscribe(["session"]) as viewer:
        assert await read(viewer) == [
            ("session.start", {"session_id": "s"}),
            ("session.text", {"text": "One."}),
            ("session.delta", {"text": "Two"}),
        ]
        say(writer, "session.delta", text="!")
        assert await read(viewer) == [("session.delta", {"text": "!"})]


async def test_the_session_is_shown_for_a_while_after_its_end(autojump_clock: MockClock) -> None:
    """Its replay is there for 30 seconds after the end, and then no more."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start")
    say(writer, "session.end")
    await trio.sleep(29)
    assert hub.session() is not None
    with hub.subscribe(["session"]) as viewer:
        assert len(await read(viewer)) == 2
    await trio.sleep(1)
    assert hub.session() is None
    with hub.subscribe(["session"]) as viewer:
        assert await read(viewer) == []


async def test_a_session_that_never_said_its_end_runs_out_too(autojump_clock: MockClock) -> None:
    """The broadcaster can end a session's replay; ending another one changes nothing."""
    hub = Hub("b")
    writer = hub.writer()
    writer.begin_session("s")
    writer.end_session("other")
    await trio.sleep(60)
    assert hub.session() is not None
    writer.end_session("s")
    await trio.sleep(30)
    assert hub.session() is None


async def test_a_connected_viewer_gets_the_next_session() -> None:
    """A viewer that stays sees the next session from its first event, also when it is still reading the last one."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start", "one")
    with hub.subscribe(["session"]) as viewer:
        say(writer, "session.end", "one")
        say(writer, "session.start", "two", session_id="two")
        assert [name for name, _ in await read(viewer)] == ["session.start", "session.end", "session.start"]
    with hub.subscribe(["session"]) as viewer:
        assert await read(viewer) == [("session.start", {"session_id": "two"})]


async def test_an_over_long_session_begins_with_a_gap() -> None:
    """When the first frames of a session made room, a joiner is told how many."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    for number in range(100):
        say(writer, "session.tool", number=number, pad="x" * 50)
    with hub.subscribe(["session"]) as viewer:
        found = await read(viewer)
    name, data = found[0]
    assert name == "gap"
    assert data["count"] + len(found) - 1 == 100
    assert found[1][1]["number"] == data["count"]


async def test_a_slow_viewer_is_told_what_it_missed() -> None:
    """Over the buffer the oldest frames go, and a gap with their exact number stands in their place."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    with hub.subscribe(["thoughts"]) as viewer:
        for number in range(10):
            writer.commit("thoughts", "thought.created", b'{"n":%d}' % number)
        found = await read(viewer)
    assert found[0] == ("gap", {"count": 6, "reason": "slow"})
    assert [data["n"] for _, data in found[1:]] == [6, 7, 8, 9]


async def test_a_slow_viewer_gets_no_deltas_and_no_gap_for_them() -> None:
    """Over half its buffer a viewer gets no more of the open block; the full text follows, and nothing is missing."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    with hub.subscribe(["session"]) as viewer:
        say(writer, "session.tool")
        for text in "abcdef":
            say(writer, "session.delta", text=text)
        assert [name for name, _ in await read(viewer)] == ["session.tool", "session.delta"]
        say(writer, "session.delta", text="g")
        say(writer, "session.text", text="abcdefg")
        say(writer, "session.delta", text="next")
        assert [name for name, _ in await read(viewer)] == ["session.text", "session.delta"]
        assert viewer.lost == 0


async def test_full_events_push_deltas_out_first() -> None:
    """A buffer that fills up lets its deltas go before it loses an event."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    with hub.subscribe(["session"]) as viewer:
        say(writer, "session.delta", text="a")
        for number in range(4):
            say(writer, "session.tool", number=number)
        assert [name for name, _ in await read(viewer)] == ["session.tool"] * 4
        assert viewer.lost == 0


async def test_one_great_frame_gets_through() -> None:
    """A frame larger than a whole buffer still reaches a viewer that keeps up."""
    hub = Hub("b", limits=SMALL)
    with hub.subscribe(["session"]) as viewer:
        say(hub.writer(), "session.text", text="x" * 5000)
        assert len(await read(viewer)) == 1


async def test_a_viewer_that_never_reads_is_cut() -> None:
    """Past its limit a viewer is told and cut, counted, and disturbs no other."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    seen: list[Any] = []
    with hub.subscribe(["thoughts"]) as dead, hub.subscribe(["thoughts"]) as alive:
        for number in range(40):
            writer.commit("thoughts", "thought.created", b'{"n":%d}' % number)
            seen += await read(alive)
        assert [data["n"] for _, data in seen] == list(range(40))
        assert dead.evicted
        assert events(await dead.receive()) == [("gap", {"count": 21, "reason": "slow"})]
        with pytest.raises(trio.EndOfChannel):
            await dead.receive()
        assert hub.statistics().evicted == 1
        assert hub.statistics().viewers == 1


async def test_the_replay_goes_on_after_an_id() -> None:
    """`after` gives what came since, a gap with the number of what is gone, and none for what is still there."""
    hub = Hub("b", limits=SMALL)
    writer = hub.writer()
    for number in range(1, 13):
        writer.commit("thoughts" if number % 2 else "dreams", "x.created", b'{"n":%d}' % number)
    with hub.subscribe(["*"], after="b-9") as viewer:
        assert [data["n"] for _, data in await read(viewer)] == [10, 11, 12]
    with hub.subscribe(["thoughts"], after="b-9") as viewer:
        assert [data["n"] for _, data in await read(viewer)] == [11]
    for number in range(13, 33):
        writer.commit("thoughts", "x.created", b'{"n":%d}' % number)
    with hub.subscribe(["thoughts"], after="b-9") as viewer:
        found = await read(viewer)
        assert found[0] == ("gap", {"count": 13, "reason": "old"})
        assert [data["n"] for _, data in found[1:]] == list(range(25, 33))


@pytest.mark.parametrize("after", ["other-3", "b-99", "b-", "b-x", "nonsense", "b-²"])
async def test_an_unknown_id_is_a_gap(after: str) -> None:
    """An id of another life, or of none, is answered with a gap and then what happens now."""
    hub = Hub("b")
    writer = hub.writer()
    writer.commit("thoughts", "thought.created", b"{}")
    with hub.subscribe(["*"], after=after) as viewer:
        assert await read(viewer) == [("gap", {"count": None, "reason": "restart"})]
        writer.commit("thoughts", "thought.deleted", b"{}")
        assert len(await read(viewer)) == 1


async def test_only_some_events_can_be_wanted() -> None:
    """A filter lets in its events, in the replay of a session as in what follows."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start")
    say(writer, "session.text", text="x")
    say(writer, "session.delta", text="y")
    with hub.subscribe(["session"], only=frozenset({"session.start", "session.end"})) as viewer:
        assert [name for name, _ in await read(viewer)] == ["session.start"]
        say(writer, "session.delta", text="z")
        say(writer, "session.end")
        assert [name for name, _ in await read(viewer)] == ["session.end"]


async def test_a_publication_is_shown_once() -> None:
    """What was committed under the same origin and number is passed over."""
    hub = Hub("b")
    writer = hub.writer()
    assert writer.commit("thoughts", "thought.created", b"{}", once=("watcher-1", 7)) == 1
    assert writer.commit("thoughts", "thought.created", b"{}", once=("watcher-1", 7)) is None
    assert writer.commit("thoughts", "thought.created", b"{}", once=("watcher-2", 7)) == 2
    assert hub.statistics().repeated == 1


async def test_only_the_newest_writer_writes() -> None:
    """An incarnation that is over can't commit behind the back of the next."""
    hub = Hub("b")
    old = hub.writer()
    new = hub.writer()
    with pytest.raises(StaleWriterError):
        say(old, "session.text")
    with pytest.raises(StaleWriterError):
        old.begin_session("s")
    with pytest.raises(StaleWriterError):
        old.end_session("s")
    assert say(new, "session.text") == 1


async def test_everything_is_no_topic_to_write_to() -> None:
    """A frame belongs to one topic."""
    with pytest.raises(ValueError, match="one topic"):
        Hub("b").writer().commit("*", "x", b"{}")


async def test_lost_publications_leave_a_gap() -> None:
    """What a full mailbox displaced is told to viewers and late joiners; a lost delta holds its block back."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start")
    with hub.subscribe(["session"]) as viewer:
        await read(viewer)
        hub.lost("session", "session.tool", session="s", count=2)
        say(writer, "session.delta", text="a")
        hub.lost("session", "session.delta", session="s")
        say(writer, "session.delta", text="c")
        assert await read(viewer) == [("gap", {"count": 2, "reason": "overload"}), ("session.delta", {"text": "a"})]
    with hub.subscribe(["session"]) as late:
        assert [name for name, _ in await read(late)] == ["session.start", "gap"]
    assert hub.statistics().lost == 2


async def test_a_door_can_be_full() -> None:
    """A door lets in so many and no more, and again when one has left."""
    hub = Hub("b")
    with hub.subscribe(["session"], door="d", at_most=1):
        assert hub.statistics().doors == {"d": 1}
        with pytest.raises(TooManyViewersError), hub.subscribe(["session"], door="d", at_most=1):
            pass
    with hub.subscribe(["session"], door="d", at_most=1):
        pass


async def test_closing_ends_all_streams_after_what_was_waiting(nursery: trio.Nursery) -> None:
    """At the end of the process each viewer gets what it has and then the end; nobody joins any more."""
    hub = Hub("b")
    writer = hub.writer()
    with hub.subscribe(["session"]) as viewer, hub.subscribe(["session"]) as waiting:
        say(writer, "session.end")
        hub.close()
        for one in (viewer, waiting):
            assert events(await one.receive()) == [("session.end", {})]
            with pytest.raises(trio.EndOfChannel):
                await one.receive()
    assert say(writer, "session.start") is None
    hub.lost("thoughts", "thought.created")
    with pytest.raises(HubClosedError), hub.subscribe(["session"]):
        pass


async def test_frames_without_a_session_are_shown_and_not_kept() -> None:
    """On the session's topic a frame that belongs to none reaches viewers, and no replay."""
    hub = Hub("b")
    with hub.subscribe(["session"]) as viewer:
        hub.writer().commit("session", "session.note", b"{}")
        assert len(await read(viewer)) == 1
    assert hub.statistics().session_id is None


async def test_statistics_tell_what_is_kept() -> None:
    """The hub's counters are a frozen value of this moment."""
    hub = Hub("b")
    writer = hub.writer()
    say(writer, "session.start")
    writer.commit("thoughts", "thought.created", b"{}")
    found = hub.statistics()
    assert (found.committed, found.session_id, found.session_frames, found.replay_frames) == (2, "s", 1, 1)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        found.committed = 3  # type: ignore[misc]  # that it fails is the point


@settings(max_examples=150, deadline=None)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("publish"), st.integers(0, 300)),
            st.tuples(st.just("delta"), st.integers(0, 300)),
            st.tuples(st.just("read"), st.integers(0, 3)),
            st.tuples(st.just("join"), st.integers(0, 3)),
        ),
        max_size=80,
    ),
    topic=st.sampled_from(["session", "thoughts"]),
)
async def test_each_viewer_sees_each_event_once_or_an_exact_gap(steps: list[tuple[str, int]], topic: str) -> None:
    """Whoever joins and reads whenever: events come in order, none twice, and gaps count exactly what is missing."""
    hub = Hub("b", limits=attrs.evolve(SMALL, viewer=ViewerLimits(frames=4, size=1024, missed=10_000)))
    writer = hub.writer()
    viewers: list[tuple[Subscriber, int, list[tuple[str, Any]]]] = []
    published = 0
    with ExitStack() as stack:
        for step, value in steps:
            if step == "publish":
                writer.commit(topic, "x.created", json.dumps({"n": published, "p": "x" * value}).encode(), session="s")
                published += 1
            elif step == "delta" and topic == "session":
                writer.commit(topic, "session.delta", b'{"text":"%s"}' % (b"y" * value), session="s")
            elif step == "join":
                first = 0 if topic == "session" else published
                viewers.append((stack.enter_context(hub.subscribe([topic])), first, []))
            elif step == "read" and viewers:
                viewer, _, seen = viewers[value % len(viewers)]
                seen += events(await viewer.receive(within=0))
        for viewer, first, seen in viewers:
            assert follow(first, seen + await read(viewer)) == published


def follow(expected: int, seen: list[tuple[str, Any]]) -> int:
    """The number of the event after the last, when each is the one after the one before or after its gap."""
    for name, data in seen:
        if name == "gap":
            expected += data["count"]
        elif name == "x.created":
            assert data["n"] == expected
            expected += 1
    return expected
