"""The asking side of the control socket.

`ask` is one question on one connection, for async callers; `request` is the same for programs without a loop.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio
from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream

from runner.control.protocol import EXIT_WRONG, MAX_MESSAGE_BYTES, Answer, CommandError, encode
from runner.control.server import short_path

CONNECT_SECONDS: Final = 5.0


class NoProcessError(CommandError):
    """Nobody answers on the socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            "no_process", f"no process is running on this home (nobody answers on {path}); start one: claude-runner up"
        )
        self.path = path


ProgressSink = Callable[[Any], None]


async def ask(
    path: Path,
    command: str,
    params: Mapping[str, Any] | object | None = None,
    *,
    within: float | None = 30.0,
    on_progress: ProgressSink | None = None,
) -> Answer:
    """Put one question and wait for its answer; `within` None waits as long as the process works on it.

    Raises NoProcessError when nobody listens and CommandError with what the process said otherwise.
    """
    limit = float("inf") if within is None else within
    try:
        with trio.fail_after(limit):
            return await _ask(path, command, {} if params is None else params, on_progress)
    except trio.TooSlowError as error:
        raise CommandError(
            "timeout", f"no answer to {command} within {limit:g} s; the process may be busy or hung"
        ) from error


def request(
    path: Path,
    command: str,
    params: Mapping[str, Any] | object | None = None,
    *,
    within: float | None = 30.0,
    on_progress: ProgressSink | None = None,
) -> Answer:
    """`ask` for callers without a loop."""
    try:
        return trio.run(partial(ask, path, command, params, within=within, on_progress=on_progress))
    except BaseExceptionGroup as group:
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        raise KeyboardInterrupt from group  # Ctrl-C came while the connection's nursery was open


def answers(path: Path) -> bool:
    """Tell whether a process listens on the socket."""

    async def knock() -> bool:
        try:
            stream = await _connect(path)
        except NoProcessError:
            return False
        await trio.aclose_forcefully(stream)
        return True

    return trio.run(knock)


async def _connect(path: Path) -> trio.SocketStream:
    try:
        with trio.fail_after(CONNECT_SECONDS), short_path(path) as name:
            return await trio.open_unix_socket(name)
    except PermissionError as error:
        raise CommandError("forbidden", f"{path} belongs to another user; run the command as that user") from error
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NoProcessError(path) from error
    except trio.TooSlowError as error:
        raise CommandError("timeout", f"{path} accepts no connection; the process may be hung") from error


async def _ask(path: Path, command: str, params: object, on_progress: ProgressSink | None) -> Answer:
    stream = await _connect(path)
    found: Answer | Exception
    async with stream, trio.open_nursery() as nursery:
        # errors leave as values, so that the nursery of the connection's reader wraps none of them in a group
        try:
            found = await _converse(nursery, stream, command, params, on_progress)
        except (ConnectionClosed, HandshakeError, trio.BrokenResourceError, trio.ClosedResourceError):
            found = CommandError("gone", f"the process ended or restarted its control socket during {command}")
        except Exception as error:  # noqa: BLE001 - raised by on_progress, which is the caller's
            found = error
        nursery.cancel_scope.cancel()
    if isinstance(found, Exception):
        raise found
    return found


async def _converse(
    nursery: trio.Nursery, stream: trio.SocketStream, command: str, params: object, on_progress: ProgressSink | None
) -> Answer | CommandError:
    with trio.move_on_after(CONNECT_SECONDS) as patience:  # a handshake that meets a closed stream waits for ever
        connection = await wrap_client_stream(nursery, stream, "localhost", "/", max_message_size=MAX_MESSAGE_BYTES)
        await connection.send_message(encode({"id": "1", "command": command, "params": params}))
    if patience.cancelled_caught:
        return CommandError("timeout", "the process accepts no further control connection; it may be hung or crowded")
    while True:
        message = json.loads(await connection.get_message())
        if "progress" not in message:
            return _judge(message)
        if on_progress is not None:
            on_progress(message["progress"])


def _judge(message: dict[str, Any]) -> Answer | CommandError:
    code = message.get("exit_code", EXIT_WRONG)
    if message.get("ok"):
        return Answer(message.get("result"), code)
    error = message.get("error") or {}
    return CommandError(error.get("kind", "unknown"), error.get("message", "no reason given"), exit_code=code)
