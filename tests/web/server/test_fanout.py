from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import attrs
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from runner.live import Hub, HubLimits, HubWriter, ViewerLimits
from web.server.fanout import TOGETHER, Pump, Viewer

HEARTBEAT = b": alive\n\n"


@attrs.define(eq=False)
class Client:
    """A wire to a client that takes `room` bytes at once, and more when `reads` is set."""

    room: int = 1_000_000
    got: bytes = b""
    waited: int = 0
    reads: trio.Event = attrs.field(factory=trio.Event)
    name: str = ""
    diary: list[str] = attrs.field(factory=list)

    def frame(self, batch: tuple[bytes, ...]) -> bytes:
        return b"".join(batch)

    def write_now(self, data: bytes) -> int:
        self.diary.append(self.name)
        taken = data[: self.room]
        self.room -= len(taken)
        self.got += taken
        return len(taken)

    async def write(self, data: bytes) -> None:
        self.waited += 1
        await self.reads.wait()
        self.room = 1_000_000
        self.got += data

    def numbers(self) -> list[int]:
        return [int(line.split(b"-")[1]) for line in self.got.split(b"\n") if line.startswith(b"id: ")]


@attrs.define(eq=False)
class Stage:
    hub: Hub
    pump: Pump
    nursery: trio.Nursery
    writer: HubWriter
    over: list[Client] = attrs.field(factory=list)
    _places: ExitStack = attrs.field(factory=ExitStack)

    @classmethod
    @asynccontextmanager
    async def set_up(cls, hub: Hub) -> "AsyncIterator[Stage]":
        async with trio.open_nursery() as nursery:
            stage = cls(hub, Pump(), nursery, hub.writer())
            nursery.start_soon(stage.pump.run)
            with stage._places:
                yield stage
                nursery.cancel_scope.cancel()

    def join(self, client: Client, *, heartbeat_seconds: float = 15.0, topic: str = "thoughts") -> Viewer:
        viewer = Viewer(self._places.enter_context(self.hub.subscribe([topic])), client)

        async def attend() -> None:
            await self.pump.carry(viewer, heartbeat_seconds=heartbeat_seconds, heartbeat=lambda: HEARTBEAT)
            self.over.append(client)

        self.nursery.start_soon(attend)
        return viewer

    def commit(self, count: int = 1) -> None:
        for _ in range(count):
            self.writer.commit("thoughts", "thought.created", b"{}")


async def test_everybody_who_keeps_up_is_served_at_once(autojump_clock: MockClock) -> None:
    """More viewers than are served together get the same frames, and none of their own tasks is woken."""
    async with Stage.set_up(Hub("b")) as stage:
        clients = [Client() for _ in range(TOGETHER * 2 + 10)]
        for client in clients:
            stage.join(client)
        await wait_all_tasks_blocked()
        stage.commit(3)
        await wait_all_tasks_blocked()
        assert {client.got for client in clients} == {clients[0].got}
        assert clients[0].numbers() == [1, 2, 3]
        assert {client.waited for client in clients} == {0}


async def test_a_client_that_can_not_take_it_all_waits_alone(autojump_clock: MockClock) -> None:
    """What it could not take comes first, then what came meanwhile, in order; nobody else waits for it."""
    async with Stage.set_up(Hub("b")) as stage:
        slow, quick = Client(room=7), Client()
        stage.join(slow)
        stage.join(quick)
        await wait_all_tasks_blocked()
        stage.commit(2)
        await wait_all_tasks_blocked()
        stage.commit(3)
        await wait_all_tasks_blocked()
        assert (quick.numbers(), slow.got, slow.waited) == ([1, 2, 3, 4, 5], b"id: b-1", 1)
        slow.reads.set()
        await wait_all_tasks_blocked()
        assert slow.got == quick.got


async def test_a_client_that_never_reads_is_cut(autojump_clock: MockClock) -> None:
    """Its buffer stays bounded, it is told nothing more, and its stream ends once its wire lets go of it."""
    hub = Hub("b", limits=HubLimits(viewer=ViewerLimits(frames=4, size=1024, missed=20)))
    async with Stage.set_up(hub) as stage:
        dead = Client(room=0)
        viewer = stage.join(dead)
        await wait_all_tasks_blocked()
        stage.commit(40)
        await wait_all_tasks_blocked()
        assert viewer.subscriber.evicted
        assert stage.over == []
        viewer.end()  # the connection was closed at its deadline
        dead.reads.set()
        await wait_all_tasks_blocked()
        assert stage.over == [dead]


async def test_silence_has_heartbeats_and_talk_has_none(autojump_clock: MockClock) -> None:
    """A heartbeat comes so long after whatever was sent last."""
    async with Stage.set_up(Hub("b")) as stage:
        client = Client()
        client.reads.set()
        stage.join(client, heartbeat_seconds=10)
        for _ in range(3):
            await trio.sleep(6)
            stage.commit()
        assert HEARTBEAT not in client.got
        await trio.sleep(21)
        assert client.got.count(HEARTBEAT) == 2


async def test_a_stream_ends_after_what_was_waiting(autojump_clock: MockClock) -> None:
    """When the hub closes, the last event still arrives, and then the task of the viewer is over."""
    async with Stage.set_up(Hub("b")) as stage:
        client = Client()
        stage.join(client)
        await wait_all_tasks_blocked()
        stage.commit()
        stage.hub.close()
        await wait_all_tasks_blocked()
        assert client.numbers() == [1]
        assert stage.over == [client]


async def test_a_long_replay_leaves_others_their_turn(autojump_clock: MockClock) -> None:
    """Who joins late gets the whole session in pieces, and one who is told of an event does not wait for it."""
    async with Stage.set_up(Hub("b")) as stage:
        for _ in range(40):
            stage.writer.commit("session", "session.text", b'{"text":"' + b"x" * 40_000 + b'"}', session="s")
        diary: list[str] = []
        late, other = Client(room=10**9, name="late", diary=diary), Client(name="other", diary=diary)
        stage.join(other)
        await wait_all_tasks_blocked()
        stage.join(late, topic="session")
        stage.commit()
        await wait_all_tasks_blocked()
        assert late.got.count(b"event: session.text") == 40
        assert diary.count("late") > 5
        assert diary.index("other") < 3
