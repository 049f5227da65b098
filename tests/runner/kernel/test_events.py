"""The event ring."""

import trio
import trio.testing

from runner.kernel import Event, EventRing
from tests.runner.kernel.support import EPOCH


def ring() -> EventRing:
    """A ring at a fixed time."""
    return EventRing(lambda: EPOCH)


def test_the_last_two_thousand_are_kept() -> None:
    """Older ones go; numbers go on; each has its time and fields."""
    events = ring()
    for n in range(2_100):
        events.emit("tick", n=n)
    kept = events.recent()
    assert len(kept) == 2_000
    assert (kept[0].number, kept[0].fields["n"], kept[0].at) == (101, 100, EPOCH)
    assert [event.number for event in events.recent(2)] == [2_099, 2_100]
    assert events.recent(0) == ()
    assert events.statistics().emitted == 2_100


def test_fields_cannot_be_changed_afterwards() -> None:
    """An event is a value: what the emitter does to its fields later does not change it."""
    fields: dict[str, object] = {"a": 1}
    event = Event(1, EPOCH, "x", fields)
    fields["a"] = 2
    assert event.fields["a"] == 1
    assert not hasattr(event.fields, "update")


def test_a_listener_sees_each_event_at_once() -> None:
    """The listener is called before `emit` returns."""
    seen: list[str] = []
    EventRing(lambda: EPOCH, listener=lambda event: seen.append(event.name)).emit("x")
    assert seen == ["x"]


async def test_a_subscriber_gets_what_comes_after_it(autojump_clock: trio.testing.MockClock) -> None:
    """Only events from the moment of subscribing, in order, also those it waits for."""
    events = ring()
    events.emit("before")
    with events.subscribe() as stream:
        events.emit("one")
        async with trio.open_nursery() as nursery:
            seen: list[str] = []

            async def follow() -> None:
                async for event in stream:
                    seen.append(event.name)  # noqa: PERF401 - each is seen as it comes

            nursery.start_soon(follow)
            await trio.testing.wait_all_tasks_blocked()
            events.emit("two")
            await trio.testing.wait_all_tasks_blocked()
            assert events.statistics().subscribers == 1
            nursery.cancel_scope.cancel()
    events.emit("after")
    assert seen == ["one", "two"]
    assert events.statistics().subscribers == 0


async def test_a_slow_subscriber_learns_how_many_it_missed(autojump_clock: trio.testing.MockClock) -> None:
    """The oldest go, and one notice in their place counts them; the counter survives the subscription."""
    events = ring()
    with events.subscribe(buffer=2) as stream:
        for n in range(5):
            events.emit("tick", n=n)
        first = await anext(stream)
        rest = [await anext(stream), await anext(stream)]
        assert stream.lagged == 3
        assert events.statistics().lagged == 3
    assert (first.name, first.fields["missed"]) == ("events.lagged", 3)
    assert [event.fields["n"] for event in rest] == [3, 4]
    assert events.statistics().lagged == 3


def test_a_broken_listener_is_counted_and_nothing_more() -> None:
    """What the listener raises never reaches the emitter."""

    def broken(_event: Event) -> None:
        raise OSError

    events = EventRing(lambda: EPOCH, listener=broken)
    events.emit("x")
    assert (events.statistics().unheard, events.statistics().kept) == (1, 1)
