"""Weather and aurora services on loopback: answer what a test laid down, and count who asked."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import attrs
import trio

Answer: TypeAlias = bytes | int | None
"""A body, a bare HTTP status, or None for no answer at all."""


def j1(**changes: Any) -> dict[str, Any]:
    """A weather answer in the service's own form."""
    day = {"date": changes.pop("date", "2026-03-02"), "astronomy": [astronomy(**changes.pop("astronomy", {}))]}
    current = {
        "temp_C": "-4",
        "windspeedKmph": "14",
        "winddir16Point": "NW",
        "weatherDesc": [{"value": "Light snow"}],
    }
    return {"current_condition": [current | changes], "weather": [day]}


def astronomy(**changes: str) -> dict[str, str]:
    """Sun and moon of one day."""
    return {
        "sunrise": "07:02 AM",
        "sunset": "05:47 PM",
        "moon_phase": "Waxing Gibbous",
        "moon_illumination": "97",
    } | changes


KP_LISTS: list[list[Any]] = [
    ["time_tag", "kp", "observed", "noaa_scale"],
    ["2026-03-02 09:00:00", "2.33", "observed", None],
    ["2026-03-02 12:00:00", "4.33", "observed", None],
    ["2026-03-02 15:00:00", "6.00", "predicted", "G2"],
]
KP_OBJECTS: list[dict[str, Any]] = [
    {"time_tag": "2026-03-02T12:00:00", "kp": 2.67, "observed": "observed", "noaa_scale": None},
    {"time_tag": "2026-03-02T15:00:00", "kp": 6.0, "observed": "predicted", "noaa_scale": "G2"},
]


@attrs.define(eq=False)
class Sky:
    """Two services on one port: `/…?format=j1` and `/kp`."""

    weather: Answer = attrs.field(factory=lambda: json.dumps(j1()).encode())
    kp: Answer = attrs.field(factory=lambda: json.dumps(KP_LISTS).encode())
    asked: list[str] = attrs.field(factory=list)
    port: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """What names these services in place of the real ones."""
        base = f"http://127.0.0.1:{self.port}"
        return {"world__weather_url": base, "world__kp_url": f"{base}/kp"}

    async def answer(self, stream: trio.SocketStream) -> None:
        """One request, one answer, and the connection closed."""
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = await stream.receive_some()
                if not piece:
                    return
                head += piece
            target = head.split(b" ", 2)[1].decode()
            self.asked.append(target)
            body = self.kp if target.startswith("/kp") else self.weather
            if body is None:
                await trio.sleep_forever()
            status, content = (body, b"{}") if isinstance(body, int) else (200, body)
            lines = f"HTTP/1.1 {status} x\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
            try:
                await stream.send_all(lines.encode() + content)
            except trio.BrokenResourceError:
                return  # the client had enough


@asynccontextmanager
async def sky_server(**answers: Any) -> AsyncIterator[Sky]:
    """Both services, as long as the block runs; `weather` and `kp` are Answers."""
    sky = Sky(**answers)
    async with trio.open_nursery() as nursery:
        serve: Callable[..., Any] = partial(trio.serve_tcp, sky.answer, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        sky.port = listeners[0].socket.getsockname()[1]
        try:
            yield sky
        finally:
            nursery.cancel_scope.cancel()
