"""The broadcaster killed between and during publishes, with viewers that join before, during and after."""

import json
from random import Random

import trio

from actors.broadcaster import Broadcaster
from actors.protocol import Publish
from runner.kernel import Backoff, ChildSpec, DeadLetters, EventRing, Intensity, Mailbox, State, Supervisor
from runner.live import Hub
from tests.support.clock import WallClock

VIEWERS = 50
EVENTS = 400


class HitError(Exception):
    """Raised inside the broadcaster's handler."""


def numbers(frames: bytes) -> list[int]:
    """The numbered events among the frames."""
    lines = [line for line in frames.decode().splitlines() if line.startswith("data: ")]
    return [found["n"] for line in lines if "n" in (found := json.loads(line.removeprefix("data: ")))]


async def test_ids_without_hole_or_repeat_through_kills(nursery: trio.Nursery, autojump_clock: object) -> None:
    """Every viewer has each event once from where it joined on; who joins during back-off gets the whole replay."""
    rng, clock = Random(9), WallClock()
    hub = Hub("boot")
    box: Mailbox[Publish] = Mailbox("broadcaster", capacity=16_384)
    spec = ChildSpec(
        name="broadcaster",
        factory=lambda: Broadcaster(box, hub),
        mailbox=box,
        intensity=Intensity(1_000, 600),
        backoff=Backoff(first=0.05, factor=1, ceiling=0.05),
    )
    supervisor = Supervisor(
        "root",
        [spec],
        rng=rng,
        events=EventRing(clock),
        dead_letters=DeadLetters(now=clock),
        intensity=Intensity(10**6, 60),
    )
    hits: set[int] = set()

    def fault(_: str, message: Publish) -> None:
        if message.number not in hits and rng.random() < 0.2:
            hits.add(message.number)
            raise HitError

    box.fault = fault
    nursery.start_soon(supervisor.run)
    await supervisor.ready.wait()
    seen: dict[int, list[int]] = {}
    joined_down = 0

    async def view(index: int, after: float) -> None:
        nonlocal joined_down
        await trio.sleep(after)
        joined_down += supervisor.children()[0].state is not State.RUNNING
        with hub.subscribe(["session"]) as viewer:
            mine = seen.setdefault(index, [])
            while EVENTS - 1 not in mine:
                frames = await viewer.receive(60)
                mine += numbers(b"".join(frames or ()))

    async with trio.open_nursery() as viewers:
        for index in range(VIEWERS):
            viewers.start_soon(view, index, rng.random() * EVENTS / 100)
        for number in range(EVENTS):
            data = json.dumps({"n": number}).encode()
            box.ref.tell(Publish("session", "session.tool", data, "test", number, "s1"))
            if number % 50 == 25:
                await supervisor.kill("broadcaster", by="the test")
            await trio.sleep(0.01)
    assert hits
    assert joined_down
    assert all(mine == list(range(EVENTS)) for mine in seen.values())
    assert len(seen) == VIEWERS
    nursery.cancel_scope.cancel()
