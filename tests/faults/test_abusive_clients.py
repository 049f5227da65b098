"""Clients that ask for nothing, take nothing or say too much, at the shipped process with its own limits."""

import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import attrs
import trio

from tests.support.abuse import BEGUN, FLOODS, LIVE, NOISE, PREFACE, REFUSED, SETTINGS, STREAMS, WITHOUT_ROOM, narrow
from tests.support.http_client import get
from tests.support.process import Running, start
from web.server.http2 import ALLOWANCE

CLIENTS = 60
"""In the suite; the soak raises it to 375, and waits for every limit."""

AT_ONCE = {
    **REFUSED,
    **{
        f"a flood of {name}": PREFACE + SETTINGS + b"".join(map(make, range(int(ALLOWANCE) * 2)))
        for name, make in FLOODS.items()
    },
}
"""What is ended without waiting for any limit."""
IN_TIME = {**BEGUN, **WITHOUT_ROOM, **{f"a viewer by {name} that never reads": raw for name, raw in STREAMS.items()}}
"""What is ended when its limit is over."""


@attrs.frozen
class Crowd:
    """Open connections of all kinds, that nobody reads from."""

    up: Running
    sockets: dict[str, list[socket.socket]] = attrs.field(factory=dict)

    async def join(self, kinds: dict[str, bytes], count: int, make: Callable[[], socket.socket]) -> None:
        for name, raw in itertools.islice(itertools.cycle(kinds.items()), count):
            sock = make()
            await trio.to_thread.run_sync(sock.connect, (self.up.host, self.up.port))
            sock.setblocking(False)
            with suppress(OSError):  # it may be refused before all of it was said
                sock.send(raw)
            self.sockets.setdefault(name, []).append(sock)

    def make_noise(self) -> None:
        """Everybody says something more that asks for nothing."""
        for sock, noise in zip(self.all(), itertools.cycle(NOISE.values()), strict=False):
            with suppress(OSError):
                sock.send(noise)

    def all(self) -> Iterator[socket.socket]:
        return itertools.chain.from_iterable(self.sockets.values())

    def leave(self) -> None:
        for sock in self.all():
            sock.close()


def descriptors(up: Running) -> int:
    """Of sockets; files come and go in the process's own work."""
    found = 0
    for entry in Path(f"/proc/{up.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(entry.readlink()).startswith("socket:")
    return found


async def until_descriptors(up: Running, count: int, *, within: float) -> float:
    """Seconds until the process has no more of them than that."""
    began = trio.current_time()
    with trio.fail_after(within):
        while descriptors(up) > count:
            await trio.sleep(0.1)
    return trio.current_time() - began


async def abuse(home: Path, nursery: trio.Nursery, clients: int, *, wait: bool) -> dict[str, float]:
    """Let them all come, and stop the process under as many; how long each took, in seconds."""
    up = await start(nursery, home, API_SSE_HEARTBEAT_INTERVAL="0.5")
    assert (await get(up.host, up.port, LIVE)).status == 200
    before = descriptors(up)
    crowd = Crowd(up)
    found: dict[str, float] = {}
    try:
        await crowd.join(AT_ONCE, clients, socket.socket)
        found["ended_at_once_s"] = await until_descriptors(up, before, within=20)
        await crowd.join(IN_TIME, clients, narrow)
        assert (await get(up.host, up.port, LIVE)).status == 200
        if wait:
            async with trio.open_nursery() as noisy:

                async def go_on() -> None:
                    while True:
                        await trio.sleep(1)
                        crowd.make_noise()

                noisy.start_soon(go_on)
                found["ended_in_time_s"] = await until_descriptors(up, before, within=90)
                noisy.cancel_scope.cancel()
            await crowd.join(IN_TIME, clients, narrow)
        began = trio.current_time()
        assert await up.stop() == 0
        found["stop_s"] = trio.current_time() - began
    finally:
        crowd.leave()
    return found


async def test_abusive_clients_hold_neither_the_process_nor_its_end(demo_home: Path, nursery: trio.Nursery) -> None:
    """Whoever is refused or floods is gone at once, everybody else is answered, and the end waits for none of them."""
    found = await abuse(demo_home, nursery, CLIENTS, wait=False)
    assert found["stop_s"] < 10
