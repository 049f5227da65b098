"""A home, a ledger and an engine for these tests: real files, real threads, nothing of the machine's own."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs
import trio

from runner.ledger import Ledger, Wake, WakeRequest
from runner.session.backends.base import Backend
from runner.session.choose import Chosen
from runner.session.engine import Engine, make_engine
from runner.settings import Settings, load_settings
from runner.stream.events import PublicEvent

T = TypeVar("T")

START = datetime(2026, 3, 2, 14, 0, 5, tzinfo=UTC)
FOLDERS = (
    "thoughts",
    "dreams",
    "memory",
    "prompt",
    "visitors",
    "data",
    "logs",
    "conversations",
    "transcripts",
    "runner",
)


async def in_thread(work: Callable[[], T], /) -> T:
    """The production way of running blocking work."""
    return await trio.to_thread.run_sync(work)


def settings_for(home: Path, **overrides: object) -> Settings:
    """Settings of a home that knows no environment; names are dotted keys with `__` for the dot."""
    given: dict[str, object] = {"home": str(home), "session.rehearsal_speed": 0.0, "session.kill_seconds": 1.0}
    given |= {"world.weather_url": "", "world.kp_url": ""}  # no test goes beyond this machine
    given |= {name.replace("__", "."): value for name, value in overrides.items()}
    return load_settings(given, {}, None).settings


def make_home(folder: Path) -> Path:
    """The folders a session meets, with a memory and a prompt in them."""
    home = folder / "home"
    for name in FOLDERS:
        (home / name).mkdir(parents=True)
    (home / "memory" / "memory.md").write_text("The kettle is called kestrel.\n")
    (home / "prompt" / "prompt.md").write_text("Remember the word larkspur.\n")
    return home


def clean_environment(folder: Path) -> dict[str, str]:
    """What a child may know of this machine: where programs are, and a private HOME."""
    user = folder / "user"
    user.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(user), "ANTHROPIC_API_KEY": "must-not-leak", "API_KEY": "nor-this"}


@attrs.define(eq=False)
class Stage:
    """Everything a test of the engine looks at."""

    home: Path
    settings: Settings
    ledger: Ledger
    events: list[PublicEvent] = attrs.field(factory=list)
    clock: list[datetime] = attrs.field(factory=lambda: [START])

    def now(self) -> datetime:
        self.clock[0] += timedelta(seconds=1)
        return self.clock[0]

    def engine(self, backend: Backend | None, **changes: Any) -> Engine:
        engine = make_engine(
            settings=self.settings,
            ledger=self.ledger,
            chosen=Chosen(backend, "for the test"),
            now=self.now,
            publish=self.events.append,
            run_sync=in_thread,
        )
        for name, value in changes.items():
            setattr(engine, name, value)
        return engine

    async def claimed(self, kind: str = "morning", **more: Any) -> Wake:
        """A wake, asked for and claimed."""
        made = await self.ledger.wakes.enqueue(WakeRequest(type=kind, **more), self.now())
        wake = await self.ledger.wakes.claim(self.now(), only=made.id)
        assert wake is not None
        return wake

    def names(self) -> list[str]:
        return [event.name for event in self.events]

    def data(self, name: str) -> list[Mapping[str, Any]]:
        return [event.data for event in self.events if event.name == name]

    def status(self) -> dict[str, Any]:
        import json

        value = json.loads((self.home / "data" / "session-status.json").read_text())
        assert isinstance(value, dict)
        return value

    async def assert_left_clean(self, session_id: str, state: str) -> None:
        """The promises that hold after every ending."""
        row = await self.ledger.sessions.get(session_id)
        assert row is not None
        assert row.state == state, row.reason
        assert row.state == "completed" or row.reason
        status = self.home / "data" / "session-status.json"
        assert not status.exists() or self.status()["active"] is False
        log = (self.home / "logs" / f"session-{session_id}.log").read_text()
        assert "exit code:" in log.splitlines()[-1]
        assert not any((self.home / "data" / "session.lock").read_bytes())


@asynccontextmanager
async def stage(folder: Path, **overrides: object) -> AsyncIterator[Stage]:
    """A stage whose ledger is closed at the end."""
    home = make_home(folder)
    ledger = await Ledger.open(home / "sessions.db", run_sync=_serial(), zone="America/New_York")
    try:
        yield Stage(home, settings_for(home, **overrides), ledger)
    finally:
        with trio.CancelScope(shield=True):
            await ledger.close()


def _serial() -> Any:
    """One thread at a time, as the ledger asks."""
    limiter = trio.CapacityLimiter(1)

    async def run(work: Callable[[], T], /) -> T:
        return await trio.to_thread.run_sync(work, limiter=limiter)

    return run
