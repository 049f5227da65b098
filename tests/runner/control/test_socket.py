"""The control socket, over real sockets and real time."""

import contextlib
import functools
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from trio_websocket import wrap_client_stream

from runner.control import client, server
from runner.control.client import NoProcessError, ask
from runner.control.protocol import (
    ActorParams,
    ActorRow,
    Answer,
    Call,
    Caller,
    Command,
    CommandError,
    Commands,
    EventsParams,
    Nothing,
    WireClosed,
)
from runner.control.server import ControlSocket, converse, serve
from runner.errors import RunnerError


class GoneError(RunnerError):
    """An error of the product, with an exit code of its own."""

    exit_code = 75


@attrs.define(eq=False)
class House:
    """Command functions that remember what they saw."""

    left: trio.Event = attrs.field(factory=trio.Event)
    errors: list[tuple[str, Exception]] = attrs.field(factory=list)
    callers: list[int] = attrs.field(factory=list)

    def commands(self) -> Commands:
        return {
            "ps": Command(Nothing, self.ps),
            "stop": Command(ActorParams, self.stop),
            "boom": Command(Nothing, self.boom),
            "gone": Command(Nothing, self.gone),
            "busy": Command(Nothing, self.busy),
            "slow": Command(Nothing, self.slow, within=0.05),
            "events": Command(EventsParams, self.events, within=None),
        }

    async def ps(self, params: Nothing, call: Call) -> object:
        self.callers.append(call.caller.pid)
        return (ActorRow("web", "running", 0, 0, None, None, critical=True),)

    async def stop(self, params: ActorParams, call: Call) -> object:
        if params.name != "web":
            raise CommandError("unknown_actor", f"no actor {params.name!r}; known: web", exit_code=2)
        return Answer({"name": params.name}, exit_code=3)

    async def boom(self, params: Nothing, call: Call) -> object:
        raise ZeroDivisionError("a defect")

    async def gone(self, params: Nothing, call: Call) -> object:
        raise GoneError("home in use")

    async def busy(self, params: Nothing, call: Call) -> object:
        raise CommandError("busy", "restart in progress")

    async def slow(self, params: Nothing, call: Call) -> object:
        await trio.sleep_forever()

    async def events(self, params: EventsParams, call: Call) -> object:
        try:
            for number in range(params.recent):
                await call.progress({"number": number})
            await trio.sleep_forever()
        finally:
            self.left.set()

    def note(self, where: str, error: Exception) -> None:
        self.errors.append((where, error))


@contextlib.asynccontextmanager
async def running(nursery: trio.Nursery, path: Path, house: House) -> AsyncIterator[ControlSocket]:
    """A server on `path` for as long as the block lasts."""
    bound = ControlSocket.bind(path)
    stop, over = trio.CancelScope(), trio.Event()

    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        with stop:
            await serve(bound.listener(), house.commands(), on_error=house.note, task_status=task_status)
        over.set()

    await nursery.start(run)
    try:
        yield bound
    finally:
        bound.close()
    stop.cancel()
    with trio.fail_after(5):
        await over.wait()


async def test_answers_a_question_with_its_result(nursery: trio.Nursery, tmp_path: Path) -> None:
    """A question comes back as JSON of the result's fields, and the server knows who asked."""
    house = House()
    async with running(nursery, tmp_path / "control.sock", house):
        answer = await ask(tmp_path / "control.sock", "ps")
    assert answer.exit_code == 0
    assert isinstance(answer.result, list)
    assert answer.result[0]["name"] == "web"
    assert answer.result[0]["critical"] is True
    assert house.callers == [os.getpid()]


async def test_an_exit_code_travels_with_its_result(nursery: trio.Nursery, tmp_path: Path) -> None:
    """A function that answers with an exit code has it arrive at the asker."""
    async with running(nursery, tmp_path / "control.sock", House()):
        answer = await ask(tmp_path / "control.sock", "stop", ActorParams("web"))
    assert answer == Answer({"name": "web"}, exit_code=3)


@pytest.mark.parametrize(
    ("command", "params", "kind", "code", "words"),
    [
        ("stop", {"name": "nobody"}, "unknown_actor", 2, "known: web"),
        ("stop", {}, "bad_request", 2, "name"),
        ("stop", {"name": 5}, "bad_request", 2, "name"),
        ("stop", {"name": "web", "force": True}, "bad_request", 2, "'force'"),
        ("dance", {}, "unknown_command", 2, "known: boom"),
        ("boom", {}, "internal", 70, "ZeroDivisionError: a defect"),
        ("gone", {}, "GoneError", 75, "home in use"),
        ("busy", {}, "busy", 1, "restart in progress"),
        ("slow", {}, "timeout", 1, "longer than 0.05 s"),
    ],
)
async def test_refusals_name_what_is_wrong(  # noqa: PLR0917 - one table
    nursery: trio.Nursery, tmp_path: Path, command: str, params: dict[str, object], kind: str, code: int, words: str
) -> None:
    """Whatever goes wrong is one error with a kind, a line for a person and an exit code."""
    async with running(nursery, tmp_path / "control.sock", House()):
        with pytest.raises(CommandError) as refused:
            await ask(tmp_path / "control.sock", command, params)
    assert (refused.value.kind, refused.value.exit_code) == (kind, code)
    assert words in refused.value.message


async def test_a_defect_of_a_command_is_reported_and_the_server_lives(nursery: trio.Nursery, tmp_path: Path) -> None:
    """An error inside one command reaches the sink by name, and the next question is answered."""
    house = House()
    async with running(nursery, tmp_path / "control.sock", house):
        with pytest.raises(CommandError):
            await ask(tmp_path / "control.sock", "boom")
        assert (await ask(tmp_path / "control.sock", "ps")).exit_code == 0
    assert [where for where, _ in house.errors] == ["boom"]


async def test_progress_comes_in_order_and_leaving_ends_the_command(nursery: trio.Nursery, tmp_path: Path) -> None:
    """Streamed items arrive in order; a client that leaves ends the waiting function."""
    house, seen = House(), []

    class EnoughError(Exception):
        pass

    def note(item: dict[str, int]) -> None:
        seen.append(item["number"])
        if len(seen) == 5:
            raise EnoughError

    async with running(nursery, tmp_path / "control.sock", house):
        with pytest.raises(EnoughError):
            await ask(tmp_path / "control.sock", "events", {"recent": 5}, within=None, on_progress=note)
        with trio.fail_after(5):
            await house.left.wait()
    assert seen == [0, 1, 2, 3, 4]


async def test_one_connection_carries_questions_side_by_side(nursery: trio.Nursery, tmp_path: Path) -> None:
    """A waiting question on a connection does not hold up the next one; garbage is refused in between."""
    async with running(nursery, tmp_path / "control.sock", House()):
        stream = await trio.open_unix_socket(str(tmp_path / "control.sock"))
        async with stream, trio.open_nursery() as inner:
            socket_ = await wrap_client_stream(inner, stream, "localhost", "/")
            await socket_.send_message('{"id": "a", "command": "events"}')
            await socket_.send_message("{nonsense")
            await socket_.send_message("[]")
            await socket_.send_message('{"id": "b", "command": 7}')
            await socket_.send_message(b'{"id": 4, "command": "ps"}')
            with trio.fail_after(5):
                answers = [json.loads(await socket_.get_message()) for _ in range(4)]
            inner.cancel_scope.cancel()
    assert [answer["ok"] for answer in answers] == [False, False, False, True]
    assert answers[3]["id"] == "4"


async def test_strangers_on_the_socket_harm_nobody(nursery: trio.Nursery, tmp_path: Path) -> None:
    """Bytes that are no WebSocket, and a connection that says nothing, leave the server answering."""
    async with running(nursery, tmp_path / "control.sock", House()):
        noise = await trio.open_unix_socket(str(tmp_path / "control.sock"))
        await noise.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        silent = await trio.open_unix_socket(str(tmp_path / "control.sock"))
        assert (await ask(tmp_path / "control.sock", "ps")).exit_code == 0
        await noise.aclose()
        await silent.aclose()


async def test_more_connections_than_places_are_turned_away(
    nursery: trio.Nursery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the limit a connection is closed at once, and a place that becomes free is given out again."""
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.3)
    path, first, house = tmp_path / "control.sock", trio.Event(), House()
    async with running(nursery, path, house):
        async with trio.open_nursery() as inner:
            follow = functools.partial(ask, path, "events", {"recent": 1}, on_progress=lambda _: first.set())
            inner.start_soon(follow)
            await first.wait()
            with pytest.raises(CommandError, match="control connection"):
                await ask(path, "ps")
            inner.cancel_scope.cancel()
        with trio.fail_after(5):
            await house.left.wait()
            while True:
                with contextlib.suppress(CommandError):
                    await ask(path, "ps")
                    break


async def test_nobody_listening_is_said_plainly(tmp_path: Path) -> None:
    """No file, a dead socket and a folder that is a file all mean: no process, and how to start one."""
    (tmp_path / "plain").write_text("")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead.sock"))
    dead.close()
    for path in (tmp_path / "none.sock", tmp_path / "dead.sock", tmp_path / "plain" / "control.sock"):
        with pytest.raises(NoProcessError, match="claude-runner up"):
            await ask(path, "ps")


async def test_a_process_that_does_not_answer_is_a_timeout(tmp_path: Path) -> None:
    """A socket with nobody behind it ends in an error after the asker's patience, not in a wait for ever."""
    bound = ControlSocket.bind(tmp_path / "control.sock")
    try:
        with pytest.raises(CommandError, match="within 0.1 s"):
            await ask(tmp_path / "control.sock", "ps", within=0.1)
    finally:
        bound.close()


async def test_a_server_that_goes_away_is_said(tmp_path: Path) -> None:
    """When the server ends in the middle of a question, the asker learns it."""
    path = tmp_path / "control.sock"
    bound = ControlSocket.bind(path)
    house = House()
    try:
        async with trio.open_nursery() as nursery, trio.open_nursery() as server_nursery:
            await server_nursery.start(
                functools.partial(serve, bound.listener(), house.commands(), on_error=house.note)
            )

            async def left() -> None:
                with pytest.raises(CommandError, match="ended or restarted"):
                    await ask(path, "events", {"recent": 1}, on_progress=lambda _: server_nursery.cancel_scope.cancel())

            nursery.start_soon(left)
    finally:
        bound.close()


async def test_a_restart_of_the_server_refuses_no_connection(nursery: trio.Nursery, tmp_path: Path) -> None:
    """The socket belongs to its owner: a question put between two servers is answered by the second."""
    path = tmp_path / "control.sock"
    house = House()
    async with running(nursery, path, house) as bound:
        async with trio.open_nursery() as first:
            await first.start(functools.partial(serve, bound.listener(), house.commands(), on_error=house.note))
            first.cancel_scope.cancel()
        assert (await ask(path, "ps")).exit_code == 0


def test_the_socket_file_is_private_and_cleaned_up(tmp_path: Path) -> None:
    """The mode is the one asked for, a stale file is replaced, and closing removes only our own."""
    path = tmp_path / "data" / "control.sock"
    first = ControlSocket.bind(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    second = ControlSocket.bind(path, mode=0o660)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    first.close()
    assert path.exists()
    second.close()
    assert not path.exists()
    second.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    """Somebody's file at the socket's place is an error naming it, never removed."""
    path = tmp_path / "control.sock"
    path.write_text("mine")
    with pytest.raises(CommandError, match="not a socket"):
        ControlSocket.bind(path)
    assert path.read_text() == "mine"


def test_a_bind_that_fails_leaves_no_descriptor(tmp_path: Path) -> None:
    """An address that can't be bound raises and closes what it had opened."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="too long"):
        ControlSocket.bind(tmp_path / ("x" * 120))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_a_deep_home_has_a_control_socket_too(nursery: trio.Nursery, tmp_path: Path) -> None:
    """A path longer than a unix address holds works on both ends."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    async with running(nursery, folder / "control.sock", House()):
        assert (await ask(folder / "control.sock", "ps")).exit_code == 0


def test_a_program_without_a_loop_can_ask(tmp_path: Path) -> None:
    """The calls for programs without a loop say the same: nobody there, somebody there."""
    with pytest.raises(NoProcessError):
        client.request(tmp_path / "control.sock", "ps")
    assert not client.answers(tmp_path / "control.sock")
    bound = ControlSocket.bind(tmp_path / "control.sock")
    try:
        assert client.answers(tmp_path / "control.sock")
    finally:
        bound.close()


def test_interrupting_a_question_is_an_interrupt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a question arrives as KeyboardInterrupt itself, not in a group."""

    async def interrupted(*_: object, **__: object) -> Answer:
        raise BaseExceptionGroup("from a nursery", [KeyboardInterrupt()])

    async def broken(*_: object, **__: object) -> Answer:
        raise ExceptionGroup("from a nursery", [ValueError()])

    monkeypatch.setattr(client, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.request(tmp_path, "ps")
    monkeypatch.setattr(client, "ask", broken)
    with pytest.raises(ExceptionGroup):
        client.request(tmp_path, "ps")


async def test_forbidden_sockets_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket of another user is an error about whose it is."""
    await _with_connect_error(monkeypatch, PermissionError(), tmp_path, "another user")
    await _with_connect_error(monkeypatch, trio.TooSlowError(), tmp_path, "accepts no connection")


async def _with_connect_error(monkeypatch: pytest.MonkeyPatch, error: Exception, path: Path, words: str) -> None:
    async def refuse(_: str) -> trio.SocketStream:
        raise error

    monkeypatch.setattr(trio, "open_unix_socket", refuse)
    with pytest.raises(CommandError, match=words):
        await ask(path / "control.sock", "ps")


@attrs.define(eq=False)
class Pipe:
    """A wire in memory; sending may be made to hang."""

    incoming: list[str]
    hang: bool = False
    sent: list[str] = attrs.field(factory=list)

    async def receive(self) -> str:
        await trio.lowlevel.checkpoint()
        if not self.incoming:
            if self.hang:
                await trio.sleep_forever()
            raise WireClosed
        return self.incoming.pop(0)

    async def send(self, text: str) -> None:
        if self.hang:
            await trio.sleep_forever()
        self.sent.append(text)


async def test_a_client_that_stops_reading_is_dropped(autojump_clock: trio.testing.MockClock) -> None:
    """A conversation whose client reads nothing ends after the send limit."""
    house = House()
    pipe = Pipe(['{"id": "1", "command": "ps"}'], hang=True)
    await _talk(pipe, house)
    assert trio.current_time() == pytest.approx(server.SEND_SECONDS)


async def test_a_wire_that_breaks_during_progress_ends_the_conversation(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A wire that breaks in the middle of a stream is an end, not an error."""
    house = House()

    class Breaking(Pipe):
        async def send(self, text: str) -> None:
            raise WireClosed

    await _talk(Breaking(['{"id": "1", "command": "events", "params": {"recent": 1}}'], hang=True), house)
    assert house.errors == []


async def _talk(pipe: Pipe, house: House) -> None:
    run: Callable[[], Awaitable[None]] = functools.partial(
        converse, pipe, house.commands(), caller=Caller(), on_error=house.note
    )
    with trio.fail_after(120):
        await run()
