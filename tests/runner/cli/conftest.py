"""A command line in memory: a home under tmp_path, output as text, and a clock that stands still."""

import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import pytest
import trio

from runner.cli.app import main
from runner.cli.context import CliContext, Start
from runner.control.protocol import (
    ActorParams,
    Call,
    Command,
    Commands,
    EventsParams,
    Nothing,
    ResendParams,
    RestartParams,
    WakeParams,
)
from runner.control.server import ControlSocket, serve
from runner.ledger import Ledger

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 17, 30, tzinfo=UTC)


async def inline(work: Callable[[], T]) -> T:
    """Blocking work done at once."""
    return work()


@asynccontextmanager
async def a_ledger(home: Path) -> AsyncIterator[Ledger]:
    """The home's ledger, open for writing."""
    ledger = await Ledger.open(home / "sessions.db", run_sync=inline)
    try:
        yield ledger
    finally:
        await ledger.close()


@attrs.define(eq=False)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@attrs.define(eq=False)
class CommandLine:
    """Runs command lines against one home."""

    home: Path
    environ: dict[str, str]
    folder: Path
    up: Callable[[Start], int] = lambda _: 0
    now: Callable[[], datetime] = lambda: NOW

    def __call__(self, *arguments: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        shell = CliContext(environ=self.environ, up=self.up, out=out, err=err, now=self.now, folder=self.folder)
        code = main(arguments, shell)
        return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture
def command(tmp_path: Path) -> CommandLine:
    """A command line with CLAUDE_HOME naming a home that is not there yet."""
    home = tmp_path / "home"
    environ = {"CLAUDE_HOME": str(home), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    environ |= {"WEATHER_URL": "", "KP_URL": ""}  # no test goes beyond this machine
    return CommandLine(home, environ, tmp_path)


@pytest.fixture
def lived(command: CommandLine) -> CommandLine:
    """The same with a home made by `init`."""
    assert command("init").code == 0
    return command


@attrs.define(eq=False)
class FakeProcess:
    """A control server in a thread, answering with what the test laid down, and remembering what was asked."""

    path: Path
    answers: dict[str, object]
    asked: list[tuple[str, Any]] = attrs.field(factory=list)
    _token: trio.lowlevel.TrioToken | None = None
    _scope: trio.CancelScope | None = None
    _ready: threading.Event = attrs.field(factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=trio.run, args=(self._run,))
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        assert self._scope is not None
        assert self._thread is not None
        self._token.run_sync_soon(self._scope.cancel)
        self._thread.join()

    async def _run(self) -> None:
        bound = ControlSocket.bind(self.path)
        self._token, self._scope = trio.lowlevel.current_trio_token(), trio.CancelScope()
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    await nursery.start(partial(serve, bound.listener(), self._commands(), on_error=self._fail))
                    self._ready.set()
        finally:
            bound.close()

    def _fail(self, where: str, error: Exception) -> None:
        raise AssertionError(where) from error

    def _commands(self) -> Commands:
        kinds: dict[str, type[Any]] = {
            "restart": RestartParams,
            "stop": ActorParams,
            "start": ActorParams,
            "kill": ActorParams,
            "wake": WakeParams,
            "events": EventsParams,
            "resend": ResendParams,
        }
        names = {"ps", "dead_letters", "reload", "resume", "status", *kinds}
        return {name: Command(kinds.get(name, Nothing), partial(self._answer, name), within=None) for name in names}

    async def _answer(self, name: str, params: Any, call: Call) -> object:
        self.asked.append((name, params))
        answer = self.answers[name]
        if isinstance(answer, list) and name in {"wake", "events"}:
            for item in answer[:-1]:
                await call.progress(item)
            answer = answer[-1]
        if answer is ...:
            await trio.sleep_forever()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def process(lived: CommandLine) -> Iterator[FakeProcess]:
    """A process that answers on the home's control socket."""
    with FakeProcess(lived.home / "data" / "control.sock", {}) as running:
        yield running
