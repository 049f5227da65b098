"""One session while its model runs: what each record sets in motion, and what the end makes of it."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping

import attrs
import trio

from runner.clock import Now
from runner.ledger import Ledger, SessionFacts, SessionOutcome
from runner.offload import RunSync
from runner.session.backends.base import Backend, RunOrder, RunResult
from runner.session.budget_guard import TokenCount
from runner.stream.events import PublicEvent, Publish
from runner.stream.livefiles import LineFiles, StatusFile
from runner.stream.projection import Projection
from runner.stream.records import Record, ResultRecord, parse
from runner.stream.summary import Summary

LARGE_LINE = 256 * 1024
"""Longer lines are taken apart in a thread: the loop has viewers to serve meanwhile."""


@attrs.frozen(kw_only=True)
class EndedSession(SessionOutcome):
    """The terminal record, with what only the asker of the wake needs."""

    reply: str = attrs.field(default="", repr=False)
    """The session's final text, whole."""
    verdicts: Mapping[str, str] = attrs.field(factory=dict)
    """Verdicts of the hooks that ran."""


@attrs.define(eq=False, kw_only=True)
class SessionRun:
    """Listens to one run: publishes, then writes; keeps the ledger's row in step."""

    order: RunOrder
    backend: Backend
    ledger: Ledger
    publish: Publish
    now: Now
    run_sync: RunSync
    status: StatusFile
    files: LineFiles
    projection: Projection
    summary: Summary
    on_running: Callable[[], None]
    on_end: Callable[[], Awaitable[None]]
    """Waited for when the model has said how it ended, before viewers are told."""
    spawned_yet: bool = attrs.field(default=False, init=False)
    _tokens: TokenCount = attrs.field(factory=TokenCount, init=False)
    _within_budget: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    rejected: int = attrs.field(default=0, init=False)
    """Events that the broadcaster did not take; a session never fails for it."""

    async def run(self) -> RunResult:
        """The whole run. However it ends, every line that came is in the files when this is over."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write_files)
            try:
                with self._within_budget:
                    return await self.backend.run(self.order, self)
            finally:
                self.files.finish()
        # only the budget ends the run from here: a cancellation from outside goes on outwards
        reason = f"budget of the session: {self._tokens.total} of {self.order.budget_tokens} tokens are used up"
        return RunResult(exit_code=1, reason=reason)

    async def _write_files(self) -> None:
        with trio.CancelScope(shield=True):  # ends by itself: `finish` is called on every way out
            await self.files.run()

    async def spawning(self) -> None:
        facts = SessionFacts(
            backend=self.backend.name,
            started_at=self.order.now,
            model=self.order.model,
            claude_session_id=self.order.cli_session_id,
        )
        # a cancellation comes before the commit or not at all (see RunSync): what is noted here is what happened
        await self.ledger.sessions.spawning(self.order.session_id, facts)
        self.spawned_yet = True
        if self.order.kind.live:
            with contextlib.suppress(OSError):  # a full disk: the session can be lived without being shown in this file
                await self.status.active(
                    kind=self.order.kind.name,
                    session_id=self.order.session_id,
                    started_at=self.order.now.isoformat(timespec="seconds"),
                    phase="running",
                )

    async def spawned(self, pid: int | None, started: int | None) -> None:
        await self.ledger.sessions.running(self.order.session_id, pid, started)
        self.on_running()

    async def line(self, line: bytes) -> None:
        if len(line) > LARGE_LINE:
            record, events = await self.run_sync(lambda: self._digest(line))
        else:
            record, events = self._digest(line)
        if isinstance(record, ResultRecord):
            # the one record that is on the disk before anybody is told: whoever saw the end finds it kept
            try:
                await self.files.put(line)
                await self.files.settled()
                await self.on_end()
            finally:
                self.show(events)
        else:
            self.show(events)
            await self.files.put(line)
        if self.order.budget_tokens is not None:
            self._tokens.feed(line)
            if self._tokens.total > self.order.budget_tokens:
                self._within_budget.cancel()

    def _digest(self, line: bytes) -> tuple[Record | None, list[PublicEvent]]:
        record = parse(line)
        self.summary.feed(record, line)
        return record, self.projection.feed(record)

    def show(self, events: list[PublicEvent]) -> None:
        for event in events:
            try:
                self.publish(event)
            except Exception:  # noqa: BLE001 - whatever is wrong with showing it, living it goes on
                self.rejected += 1
