"""Following one wake for whoever asked for it: its phases from the events, its words from the live stream."""

import json
from collections.abc import Awaitable, Callable

import attrs
import trio

from actors.session import ENDED, LEDGER, PHASE
from runner.control.protocol import Call, WakeProgress
from runner.kernel import Event, Subscription
from runner.ledger import Ledger
from runner.live import Subscriber
from runner.live.frames import DELTA, TEXT

TOOL = "session.tool"
QUIET = 60.0

LOOK_AGAIN = 0.25
"""Seconds between two looks at a wake that is about to begin although its asker would not wait."""

RECORD_AGAIN = 5.0
"""Seconds between two looks at the record of a wake that has begun."""

RECORD_WITHIN = 30.0
"""Seconds that an asker waits for a ledger that takes nothing; the wake itself goes on without him."""


@attrs.define(eq=False)
class WakeFollower:
    """One wake as its asker sees it."""

    wake_id: str
    call: Call
    ledger: Ledger
    begun: bool = False
    waits: str = ""
    """Why its record can't be written, while that is so."""
    _waits_since: float = 0.0

    async def steps(self, events: Subscription, patience: float, busy: Callable[[], Awaitable[bool]]) -> None:
        """Phases until the terminal record; gives up at `patience` when others go first."""
        while True:
            event: Event | None = None
            with trio.move_on_at(trio.current_time() + RECORD_AGAIN if self.begun else patience):
                event = await events.__anext__()
            if event is None:
                # Also for a wake whose end no event told of: the actor that would have told it crashed.
                row = await self.ledger.sessions.get(self.wake_id)
                if row is not None and row.ended:
                    return
                if self.waits and trio.current_time() > self._waits_since + RECORD_WITHIN:
                    return
                if not self.begun and row is None and await busy():
                    return
                patience = trio.current_time() + LOOK_AGAIN
                continue
            if event.fields.get("session_id") != self.wake_id:
                continue
            if event.name == ENDED:
                await self.call.progress(WakeProgress("ended", self.wake_id, detail=str(event.fields.get("state"))))
                return
            await self._step(event)

    async def _step(self, event: Event) -> None:
        if event.name == LEDGER:
            await self._waiting(str(event.fields.get("cause")))
        if event.name == PHASE:
            phase = str(event.fields.get("phase"))
            if phase == "hooks":
                await self.call.progress(WakeProgress("hooks", self.wake_id))
            elif not self.begun:
                self.begun = True
                await self.call.progress(WakeProgress("started", self.wake_id, detail=phase))

    async def _waiting(self, cause: str) -> None:
        if cause and not self.waits:
            self._waits_since = trio.current_time()
        self.waits = cause
        if cause:
            await self.call.progress(WakeProgress("waiting", self.wake_id, detail=cause))

    async def words(self, live: Subscriber) -> None:
        """What the session writes, as every viewer sees it."""
        streamed = False
        while True:
            try:
                frames = await live.receive(QUIET)
            except trio.EndOfChannel:
                return
            for name, data in _parsed(frames or ()):
                if not self.begun:
                    continue
                if name == DELTA:
                    streamed = True
                    await self.call.progress(WakeProgress("text", self.wake_id, text=str(data.get("text", ""))))
                elif name == TEXT:
                    text = "\n" if streamed else f"{data.get('text', '')}\n"
                    streamed = False
                    await self.call.progress(WakeProgress("text", self.wake_id, text=text))
                elif name == TOOL:
                    await self.call.progress(WakeProgress("tool", self.wake_id, detail=str(data.get("summary", ""))))


def _parsed(frames: tuple[bytes, ...]) -> list[tuple[str, dict[str, object]]]:
    found: list[tuple[str, dict[str, object]]] = []
    for frame in b"".join(frames).decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if "data" in fields:
            found.append((fields.get("event", ""), json.loads(fields["data"])))
    return found
