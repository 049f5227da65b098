"""HTTP/2 as hypercorn speaks it, held to the limits of HTTP/1.

1. A stream whose client gives no room for what waits is reset; the others of its connection go on.
2. Frames that ask for nothing (pings, settings, priorities, windows, empty data, resets) have an allowance, renewed
   by time and by what is sent. A client that goes on beyond it is told to calm down, and cut.
3. What a reset, an early answer or the end of the connection leaves behind is let go: hypercorn's buffers hold
   whoever waits for room in them, and a part of a body that comes after its answer ends the connection.
4. No WebSocket begins here: the client is asked to come with HTTP/1.1.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import attrs
import trio
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.events import Body
from hypercorn.protocol.h2 import H2Protocol, StreamBuffer
from hypercorn.protocol.h11 import H2CProtocolRequiredError, H2ProtocolAssumedError

from web.server.deadlines import Debt

PREFACE_SIZE = 24
HEAD_SIZE = 9
DATA, HEADERS, RST_STREAM = 0x0, 0x1, 0x3
TINY = 64
"""Bytes; data in smaller pieces costs as much as a frame that holds none."""

COSTS = {HEADERS: 0, RST_STREAM: 5}
"""Of a frame, in frames; a reset makes us answer for nobody. What is not named costs 1."""
ALLOWANCE = 1000.0
RENEWED = 10.0
"""Frames a second, up to the whole allowance."""
EARNED_BY_PART, EARNED_BY_BYTE = 4.0, 1 / 2048
"""What a part of an answer adds, up to `MOST`: a client may say of each that it has room again."""
MOST = ALLOWANCE * 10


@attrs.define(eq=False)
class Frames:
    """Reads the heads of frames out of whatever pieces they come in."""

    _skip: int = PREFACE_SIZE
    _head: bytes = b""

    def read(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Type and length of each frame whose head is complete."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            piece = data[at : at + HEAD_SIZE - len(self._head)]
            at += len(piece)
            self._head += piece
            if len(self._head) == HEAD_SIZE:
                self._skip = int.from_bytes(self._head[:3])
                yield self._head[3], self._skip
                self._head = b""


@attrs.define(eq=False)
class Allowance:
    """How many frames that ask for nothing a client may still send."""

    left: float = ALLOWANCE
    _looked: float = attrs.field(factory=trio.current_time)

    def spend(self, frames: float) -> bool:
        """Whether there was enough."""
        now = trio.current_time()
        if self.left < ALLOWANCE:
            self.left = min(ALLOWANCE, self.left + (now - self._looked) * RENEWED)
        self._looked = now
        self.left -= frames
        return self.left >= 0

    def earn(self, size: int) -> None:
        """A part of an answer, so large, is on its way."""
        self.left = min(MOST, self.left + EARNED_BY_PART + size * EARNED_BY_BYTE)


class Outgoing(StreamBuffer):
    """What waits for room at the client; counts what found some."""

    def __init__(self, event_class: Any) -> None:
        super().__init__(event_class)
        self.taken = 0
        self.debt = Debt()

    async def pop(self, max_length: int) -> bytes:
        data = await super().pop(max_length)
        self.taken += len(data)
        return data


class Http2(H2Protocol):
    """See the module's text for what it adds."""

    stream_buffers: dict[int, Outgoing]  # type: ignore[assignment]  # ours are put where hypercorn's were

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        del self.connection.local_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL]
        self._frames = Frames()
        self._allowance = Allowance()

    async def handle(self, event: Event) -> None:
        if isinstance(event, RawData) and not self._allowance.spend(sum(map(cost, self._frames.read(event.data)))):
            await self.say_goodbye(ErrorCodes.ENHANCE_YOUR_CALM)
            await self.send(Closed())
            return
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in tuple(self.stream_buffers.values()):
                await buffer.close()

    async def say_goodbye(self, code: ErrorCodes = ErrorCodes.NO_ERROR) -> None:
        """The client learns that nothing more is answered here."""
        with suppress(ProtocolError):
            self.connection.close_connection(code)
        await self._flush()

    def stale(self, limit: float) -> list[int]:
        """The streams whose client took nothing of what waits for it for so long; to be asked every now and then."""
        return [
            number
            for number, buffer in self.stream_buffers.items()
            if buffer.debt.is_stale(len(buffer.buffer), buffer.taken, limit)
        ]

    async def give_up(self, number: int) -> None:
        """Reset a stream: what it waits for does not come."""
        with suppress(ProtocolError):
            self.connection.reset_stream(number, ErrorCodes.CANCEL)
        await self._close_stream(number)
        await self._let_go(number)
        await self._flush()

    async def stream_send(self, event: Any) -> None:
        if isinstance(event, Body):
            self._allowance.earn(len(event.data))
        await super().stream_send(event)

    async def _handle_events(self, events: list[Any]) -> None:
        for event in events:
            if isinstance(event, DataReceived) and event.stream_id not in self.streams:
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                await self._flush()
            elif isinstance(event, RequestReceived) and (b":method", b"CONNECT") in event.headers:
                self.connection.reset_stream(event.stream_id, ErrorCodes.HTTP_1_1_REQUIRED)
                await self._flush()
            else:
                await super()._handle_events([event])
            if isinstance(event, StreamReset):
                await self._let_go(event.stream_id)

    async def _create_stream(self, request: Any) -> None:
        await super()._create_stream(request)
        self.stream_buffers[request.stream_id] = Outgoing(self.context.event_class)

    async def _let_go(self, number: int) -> None:
        buffer = self.stream_buffers.get(number)
        if buffer is not None:
            await buffer.close()
            await self._window_updated(number)  # the sending task finds that it is over, and forgets it


class Protocols(ProtocolWrapper):
    """What the client speaks: HTTP/1 until it says otherwise."""

    @property
    def http2(self) -> Http2 | None:
        return self.protocol if isinstance(self.protocol, Http2) else None

    async def handle(self, event: Event) -> None:
        try:
            await self.protocol.handle(event)
        except H2ProtocolAssumedError as error:
            await self._change(error.data)
        except H2CProtocolRequiredError as error:
            await self._change(error.data, error.headers, error.settings)

    async def _change(self, data: bytes, *upgrade: Any) -> None:
        self.protocol = Http2(
            *(self.app, self.config, self.context, self.task_group, self.state),
            *(self.ssl, self.client, self.server, self.send),
        )
        await self.protocol.initiate(*upgrade)
        if data:
            await self.protocol.handle(RawData(data))


def cost(frame: tuple[int, int]) -> float:
    """Of a frame's type and length, what it takes from the allowance."""
    kind, length = frame
    if kind == DATA:
        return 1 if length < TINY else 0
    return COSTS.get(kind, 1)
