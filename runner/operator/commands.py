"""What the operator may ask of the running process, whatever door the question comes through.

Nothing here uses an actor's mailbox to stop, start or look at an actor: that works on a full or hung one too.
"""

import math
import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from importlib.metadata import version

import attrs
import trio

from actors.protocol import Cancel, CurrentSession, Drain, SessionState, Status, Upcoming, Work
from runner.clock import Now
from runner.control.protocol import (
    EXIT_BUSY,
    EXIT_USAGE,
    ActionResult,
    ActorParams,
    ActorRow,
    Answer,
    Call,
    Command,
    CommandError,
    Commands,
    DeadLetterRow,
    EventsParams,
    Nothing,
    ReloadResult,
    ResendParams,
    ResendResult,
    RestartParams,
    ResumeResult,
    SlotRow,
    StatusResult,
    WakeParams,
    WakeProgress,
    WakeResult,
)
from runner.errors import RunnerError
from runner.kernel import (
    ActionReport,
    ActorDown,
    ChildStatistics,
    DeadLetters,
    Event,
    EventRing,
    KernelError,
    Ref,
    State,
    Supervisor,
)
from runner.ledger import Ledger, SessionRow, SpendLimits
from runner.ledger.budget import worst
from runner.live import Hub
from runner.live.frames import SESSION
from runner.operator.follow import WakeFollower
from runner.triggers.intake import Intake
from runner.triggers.pause import PAUSED, Pause

ASK_WITHIN = 2.0
SLOTS_SHOWN = 8

OWN_DOOR = 0.05
"""Seconds given to an order that concerns the door it came through."""


@attrs.frozen(eq=False, kw_only=True)
class Operator:
    """The commands of the control socket as methods."""

    supervisor: Callable[[], Supervisor]
    events: EventRing
    dead_letters: DeadLetters
    ledger: Ledger
    intake: Intake
    hub: Hub
    session: Ref[Work | Status | Cancel | Drain]
    current_session: CurrentSession
    scheduler: Ref[Work | Upcoming]
    now: Now
    url: Callable[[], str]
    home: str
    backend: Callable[[], str]
    started_at: datetime
    reload: Callable[[], Awaitable[ReloadResult]]
    limits: Callable[[], SpendLimits] = SpendLimits

    def commands(self) -> Commands:
        """The table that the control server is given."""
        return {
            "ps": Command(Nothing, self.ps),
            "restart": Command(RestartParams, self.restart, within=None),
            "stop": Command(ActorParams, self.stop, within=None),
            "start": Command(ActorParams, self.start, within=None),
            "kill": Command(ActorParams, self.kill, within=None),
            "wake": Command(WakeParams, self.wake, within=None),
            "events": Command(EventsParams, self.follow_events, within=None),
            "dead_letters": Command(Nothing, self.list_dead_letters),
            "resend": Command(ResendParams, self.resend),
            "reload": Command(Nothing, self.reload_settings, within=None),
            "schedule": Command(Nothing, self.schedule),
            "status": Command(Nothing, self.status),
            "resume": Command(Nothing, self.resume),
        }

    async def ps(self, _: Nothing, __: Call) -> object:
        """Every actor as it is now."""
        paused, note = await self._scheduler_note()
        waits = self.current_session.state.waits
        rows = [
            _actor_row(child, draining=self.current_session.state.draining) for child in self.supervisor().children()
        ]
        notes = {"scheduler": note, "session": waits}
        return [
            attrs.evolve(
                row,
                reason=row.reason or notes.get(row.name) or None,
                paused=(paused or None) if row.name == "scheduler" else row.paused,
            )
            for row in rows
        ]

    async def restart(self, params: RestartParams, call: Call) -> object:
        """Restart with grace; `drain` first waits for the wake under way."""
        if params.drain:
            if params.name != "session":
                raise CommandError(
                    "bad_request", f"--drain is for session; {params.name} has nothing to drain", exit_code=EXIT_USAGE
                )
            with suppress(ActorDown):  # nothing runs then
                await Drain().ask(self.session, within=math.inf)  # no deadline: a wake has its own; the asker may leave
        return await self._act("restart", self.supervisor().restart, params.name, call)

    async def stop(self, params: ActorParams, call: Call) -> object:
        """Stop with grace."""
        return await self._act("stop", self.supervisor().stop, params.name, call)

    async def start(self, params: ActorParams, call: Call) -> object:
        """Start again."""
        return await self._act("start", self.supervisor().start, params.name, call)

    async def kill(self, params: ActorParams, call: Call) -> object:
        """End at once, as a crash."""
        return await self._act("kill", self.supervisor().kill, params.name, call)

    async def wake(self, params: WakeParams, call: Call) -> object:
        """Queue a wake, then follow it to its end, telling what happens."""
        # Following begins before the row exists, so that no event of it is missed.
        with self.events.subscribe() as events, self.hub.subscribe([SESSION], door="operator") as live:
            wake = await self.intake.admit(params.request(), self.now())
            await call.progress(WakeProgress("queued", wake.id))
            follower = WakeFollower(wake.id, call, self.ledger)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(follower.words, live)
                await follower.steps(events, trio.current_time() + params.wait, partial(self._goes_first, wake.id))
                nursery.cancel_scope.cancel()
        row = await self.ledger.sessions.get(wake.id)
        if row is not None and not row.ended and follower.waits:
            return Answer(WakeResult(wake.id, "running", f"it goes on without you: {follower.waits}"), EXIT_BUSY)
        if row is None or not row.ended:
            busy = f"waits in the queue: {await self._why_not(wake.id)}"
            return Answer(WakeResult(wake.id, "queued", busy), EXIT_BUSY)
        return Answer(_wake_result(row), row.exit_code if row.exit_code is not None else _code_of(row))

    async def follow_events(self, params: EventsParams, call: Call) -> object:
        """Tell each event as it happens, for as long as the asker stays."""
        with self.events.subscribe() as events:
            for event in self.events.recent(params.recent) if params.recent else ():
                await call.progress(_event_json(event))
            async for event in events:  # no deadline: the asker leaves when it has seen enough
                await call.progress(_event_json(event))
        return None

    async def list_dead_letters(self, _: Nothing, __: Call) -> object:
        """The dead letters in memory."""
        return [
            DeadLetterRow(
                letter.id,
                letter.actor,
                letter.message,
                letter.attempts,
                letter.error or None,
                letter.at.isoformat(),
                letter.label,
                letter.reason,
            )
            for letter in self.dead_letters.letters()
        ]

    async def resend(self, params: ResendParams, _: Call) -> object:
        """Put one dead letter to the tail of its mailbox, once."""
        actor = next((letter.actor for letter in self.dead_letters.letters() if letter.id == params.id), "")
        try:
            accepted = self.dead_letters.resend(params.id)
        except KernelError as error:
            raise CommandError("cannot_resend", str(error)) from error
        return ResendResult(params.id, actor, accepted.value)

    async def reload_settings(self, _: Nothing, __: Call) -> object:
        """Read all settings again."""
        return await self.reload()

    async def schedule(self, _: Nothing, __: Call) -> object:
        """The coming slots."""
        try:
            coming = await Upcoming(SLOTS_SHOWN).ask(self.scheduler, within=ASK_WITHIN)
        except (KernelError, ActorDown) as error:
            raise CommandError("scheduler_down", f"the scheduler does not answer: {error}") from error
        return [SlotRow(wake.type, wake.at) for wake in coming]

    async def status(self, _: Nothing, __: Call) -> object:
        """The process as a whole."""
        return StatusResult(
            pid=os.getpid(),
            url=self.url(),
            home=self.home,
            version=version("claude-runner"),
            backend=self.backend(),
            started_at=self.started_at.isoformat(),
            ready=self.supervisor().ready.is_set(),
            session_id=self.current_session.state.session_id,
        )

    async def resume(self, _: Nothing, call: Call) -> object:
        """Let wakes go on after the failure that paused them."""
        pause = Pause.load(await self.ledger.meta.get(PAUSED))
        await self.ledger.meta.drop(PAUSED)
        if pause is not None:
            self.events.emit("schedule.resumed", by=str(call.caller), reason=pause.reason)
        self.scheduler.tell(Work())
        return ResumeResult(resumed=pause is not None, reason="" if pause is None else pause.reason)

    async def _scheduler_note(self) -> tuple[bool, str]:
        """Whether wakes are paused, and what is to be said beside the scheduler."""
        try:
            pause = Pause.load(await self.ledger.meta.get(PAUSED))
            level = worst(await self.ledger.spend.totals(self.now()), self.limits())
        except (RunnerError, sqlite3.Error) as error:
            return False, f"the ledger does not answer: {error}"
        if pause is not None:
            return True, pause.text
        return False, "" if level is None else level.text

    async def _act(
        self,
        action: str,
        order: Callable[..., Awaitable[ActionReport]],
        name: str,
        call: Call,
    ) -> object:
        self.events.emit("operator.action", action=action, actor=name, by=str(call.caller))
        report = None
        try:
            # Who orders the door's own end can't wait for it: the order is carried out all the same.
            with trio.move_on_after(OWN_DOOR if name == "control" else math.inf):
                report = await order(name, by=str(call.caller))
        except KernelError as error:
            raise CommandError("refused", str(error)) from error
        if report is None:
            return ActionResult(name, action, "stopping", f"{action} of {name} has begun; this connection ends with it")
        result = ActionResult(report.actor, report.action, str(report.state), report.text)
        return Answer(result, 0 if report.done else 1)

    async def _session_state(self) -> SessionState | None:
        try:
            return await Status().ask(self.session, within=ASK_WITHIN)
        except KernelError:
            return None

    async def _goes_first(self, wake_id: str) -> bool:
        """Whether something stands before this wake: another session, or a session actor that is not there."""
        state = await self._session_state()
        return state is None or state.session_id not in (None, wake_id)

    async def _why_not(self, wake_id: str) -> str:
        state = await self._session_state()
        if state is None:
            return "the session actor is down; `ps` shows why"
        other = state.session_id
        return f"the session {other} runs" if other not in (None, wake_id) else "its turn comes next"


def _actor_row(child: ChildStatistics, *, draining: bool) -> ActorRow:
    return ActorRow(
        name=child.name,
        state=str(child.state),
        restarts=child.restarts,
        queue=child.queue,
        oldest_message_s=None if child.oldest_message_s is None else round(child.oldest_message_s, 3),
        last_error=child.last_error or None,
        critical=child.critical,
        incarnation=child.incarnation,
        reason=child.reason or None if child.state is not State.RUNNING else None,
        since=child.since.isoformat(),
        draining=True if draining and child.name == "session" else None,
    )


def _event_json(event: Event) -> dict[str, object]:
    return {"at": event.at.isoformat(), "name": event.name, **{k: _plain(v) for k, v in event.fields.items()}}


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _wake_result(row: SessionRow) -> WakeResult:
    return WakeResult(row.session_id, row.state, row.reason, row.cost_usd, row.num_turns)


def _code_of(row: SessionRow) -> int:
    """The exit code of a wake that never had a process: done, or not done."""
    return 0 if row.state == "completed" else 1
