"""What clients do that mean no good, or do not know better: the bytes, for whoever sends them."""

import base64
import socket
from collections.abc import Callable

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes

LIVE = "/api/v1/health/live"
STREAM = "/api/v1/session/stream"
ASKED = b"GET %s HTTP/1.1\r\nHost: x\r\n" % LIVE.encode()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_HEADERS = 4
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def frame(kind: int, payload: bytes = b"", *, flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


SETTINGS = frame(4)
PING = frame(6, b"eight.by")


def upgrade(version: int = 13, key: bytes = KEY) -> bytes:
    head = (
        b"GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: %d\r\n"
    )
    return head % version + key + b"\r\n"


def h2c(settings: bytes = b"") -> bytes:
    told = base64.urlsafe_b64encode(settings).rstrip(b"=") or b"AAMAAABk"
    return ASKED + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: %s\r\n\r\n" % told


def beginning(window: int | None = None) -> H2Connection:
    """A client's library, about to speak, that will have so much room in each stream."""
    client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    if window is not None:
        client.local_settings[SettingCodes.INITIAL_WINDOW_SIZE] = window
        client.local_settings.acknowledge()
    client.initiate_connection()
    return client


def head_of(path: str, method: str = "GET") -> list[tuple[str, str]]:
    return [(":method", method), (":path", path), (":scheme", "http"), (":authority", "x")]


def without_end_headers() -> bytes:
    client = beginning()
    before = client.data_to_send()
    client.send_headers(1, head_of(LIVE))
    head = bytearray(client.data_to_send())
    head[4] &= ~END_HEADERS
    return before + bytes(head)


def asked(path: str, window: int | None = None) -> bytes:
    """All that a client says to ask for a path, over HTTP/2."""
    client = beginning(window)
    client.send_headers(1, head_of(path), end_stream=True)
    return client.data_to_send()


BEGUN = {
    "nothing": b"",
    "half a head": b"GET / HT",
    "half a header": ASKED + b"X-A",
    "half a preface": PREFACE[:-3],
    "a preface": PREFACE,
    "settings": PREFACE + SETTINGS,
    "half a frame's head": PREFACE + SETTINGS + b"\0\0",
    "half a frame": PREFACE + SETTINGS + frame(1, b"x" * 99, stream=1)[:50],
    "headers without an end": without_end_headers(),
    "an answered request": asked(LIVE),
    "an answered request of HTTP/1": ASKED + b"\r\n",
    "an upgrade to HTTP/2": h2c(),
    "an upgrade to HTTP/2 and half a preface": h2c() + PREFACE[:10],
    "a tunnel": PREFACE + SETTINGS + frame(1, b"\x02\x07CONNECT\x01\x01x", flags=END_HEADERS, stream=1),
}
NOISE = {
    "silence": b"",
    "pings": PING,
    "settings": SETTINGS,
    "priorities": frame(2, b"\0\0\0\0\x10", stream=3),
    "windows": frame(8, b"\0\0\0\1"),
    "unknown frames": frame(0x55, b"x"),
}

REFUSED = {
    "no key": upgrade(key=b""),
    "an old version": upgrade(12),
    "a key and a frame of none": upgrade(12) + b"\x81\x00",
    "data before it is accepted": upgrade() + b"\x81",
}

STREAMS = {
    "HTTP/1": b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % STREAM.encode(),
    "HTTP/2": asked(STREAM),
}
"""Each asks for a stream of events, and is to be sent by one who never reads."""

WITHOUT_ROOM = {f"a window of {size}": asked(LIVE, size) for size in (0, 1)}

FLOODS: dict[str, Callable[[int], bytes]] = {
    "pings": lambda _: PING,
    "settings": lambda _: SETTINGS,
    "priorities": lambda number: frame(2, b"\0\0\0\0\x10", stream=2 * number + 3),
    "windows": lambda _: frame(8, b"\0\0\0\1"),
    "empty data": lambda _: frame(0, stream=3),
    "tiny data": lambda _: frame(0, b"x", stream=3),
    "unknown frames": lambda _: frame(0x55),
    "resets": lambda number: (
        frame(1, b"\x82\x86\x84\x41\x01x", flags=END_HEADERS | 1, stream=2 * number + 5)
        + frame(3, b"\0\0\0\x08", stream=2 * number + 5)
    ),
}
"""Of each the frame with this number; streams 1 and 3 are somebody's already."""


def narrow() -> socket.socket:
    """A socket with room for about a thousand bytes."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    return sock
