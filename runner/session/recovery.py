"""Putting right what a process that ended too early left behind: orphans, open records, hooks without a verdict."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import attrs

from runner.children.reap import Mark, end_marked, end_recorded
from runner.clock import Now
from runner.ledger import Ledger, SessionRow
from runner.offload import RunSync
from runner.session import sessionlog
from runner.session.close import Closing, SessionEnding
from runner.session.errors import SessionLockedError
from runner.session.hooks.base import HookContext, NoIndex, SemanticIndex
from runner.session.kinds import KINDS
from runner.session.lock import SessionLock
from runner.session.pipeline import Pipeline
from runner.session.workspace import Workspace, leftovers
from runner.settings import Settings
from runner.stream.livefiles import StatusFile
from runner.stream.records import parse
from runner.stream.summary import Summary

REASON = "the process ended during the session"
OURS = "the session actor ended during the session"


@attrs.frozen
class Recovered:
    """One thing that was put right."""

    session_id: str
    action: Literal["returned", "closed", "hooks", "status"]
    detail: str = ""


@attrs.frozen(eq=False, kw_only=True)
class Recovery:
    settings: Settings
    ledger: Ledger
    lock: SessionLock
    closing: Closing
    pipeline: Pipeline
    status: StatusFile
    now: Now
    run_sync: RunSync
    index: SemanticIndex = attrs.field(factory=NoIndex)
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    async def run(self) -> tuple[Recovered, ...]:
        """Everything, under the session lock: a lock that another process holds says that its rows are alive."""
        try:
            async with self.lock.held({"type": "recovery", "started_at": self.now().isoformat(timespec="seconds")}):
                return await self._all()
        except SessionLockedError:
            return ()

    async def finish_hooks(self, session_id: str) -> Mapping[str, str]:
        """The rest of an ended session's hooks. For whoever holds the lock, or knows that no session runs."""
        row = await self.ledger.sessions.get(session_id)
        kind = KINDS.get(row.type) if row is not None else None
        if row is None or kind is None:
            return {}
        wake = await self.ledger.wakes.get(session_id)
        place = Workspace(self.settings.paths.tmp / session_id)
        kept = await self.run_sync(place.kept.ended)
        # the raw record may lack what the disk had no room for
        reply = kept.reply if kept is not None else (await self._summary(place.stream)).reply()
        zone = self.settings.resident.zone
        context = HookContext(
            session_id=session_id,
            kind=kind,
            settings=self.settings,
            ended=_moment(row.ended_at, self.now()).astimezone(zone),
            began=_moment(row.started_at, self.now()).astimezone(zone),
            stream=place.stream,
            message=wake.message if wake is not None else "",
            sender=wake.sender if wake is not None else "",
            reply=reply,
            exit_code=row.exit_code,
            run_sync=self.run_sync,
            ledger=self.ledger,
            index=self.index,
            environ=self.environ,
        )
        verdicts = await self.pipeline.run(context, ledger=self.ledger, now=self.now)
        await self._leave(place)
        return {name: verdict.value for name, verdict in verdicts.items()}

    async def _all(self) -> tuple[Recovered, ...]:
        done: list[Recovered] = []
        for wake in await self.ledger.wakes.pending():
            if wake.state == "claimed":
                now = await self.ledger.wakes.release(
                    wake.id, self.now(), reason="the process ended before its model began"
                )
                done.append(Recovered(wake.id, "returned", now.state))
        unfinished = await self.ledger.sessions.unfinished()
        done += [await self._close(row) for row in unfinished]
        if await self.status.repair(ended_at=self.now().isoformat(timespec="seconds")):
            done.append(Recovered("", "status", "idle"))
        for session_id in await self.ledger.hooks.unfinished_sessions():
            verdicts = await self.finish_hooks(session_id)
            done.append(
                Recovered(session_id, "hooks", ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items()))
            )
        for place in await self.run_sync(lambda: leftovers(self.settings.paths.tmp, frozenset())):
            await self._leave(place)
        return tuple(done)

    async def _leave(self, place: Workspace) -> None:
        """End the log of a session that is over, if its own life did not come to it; then its workspace can go."""
        session_id = place.folder.name
        row = await self.ledger.sessions.get(session_id)
        code = row.exit_code if row is not None and row.exit_code is not None else 1
        log = sessionlog.log_path(self.settings.paths.logs, session_id)
        moment = self.now().astimezone(self.settings.resident.zone)

        def leave() -> None:
            if log.exists() and not sessionlog.ended(log):
                sessionlog.end(log, exit_code=code, now=moment)
            place.wipe()

        await self.run_sync(leave)

    async def _close(self, row: SessionRow) -> Recovered:
        """End what is left of its processes, then give it the record that its own life did not come to."""
        grace = self.settings.session.kill_seconds
        over = 0
        if row.pid is not None and row.pid_started is not None:
            over += await end_recorded(row.pid, row.pid_started, run_sync=self.run_sync, grace=grace)
        mark = Mark(row.session_id, self.settings.home)
        over += len(await end_marked(mark, run_sync=self.run_sync, grace=grace))
        place = Workspace(self.settings.paths.tmp / row.session_id)
        ended = await self.run_sync(place.kept.ended)
        summary = await self._summary(place.stream)
        if ended is None:
            why = OURS if await self.run_sync(place.kept.is_ours) else REASON
            ended = self.closing.ended(KINDS.get(row.type), summary, SessionEnding(interrupted=why))
            await self.closing.keep(place, ended)
        await self.closing.write(row.session_id, ended)
        # the log's end comes when its hooks are through
        reason = [f"{ended.state.capitalize()}: {ended.reason}"] if ended.reason else []
        await self.closing.note(row.session_id, [*summary.result_lines, *reason])
        return Recovered(
            row.session_id, "closed", ", ".join([ended.state, *([f"{over} processes ended"] if over else [])])
        )

    async def _summary(self, stream: Path) -> Summary:
        def read() -> Summary:
            summary = Summary(self.settings.home)
            if stream.is_file():
                with stream.open("rb") as lines:
                    for line in lines:
                        summary.feed(parse(line), line.rstrip(b"\n"))
            return summary

        return await self.run_sync(read)


def _moment(text: str | None, default: datetime) -> datetime:
    if text is None:
        return default
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=default.tzinfo)
