"""A Messages API on loopback that answers from a script: what the real CLI and the real SDK talk to in tests.

A test hands in the answers in order (or a function that looks at the request), starts `serve` in its nursery and reads
`requests` afterwards. Only calls that carry tools or that stream take an answer from the script; the CLI's small
side questions (titles, token counts, probes) get a fixed one, so scripts say only what the test is about.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import attrs
import h11
import trio


@attrs.frozen
class Say:
    """One text block, streamed in `pieces` deltas."""

    text: str
    pieces: int = 3


@attrs.frozen
class Use:
    """One tool call."""

    name: str
    input: Mapping[str, Any]
    id: str = "toolu_01"


@attrs.frozen
class Turn:
    """One whole answer. `gate`, when given, is waited for before the answer's last event."""

    blocks: tuple[Say | Use, ...]
    input_tokens: int = 120
    output_tokens: int = 30
    gate: trio.Event | None = None
    stop_reason: str | None = None
    usage: Mapping[str, Any] = attrs.field(factory=dict)
    """Figures in place of the usual ones, of any kind."""

    def reason(self) -> str:
        if self.stop_reason is not None:
            return self.stop_reason
        return "tool_use" if any(isinstance(block, Use) for block in self.blocks) else "end_turn"


@attrs.frozen
class Refuse:
    """An HTTP error instead of an answer: 401, 429, 500, 529 ..."""

    status: int
    kind: str
    message: str = "scripted refusal"
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class BreakOff:
    """A stream that begins with this text and then fails: by an `error` event, by closing the connection (`cut`), or by
    ending as if nothing were missing (`end`).
    """

    text: str = "half a"
    how: str = "error"
    events: int = 3
    """So many events come first: with 5 of them the text's block is whole, with none of them the answer is empty."""
    kind: str = "overloaded_error"
    blocks: tuple[Say | Use, ...] = ()
    """In place of the text."""


@attrs.frozen
class Hang:
    """No answer at all until the client leaves."""


Answer: TypeAlias = Turn | Refuse | BreakOff | Hang
Script: TypeAlias = Sequence[Answer] | Callable[[Mapping[str, Any]], Answer]

_SIDE = Turn((Say("ok", 1),), input_tokens=1, output_tokens=1)


def text(words: str) -> Turn:
    """The shortest script: one answer of plain text."""
    return Turn((Say(words),))


@attrs.define(eq=False)
class MessagesApi:
    """The server. `script` is consumed in order; when it runs out, the last answer is given again."""

    script: Script
    every: bool = False
    """Calls without tools and streams take an answer from the script too."""
    requests: list[dict[str, Any]] = attrs.field(factory=list, init=False)
    """Bodies of the calls that took an answer from the script, in order."""
    keys: list[str] = attrs.field(factory=list, init=False)
    """The credential each of those calls carried."""
    paths: list[str] = attrs.field(factory=list, init=False)
    """Every path asked for, side questions included."""
    answered: trio.Event = attrs.field(factory=trio.Event, init=False)
    """Set when the first scripted answer has begun."""
    port: int = attrs.field(default=0, init=False)
    _given: int = attrs.field(default=0, init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled; `started` is reported once the port is known."""
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._connection, 0, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    async def _connection(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while True:
                request, body = await _request(stream, connection)
                if request is None:
                    return
                await self._answer(stream, connection, request, body)
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    return
                connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            return  # the client left; a test that minds sees it on its own side
        finally:
            await trio.aclose_forcefully(stream)

    async def _answer(
        self, stream: trio.SocketStream, connection: h11.Connection, request: h11.Request, body: bytes
    ) -> None:
        path = request.target.decode().partition("?")[0]
        self.paths.append(path)
        if request.method != b"POST" or not path.startswith("/v1/messages"):
            await _send_json(stream, connection, 200, {"ok": True}, head=request.method == b"HEAD")
            return
        asked = json.loads(body)
        if path.endswith("/count_tokens"):
            await _send_json(stream, connection, 200, {"input_tokens": 10})
            return
        answer = self._choose(asked, request) if self.every or asked.get("tools") or asked.get("stream") else _SIDE
        match answer:
            case Hang():
                while await stream.receive_some(65536):
                    pass
                raise trio.BrokenResourceError
            case Refuse():
                fault = {"type": "error", "error": {"type": answer.kind, "message": answer.message}}
                await _send_json(stream, connection, answer.status, fault, headers=answer.headers)
            case BreakOff() | Turn() if asked.get("stream"):
                await self._stream(stream, connection, answer, asked)
            case Turn():
                await _send_json(stream, connection, 200, _message(answer, asked.get("model", "scripted")))
            case BreakOff():
                raise trio.BrokenResourceError

    def _choose(self, asked: dict[str, Any], request: h11.Request) -> Answer:
        self.requests.append(asked)
        headers = {name.decode(): value.decode() for name, value in request.headers}
        self.keys.append(headers.get("x-api-key", headers.get("authorization", "")))
        self.answered.set()
        if callable(self.script):
            return self.script(asked)
        self._given += 1
        return self.script[min(self._given, len(self.script)) - 1]

    async def _stream(
        self, stream: trio.SocketStream, connection: h11.Connection, answer: Turn | BreakOff, asked: dict[str, Any]
    ) -> None:
        headers = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), ("request-id", "req_1")]
        await _send(stream, connection, h11.Response(status_code=200, headers=headers))
        turn = answer if isinstance(answer, Turn) else Turn(answer.blocks or (Say(answer.text, 1),))
        events = list(_events(turn, asked.get("model", "scripted")))
        if isinstance(answer, BreakOff):
            events = events[: answer.events]
        for number, event in enumerate(events):
            if number == len(events) - 1 and turn.gate is not None:
                await turn.gate.wait()  # no deadline: the test holds the gate and has its own
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            await _send(stream, connection, h11.Data(data=data))
        if isinstance(answer, BreakOff):
            if answer.how == "error":
                fault = {"type": "error", "error": {"type": answer.kind, "message": "scripted overload"}}
                await _send(stream, connection, h11.Data(data=f"event: error\ndata: {json.dumps(fault)}\n\n".encode()))
            elif answer.how == "cut":
                raise trio.BrokenResourceError
        await _send(stream, connection, h11.EndOfMessage())


@asynccontextmanager
async def service(script: Script) -> AsyncIterator[MessagesApi]:
    """A running server for the body of a `with`."""
    api = MessagesApi(script)
    async with trio.open_nursery() as nursery:
        await nursery.start(api.serve)
        try:
            yield api
        finally:
            nursery.cancel_scope.cancel()


async def _request(stream: trio.SocketStream, connection: h11.Connection) -> tuple[h11.Request | None, bytes]:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        match event:
            case h11.NEED_DATA:
                if connection.they_are_waiting_for_100_continue:
                    await _send(stream, connection, h11.InformationalResponse(status_code=100, headers=[]))
                connection.receive_data(await stream.receive_some(65536))
            case h11.Request():
                request = event
            case h11.Data():
                body += event.data
            case h11.EndOfMessage():
                return request, bytes(body)
            case _:
                return None, b""


async def _send(stream: trio.SocketStream, connection: h11.Connection, event: h11.Event) -> None:
    data = connection.send(event)
    if data:
        await stream.send_all(data)


async def _send_json(
    stream: trio.SocketStream,
    connection: h11.Connection,
    status: int,
    value: object,
    *,
    headers: Mapping[str, str] | None = None,
    head: bool = False,
) -> None:
    body = json.dumps(value).encode()
    fields = [("content-type", "application/json"), ("content-length", str(len(body))), *(headers or {}).items()]
    await _send(stream, connection, h11.Response(status_code=status, headers=fields))
    if not head:
        await _send(stream, connection, h11.Data(data=body))
    await _send(stream, connection, h11.EndOfMessage())


def _message(turn: Turn, model: str) -> dict[str, Any]:
    content = [
        {"type": "text", "text": block.text}
        if isinstance(block, Say)
        else {"type": "tool_use", "id": block.id, "name": block.name, "input": dict(block.input)}
        for block in turn.blocks
    ]
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": turn.reason(),
        "stop_sequence": None,
        "usage": _usage(turn, turn.output_tokens),
    }


def _usage(turn: Turn, output: int) -> dict[str, int]:
    return {
        "input_tokens": turn.input_tokens,
        "output_tokens": output,
        "cache_read_input_tokens": 7,
        "cache_creation_input_tokens": 5,
    }


def _events(turn: Turn, model: str) -> list[dict[str, Any]]:
    opening = _message(turn, model) | {"content": [], "stop_reason": None, "usage": _usage(turn, 1)}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": opening}]
    for index, block in enumerate(turn.blocks):
        events += _block_events(index, block)
    delta = {"stop_reason": turn.reason(), "stop_sequence": None}
    usage = {"output_tokens": turn.output_tokens, **turn.usage}
    events.append({"type": "message_delta", "delta": delta, "usage": usage})
    events.append({"type": "message_stop"})
    return events


def _block_events(index: int, block: Say | Use) -> list[dict[str, Any]]:
    if isinstance(block, Say):
        start: dict[str, Any] = {"type": "text", "text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block.text, block.pieces)]
    else:
        start = {"type": "tool_use", "id": block.id, "name": block.name, "input": {}}
        written = json.dumps(dict(block.input))
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in _pieces(written, 2)]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _pieces(whole: str, count: int) -> list[str]:
    size = max(1, -(-len(whole) // max(1, count)))
    return [whole[at : at + size] for at in range(0, len(whole), size)]
