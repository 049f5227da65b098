"""The answering side of the control socket.

`ControlSocket` is the listening socket: bound once, by whoever holds the home lock, and kept while servers come and
go. `serve` answers on a duplicate of it until it is cancelled; `converse` is one connection and knows no socket, so
that another carrier of the same JSON can use it.
"""

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import attrs
import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_server_stream

from runner.control.protocol import (
    EXIT_GAVE_UP,
    EXIT_USAGE,
    EXIT_WRONG,
    MAX_MESSAGE_BYTES,
    Answer,
    Call,
    Caller,
    CommandError,
    Commands,
    Request,
    Wire,
    WireClosed,
    encode,
    read_params,
    read_request,
)
from runner.errors import RunnerError

T = TypeVar("T")

MAX_CONNECTIONS: Final = 64
MAX_REQUESTS: Final = 32  # at once on one connection
HANDSHAKE_SECONDS: Final = 5.0
LAST_ANSWERS: Final = 0.2  # an order to restart this very server has an answer too
SEND_SECONDS: Final = 30.0  # a client that stops reading is dropped, so that it can't hold a place for ever
_BACKLOG: Final = 128
_UNIX_PATH_BYTES: Final = 100  # the kernel takes 107; what lies behind /proc/self/fd is short

ErrorSink = Callable[[str, Exception], None]


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name for `path` that fits a unix socket address, however deep its folder lies."""
    if len(os.fsencode(path)) <= _UNIX_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


@attrs.frozen(eq=False)
class ControlSocket:
    """A listening unix socket in the home. Belongs to the root; a server's restart refuses no connection."""

    path: Path
    _socket: socket.socket
    _inode: int

    @classmethod
    def bind(cls, path: Path, *, mode: int = 0o600) -> "ControlSocket":
        """Bind and listen. Call it only while holding the home lock: a socket file found here is then stale."""
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(path.lstat().st_mode):
                raise CommandError("in_the_way", f"{path} is not a socket; move it away and start again")
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            # the mode is set between bind and listen: nobody can connect before listen, so no moment is unguarded
            with short_path(path) as name:
                listener.bind(name)
            path.chmod(mode)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            return cls(path, listener, path.lstat().st_ino)
        except BaseException:
            listener.close()
            raise

    def listener(self) -> trio.SocketListener:
        """A listener of its own for one server; closing it leaves this socket listening."""
        return trio.SocketListener(trio.socket.from_stdlib_socket(self._socket.dup()))

    def close(self) -> None:
        """Stop listening and take the file away, unless somebody else's lies there by now."""
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()


async def serve(
    listener: trio.SocketListener,
    commands: Commands,
    *,
    on_error: ErrorSink,
    stop: trio.Event | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled, or until `stop` is set: then nothing more is accepted (who comes waits in the backlog for
    the next server), and answers get LAST_ANSWERS seconds.

    What one connection does wrong ends that connection and nothing else.
    """
    places = trio.CapacityLimiter(MAX_CONNECTIONS)
    asked = trio.Event() if stop is None else stop

    async def welcome(stream: trio.SocketStream) -> None:
        try:
            places.acquire_on_behalf_of_nowait(stream)
        except trio.WouldBlock:
            await trio.aclose_forcefully(stream)
            return
        try:
            await _connection(stream, commands, on_error)
        except Exception as error:  # noqa: BLE001 - the broad one of this module: a stranger's connection must not end the server
            on_error("connection", error)
        finally:
            places.release_on_behalf_of(stream)
            await trio.aclose_forcefully(stream)

    async with listener, trio.open_nursery() as conversations:
        async with trio.open_nursery() as accepting:
            await accepting.start(partial(trio.serve_listeners, welcome, [listener], handler_nursery=conversations))
            task_status.started()
            await asked.wait()  # no deadline: this is the life of the server
            accepting.cancel_scope.cancel()
        await trio.sleep(LAST_ANSWERS)
        conversations.cancel_scope.cancel()


async def converse(wire: Wire, commands: Commands, *, caller: Caller, on_error: ErrorSink) -> None:
    """Carry one connection to its end: read requests, run each in a task of its own, write what they say."""
    sending = trio.Lock()
    places = trio.CapacityLimiter(MAX_REQUESTS)

    async def send(message: object) -> None:
        with trio.fail_after(SEND_SECONDS):
            async with sending:
                await wire.send(encode(message))

    async def answer(request: Request) -> None:
        try:
            await send(await _carry_out(request, commands, caller, send, on_error))
        except (WireClosed, trio.TooSlowError):
            nursery.cancel_scope.cancel()
        finally:
            places.release_on_behalf_of(request)

    async with trio.open_nursery() as nursery:
        with contextlib.suppress(WireClosed, trio.TooSlowError):
            while True:
                text = await wire.receive()  # no deadline: a connection may rest as long as its client likes
                try:
                    request = read_request(text)
                except CommandError as error:
                    await send(_refusal("", error))
                    continue
                await places.acquire_on_behalf_of(request)
                nursery.start_soon(answer, request)
        nursery.cancel_scope.cancel()


async def _carry_out(
    request: Request, commands: Commands, caller: Caller, send: Callable[[object], Awaitable[None]], on_error: ErrorSink
) -> dict[str, object]:
    async def progress(item: object) -> None:
        await send({"id": request.id, "progress": item})

    command = commands.get(request.command)
    if command is None:
        known = ", ".join(sorted(commands))
        message = f"unknown command {request.command!r}; known: {known}"
        return _refusal(request.id, CommandError("unknown_command", message, exit_code=EXIT_USAGE))
    limit = float("inf") if command.within is None else command.within
    try:
        params = read_params(command.params, request.params, command=request.command)
        with trio.fail_after(limit):
            found = await command.run(params, Call(caller, progress))
    except CommandError as error:
        return _refusal(request.id, error)
    except WireClosed:
        raise
    except trio.TooSlowError:
        late = CommandError("timeout", f"{request.command} took longer than {limit:g} s; ask `ps` what holds it up")
        return _refusal(request.id, late)
    except RunnerError as error:
        return _refusal(request.id, CommandError(type(error).__name__, str(error), exit_code=error.exit_code))
    except Exception as error:  # noqa: BLE001 - a defect of one command is an answer and an event, never the end of the server
        on_error(request.command, error)
        text = f"{request.command} failed: {type(error).__name__}: {error}"
        return _refusal(request.id, CommandError("internal", text, exit_code=EXIT_GAVE_UP))
    result = found if isinstance(found, Answer) else Answer(found)
    return {"id": request.id, "ok": True, "result": result.result, "exit_code": result.exit_code}


def _refusal(identity: str, error: CommandError) -> dict[str, object]:
    return {
        "id": identity,
        "ok": False,
        "error": {"kind": error.kind, "message": error.message},
        "exit_code": error.exit_code or EXIT_WRONG,
    }


async def _connection(stream: trio.SocketStream, commands: Commands, on_error: ErrorSink) -> None:
    caller = _peer(stream)
    async with trio.open_nursery() as nursery:
        try:
            with trio.fail_after(HANDSHAKE_SECONDS):
                request = await wrap_server_stream(nursery, stream, max_message_size=MAX_MESSAGE_BYTES)
                connection = await request.accept()
            await converse(WebSocketWire(connection), commands, caller=caller, on_error=on_error)
        except (HandshakeError, trio.TooSlowError, trio.BrokenResourceError):
            pass  # no WebSocket was spoken, or not soon enough: nothing to say to such a client
        nursery.cancel_scope.cancel()


@attrs.frozen(eq=False)
class WebSocketWire:
    """A trio-websocket connection as a Wire."""

    connection: WebSocketConnection

    async def receive(self) -> str:
        """Wait for the next message; bytes are read as UTF-8."""
        try:
            message = await self.connection.get_message()
        except (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError) as error:
            raise WireClosed from error
        return message if isinstance(message, str) else bytes(message).decode("utf-8", "replace")

    async def send(self, text: str) -> None:
        """Send one message; waits while the other side is slow."""
        try:
            await self.connection.send_message(text)
        except (ConnectionClosed, trio.ClosedResourceError, trio.BrokenResourceError) as error:
            raise WireClosed from error


def _peer(stream: trio.SocketStream) -> Caller:
    size = struct.calcsize("3i")
    credentials = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    pid, uid, _ = struct.unpack("3i", credentials)
    return Caller(pid=pid, uid=uid)
