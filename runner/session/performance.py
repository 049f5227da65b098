"""One session while its model runs: what each record sets in motion, and what the end makes of it."""

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime

import attrs
import trio

from runner.clock import Now
from runner.ledger import Ledger, RunSync, SessionFacts, SessionOutcome
from runner.session.backends.base import Backend, RunOrder, RunResult
from runner.session.events import PublicEvent, Publish
from runner.session.livefiles import LineFiles, Status
from runner.session.projection import Projection
from runner.session.purse import TokenCount
from runner.session.records import Usage, parse
from runner.session.redact import Redactor
from runner.session.summary import Summary

LARGE_LINE = 256 * 1024
"""Longer lines are taken apart in a thread: the loop has viewers to serve meanwhile."""
REASON_LIMIT = 500


@attrs.frozen(kw_only=True)
class EndedSession(SessionOutcome):
    """The terminal record, with what only the asker of the wake needs."""

    reply: str = attrs.field(default="", repr=False)
    """The session's final text, whole."""
    verdicts: Mapping[str, str] = attrs.field(factory=dict)
    """Verdicts of the hooks that ran."""


@attrs.define(eq=False, kw_only=True)
class Performance:
    """Listens to one run: publishes, then writes; keeps the ledger's row in step."""

    order: RunOrder
    backend: Backend
    ledger: Ledger
    publish: Publish
    now: Now
    run_sync: RunSync
    status: Status
    files: LineFiles
    projection: Projection
    summary: Summary
    on_running: Callable[[], None]
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
        with trio.CancelScope(shield=True):  # one commit: a cancellation in it would leave it open whether it happened
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
            events = await self.run_sync(lambda: self._digest(line))
        else:
            events = self._digest(line)
        self.show(events)
        await self.files.put(line)
        if self.order.budget_tokens is not None:
            self._tokens.feed(line)
            if self._tokens.total > self.order.budget_tokens:
                self._within_budget.cancel()

    def _digest(self, line: bytes) -> list[PublicEvent]:
        record = parse(line)
        self.summary.feed(record, line)
        return self.projection.feed(record)

    def show(self, events: list[PublicEvent]) -> None:
        for event in events:
            try:
                self.publish(event)
            except Exception:  # noqa: BLE001 - whatever is wrong with showing it, living it goes on
                self.rejected += 1


def judge(
    summary: Summary, result: RunResult | None, *, error: str | None, interrupted: str | None
) -> tuple[str, str | None]:
    """State and reason of the terminal record."""
    if interrupted is not None:
        return "interrupted", interrupted
    if error is not None:
        return "failed", error
    assert result is not None
    if result.reason is not None:
        return "failed", result.reason
    if summary.end is not None and summary.failed:
        words = summary.end.subtype.removeprefix("error_").replace("_", " ")
        said = f": {' '.join(summary.end.result.split())}" if summary.end.result else ""
        return "failed", f"{words if words != 'success' else 'the model reported an error'}{said}"
    if result.exit_code != 0:
        return "failed", f"exit code {result.exit_code} after its result"
    return "completed", None


def outcome(
    summary: Summary,
    *,
    state: str,
    reason: str | None,
    exit_code: int | None,
    ended_at: datetime,
    redactor: Redactor,
    hooks: tuple[str, ...],
    duration: float | None = None,
) -> EndedSession:
    """The terminal record of a session that ran."""
    usage = summary.usage if summary.end is not None else Usage()
    known = summary.end is not None
    return EndedSession(
        state=state,
        ended_at=ended_at,
        reason=redactor.text(reason)[:REASON_LIMIT] if reason is not None else None,
        exit_code=exit_code,
        is_error=state == "failed",
        num_turns=summary.end.num_turns if summary.end is not None else None,
        input_tokens=usage.input_tokens if known else None,
        output_tokens=usage.output_tokens if known else None,
        cache_read_tokens=usage.cache_read_tokens if known else None,
        cache_creation_tokens=usage.cache_creation_tokens if known else None,
        cost_usd=summary.end.cost_usd if summary.end is not None else None,
        model=summary.model,
        claude_session_id=summary.claude_session_id,
        duration_seconds=duration,
        tools=dict(summary.tools),
        files_written=tuple(summary.written),
        files_read=tuple(summary.read),
        summary=redactor.text(summary.headline()),
        hooks=hooks,
        reply=summary.reply(),
    )
