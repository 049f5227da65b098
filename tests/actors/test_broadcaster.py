"""The broadcaster commits what it is told, once, and merges deltas that wait."""

import json

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.broadcaster import Broadcaster
from actors.protocol import Publish
from runner.kernel import ActorContext, Mailbox
from runner.live import Hub


def publish(number: int, event: str = "session.text", text: str = "") -> Publish:
    data = json.dumps({"text": text or f"t{number}"}).encode()
    return Publish("session", event, data, "test", number, "s1")


def texts(frames: tuple[bytes, ...] | None) -> list[str]:
    lines = b"".join(frames or ()).decode().splitlines()
    return [json.loads(line.removeprefix("data: "))["text"] for line in lines if line.startswith("data: ")]


async def test_shows_what_it_is_told_in_order(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """Every publish reaches a viewer once and in order."""
    hub, mailbox = Hub("boot"), Mailbox[Publish]("broadcaster", capacity=16)
    nursery.start_soon(Broadcaster(mailbox, hub).run, ActorContext(name="broadcaster", number=1))
    await wait_all_tasks_blocked()
    with hub.subscribe(["session"]) as viewer:
        for number in range(3):
            mailbox.ref.tell(publish(number))
        await wait_all_tasks_blocked()
        assert texts(await viewer.receive(1)) == ["t0", "t1", "t2"]


async def test_waiting_deltas_become_one_frame(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """Deltas that pile up while the broadcaster is away go out together, and not a word is lost."""
    hub, mailbox = Hub("boot"), Mailbox[Publish]("broadcaster", capacity=16)
    with hub.subscribe(["session"]) as viewer:
        for number, word in enumerate(("one ", "two ", "three")):
            mailbox.ref.tell(publish(number, "session.delta", word))
        mailbox.ref.tell(publish(3, "session.text", "one two three"))
        nursery.start_soon(Broadcaster(mailbox, hub).run, ActorContext(name="broadcaster", number=1))
        await wait_all_tasks_blocked()
        assert texts(await viewer.receive(1)) == ["one two three", "one two three"]


async def test_a_repeated_publish_is_shown_once(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """A redelivered publish that had reached the viewers is not shown to them again."""
    hub, mailbox = Hub("boot"), Mailbox[Publish]("broadcaster", capacity=16)
    nursery.start_soon(Broadcaster(mailbox, hub).run, ActorContext(name="broadcaster", number=1))
    await wait_all_tasks_blocked()
    with hub.subscribe(["session"]) as viewer:
        mailbox.ref.tell(publish(0))
        mailbox.ref.tell(publish(0))
        mailbox.ref.tell(publish(1))
        await wait_all_tasks_blocked()
        assert texts(await viewer.receive(1)) == ["t0", "t1"]
