import random

import pytest
import trio
from h2.config import H2Configuration
from h2.connection import H2Connection
from hyperframe.frame import Frame as Parsed
from trio.testing import MockClock

from web.server.http2 import ALLOWANCE, MOST, PREFACE_SIZE, RENEWED, Allowance, Frames, cost


def conversation() -> bytes:
    """What a client's library sends, with frames of many kinds."""
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    for number in range(1, 20, 2):
        head = [(":method", "POST"), (":path", "/" + "x" * number), (":scheme", "http"), (":authority", "x")]
        client.send_headers(number, head, priority_weight=number)
        client.send_data(number, b"y" * number * 70, pad_length=number)
        client.ping(b"eight.by")
        client.increment_flow_control_window(number)
        client.reset_stream(number)
    return client.data_to_send()


def parsed(data: bytes) -> list[tuple[int | None, int]]:
    found = []
    data = data[PREFACE_SIZE:]
    while data:
        frame, length = Parsed.parse_frame_header(memoryview(data[:9]))
        found.append((frame.type, length))
        data = data[9 + length :]
    return found


@pytest.mark.parametrize("pieces", [1, 2, 50, 2000])
def test_frames_are_found_in_whatever_pieces_they_come(pieces: int) -> None:
    """The same frames as the library's own parser finds, wherever the bytes are cut."""
    data = conversation()
    cuts = sorted(random.Random(7).sample(range(len(data)), k=min(pieces - 1, len(data))))
    frames = Frames()
    found = [
        frame for start, end in zip([0, *cuts], [*cuts, None], strict=True) for frame in frames.read(data[start:end])
    ]
    assert found == parsed(data)
    assert len({kind for kind, _ in found}) >= 6


def test_what_asks_or_brings_something_is_free() -> None:
    """Requests and bodies cost nothing, noise costs, and a reset most."""
    assert [cost(frame) for frame in [(1, 10), (0, 1000), (0, 0), (0, 1), (6, 8), (4, 0), (0x99, 5), (3, 4)]] == [
        *(0, 0, 1, 1, 1, 1, 1, 5)
    ]


async def test_an_allowance_is_renewed_by_time(autojump_clock: MockClock) -> None:
    """So many at once and so many a second are enough for whoever goes on for days."""
    allowance = Allowance()
    assert allowance.spend(ALLOWANCE)
    assert not allowance.spend(1)
    allowance = Allowance()
    assert allowance.spend(ALLOWANCE)
    for _ in range(1000):
        await trio.sleep(1)
        assert allowance.spend(RENEWED)
    assert not allowance.spend(1)


async def test_an_allowance_does_not_pile_up(autojump_clock: MockClock) -> None:
    """A long silence earns no flood."""
    allowance = Allowance()
    allowance.spend(10)
    await trio.sleep(80_000)
    assert allowance.spend(ALLOWANCE)
    assert not allowance.spend(1)


async def test_what_is_sent_adds_to_an_allowance(autojump_clock: MockClock) -> None:
    """A client may say of each part of an answer that it has room again."""
    allowance = Allowance()
    assert allowance.spend(ALLOWANCE)
    allowance.earn(100)
    assert allowance.spend(4)
    assert not allowance.spend(1)
    for _ in range(100):
        allowance.earn(10**9)
    assert allowance.spend(MOST)
    assert not allowance.spend(1)
