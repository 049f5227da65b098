"""Closing a session: the one place that says how it ended, writes that down, and gives it its hooks.

The engine comes here when a session's run is over, and the recovery for what an earlier life left open: from the same
records both make the same outcome. A session whose model came to its own end has ended so, whatever became of its
process, of the ledger or of us between that and the record.
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime

import attrs

from runner.clock import Now
from runner.ledger import Ledger
from runner.offload import RunSync
from runner.session import sessionlog
from runner.session.backends.base import RunResult
from runner.session.budget_guard import BudgetGuard
from runner.session.kinds import SessionKind
from runner.session.pipeline import Pipeline
from runner.session.prompt_history import memory_loss
from runner.session.run import EndedSession
from runner.session.workspace import Workspace
from runner.settings import Settings
from runner.storage import sqlite
from runner.stream.redact import Redactor
from runner.stream.summary import Summary

REASON_LIMIT = 500
_CODES = {"completed": 0, "failed": 1}


@attrs.frozen(kw_only=True)
class SessionEnding:
    """What is known of an end beside the records: one of the three, or none when nobody was there to see it."""

    result: RunResult | None = None
    """What the backend said."""
    error: str | None = None
    """A fault of ours."""
    interrupted: str | None = None
    """Why it was ended before its own end."""


@attrs.frozen(eq=False, kw_only=True)
class Closing:
    settings: Settings
    ledger: Ledger
    patient: Ledger
    pipeline: Pipeline
    redactor: Redactor
    now: Now
    run_sync: RunSync

    def ended(
        self,
        kind: SessionKind | None,
        summary: Summary,
        ending: SessionEnding,
        *,
        begun: bool = True,
        duration: float | None = None,
    ) -> EndedSession:
        """The terminal record."""
        state, reason = judge(summary, ending)
        code: int | None
        if ending.result is not None:
            code = 0 if state == "completed" else ending.result.exit_code
        else:
            code = _CODES.get(state) if ending.error is None else None
        return outcome(
            summary,
            state=state,
            reason=reason,
            exit_code=code,
            ended_at=self.now(),
            redactor=self.redactor,
            hooks=hooks_of(self.pipeline, kind, state) if begun else (),
            duration=duration if begun else None,
        )

    async def keep(self, place: Workspace, ended: EndedSession) -> None:
        """So that it is known to whoever comes after us, if the ledger does not take it in time."""
        with contextlib.suppress(OSError):  # then the raw record has to do
            await self.run_sync(lambda: place.kept.keep(ended))

    async def write(self, session_id: str, ended: EndedSession) -> None:
        """The record, its cost and its hooks, in one step and once. A pause comes first: the next wake looks at it."""
        await self._write(session_id, ended, self.patient)

    async def written_at_once(self, session_id: str, ended: EndedSession) -> bool:
        """The same in one attempt; whether the ledger took it."""
        try:
            await self._write(session_id, ended, self.ledger)
        except sqlite3.Error as error:
            if not sqlite.passing(error):
                raise
            return False
        return True

    async def _write(self, session_id: str, ended: EndedSession, ledger: Ledger) -> None:
        await BudgetGuard(self.settings, ledger, self.now).ended(session_id, ended.state, ended.reason)
        await ledger.sessions.finish(session_id, ended)

    async def note(self, session_id: str, lines: Sequence[str | bytes]) -> None:
        """What the record has no room for: a loss of memory.md, and lines of the log. One attempt each."""
        loss = ""
        with contextlib.suppress(OSError):
            loss = await self.run_sync(lambda: memory_loss(self.settings.paths, session_id))
        if loss:
            with sqlite.unless_passing():
                await self.ledger.sessions.notice(session_id, loss)
        path = sessionlog.log_path(self.settings.paths.logs, session_id)
        noted = [*lines, *([f"Notice: {loss}"] if loss else [])]

        def add() -> None:
            if path.exists():
                sessionlog.append(path, noted)

        if noted:
            with contextlib.suppress(OSError):
                await self.run_sync(add)


def hooks_of(pipeline: Pipeline, kind: SessionKind | None, state: str) -> tuple[str, ...]:
    """The hooks of a session that ended so. A conversation in a terminal has its own only after a clean end."""
    if kind is None or (kind.name == "talk" and state != "completed"):
        return ()
    return pipeline.names(reduced=kind.reduced_hooks)


def judge(summary: Summary, ending: SessionEnding) -> tuple[str, str | None]:
    """State and reason of the terminal record."""
    result = ending.result
    if ending.error is not None:
        return "failed", ending.error
    if result is not None and result.reason is not None:
        return "failed", result.reason
    if summary.end is not None and summary.failed:
        words = summary.end.subtype.removeprefix("error_").replace("_", " ")
        said = f": {' '.join(summary.end.result.split())}" if summary.end.result else ""
        return "failed", f"{words if words != 'success' else 'the model reported an error'}{said}"
    if result is None:
        return ("completed", None) if summary.ended_well else ("interrupted", ending.interrupted)
    if result.exit_code != 0 and not summary.excused:
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
    end, usage = summary.end, summary.usage
    known = end is not None
    return EndedSession(
        state=state,
        ended_at=ended_at,
        reason=redactor.text(reason)[:REASON_LIMIT] if reason is not None else None,
        exit_code=exit_code,
        is_error=state == "failed",
        num_turns=end.num_turns if end is not None else None,
        input_tokens=usage.input_tokens if known else None,
        output_tokens=usage.output_tokens if known else None,
        cache_read_tokens=usage.cache_read_tokens if known else None,
        cache_creation_tokens=usage.cache_creation_tokens if known else None,
        cost_usd=end.cost_usd if end is not None else None,
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
