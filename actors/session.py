"""Session: runs one wake at a time, then its hooks.

Owns     the session rows, hook rows and spend of the ledger, and the model's process group.
Told by  scheduler and doors (Work), the console (Status, Cancel).
Tells    nobody by message; the engine publishes through the broadcaster.
Crash    permanent; the wake under way is ended and recorded, the next one is read from the ledger.

A wake is never run inside a message: `Work` only says "look at the ledger", and the wake runs in a task of its own,
so that questions are answered in the middle of it and a restart can't run it twice.
"""

from collections.abc import Callable
from datetime import timedelta

import attrs
import trio

from actors.protocol import Cancel, CurrentSession, Drain, SessionState, Status, Work
from runner.clock import Now
from runner.kernel import ActorContext, EventRing, Mailbox, Reply, StopReason
from runner.ledger import LOOKED_AT, Ledger, SessionRow, Wake, failing_hooks
from runner.session.engine import Engine
from runner.session.errors import SessionLockedError
from runner.settings import Settings
from runner.storage import sqlite

PHASE = "session.phase"
"""Event: a wake has reached a phase (`session_id`, `type`, `phase`)."""

ENDED = "session.ended"
"""Event: a wake has its terminal record (`session_id`, `type`, `state`, `reason`)."""

HOOK_FAILING = "session.hook_failing"
"""Event: a hook has failed session after session (`hook`, `sessions`, `cause`); told again after each."""

WAITING = "session.waiting"
"""Event: another process holds the session lock (`session_id`, `type`, `cause`)."""

LEDGER = "session.ledger_waits"
"""Event: the ledger doesn't take what is to be written, and is asked again (`session_id`, `type`,
`cause`: "" when that is over).
"""

LOOK_AGAIN = 20.0
"""Seconds between two looks at the queue at the most: a wake may wait for its hour, and the wall clock may jump."""

FOREIGN = timedelta(seconds=2)
"""How long a wake steps back while another process holds the session lock."""

REASONS = {
    StopReason.RESTART: "operator restart",
    StopReason.STOP: "operator stop",
    StopReason.KILL: "operator kill",
    StopReason.GROUP: "restarted with its group",
    StopReason.SHUTDOWN: "shutdown",
}
CRASHED = "the session actor crashed"


@attrs.define(eq=False)
class SessionActor:
    """See the module."""

    mailbox: Mailbox[Work | Status | Cancel | Drain]
    engine: Engine
    ledger: Ledger
    now: Now
    events: EventRing
    current_session: CurrentSession = attrs.field(factory=CurrentSession)
    current: Callable[[], Settings] | None = None
    """The settings in force; looked at between two wakes, so that a reload needs no restart for those that are live."""
    _patient: Ledger = attrs.field(init=False)
    _life: ActorContext = attrs.field(init=False)
    _look: trio.Event = attrs.field(factory=trio.Event, init=False)
    _drained: list[Reply[None]] = attrs.field(factory=list, init=False)
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    _asked_to_end: str = attrs.field(default="", init=False)
    _ending: bool = attrs.field(default=False, init=False)
    _at_rest: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self._patient = self.ledger.patiently(self._waits)
        self.engine.waits = self._waits

    async def run(self, context: ActorContext) -> None:
        """Clean up after the last life, then run what the ledger holds; answer meanwhile."""
        self._life = context
        self._say("recovering")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._work)
            nursery.start_soon(self._heed, nursery.cancel_scope)
            context.started()
            await self._answer()

    async def _answer(self) -> None:
        while True:
            match await self.mailbox.receive():
                case Work():
                    self._look.set()
                case Status(reply=reply):
                    reply.send(self.current_session.state)
                case Cancel(session_id=session_id, reason=reason, reply=reply):
                    reply.send(self._cancel(session_id, reason))
                case Drain(reply=reply):
                    self._drained.append(reply)
                    self.current_session.state = attrs.evolve(self.current_session.state, draining=True)
                    self._look.set()

    def _cancel(self, session_id: str, reason: str) -> bool:
        if self.current_session.state.session_id != session_id:
            return False
        self._asked_to_end = reason
        self._scope.cancel()
        return True

    async def _heed(self, whole: trio.CancelScope) -> None:
        """End the wake at the first word of an end, so that its whole grace is there for ending it well."""
        async with trio.open_nursery() as nursery:
            for word in (self._life.stopping, self._life.shutdown):
                nursery.start_soon(_first_of, word, nursery.cancel_scope)
        self._ending = True
        self._look.set()
        self._scope.cancel()
        await self._at_rest.wait()  # no deadline: the spec's grace cancels all of this
        await self._life.stopping.wait()  # no deadline: in a shutdown the supervisor gives each child its turn
        whole.cancel()

    async def _work(self) -> None:
        """Claim and run one wake after the other, until the end is wished."""
        with self._heeding():
            await self._recover()
        while not self._ending:
            self._say("idle")
            self._look = trio.Event()
            if self.current is not None and self.current() is not self.engine.settings:
                self.engine = attrs.evolve(self.engine, settings=self.current())
            await self._put_right()
            if self._drained:
                for reply in self._drained:
                    reply.send(None)
                await self._look.wait()  # no deadline: a drained actor only waits for its end
                continue
            wake = await self._claim()
            if wake is None:
                with trio.move_on_after(LOOK_AGAIN):
                    await self._look.wait()
            else:
                await self._perform(wake)
        self._at_rest.set()

    async def _put_right(self) -> None:
        """Finish what a cancelled wake left, or another process that died; what a living one runs stays its own."""
        with self._heeding():
            left = await self._patient.sessions.unfinished() or await self._patient.hooks.unfinished_sessions()
            if left or self._asked_to_end:  # a wake that was ended before its model began may still be claimed
                self._asked_to_end = ""
                self._say("recovering")
                await self._recover()
                self._say("idle")

    async def _recover(self) -> None:
        for found in await self.engine.recover():
            row = await self._patient.sessions.get(found.session_id) if found.action == "closed" else None
            if row is not None:
                self._ended(row)

    async def _claim(self) -> Wake | None:
        """The next wake; None when there is none, or the end is wished while the ledger can't be asked."""
        with self._heeding():
            return await self._patient.wakes.claim(self.now())
        return None

    async def _perform(self, wake: Wake) -> None:
        self._asked_to_end = ""

        def report(phase: str) -> None:
            self._say(phase, wake)
            self.events.emit(PHASE, session_id=wake.id, type=wake.type, phase=phase)

        with self._heeding():
            try:
                await self.engine.run(wake, report=report, why_cancelled=self._why)
            except SessionLockedError as error:
                self.events.emit(WAITING, session_id=wake.id, type=wake.type, cause=str(error))
                later = self.now() + FOREIGN
                await self._patient.wakes.release(
                    wake.id, self.now(), counted=False, not_before=later, reason=str(error)
                )
                await trio.sleep(FOREIGN.total_seconds())
                return
        with sqlite.unless_passing():  # also after a cancellation; a ledger that can't be read has no record either
            row = await self.ledger.sessions.get(wake.id)
            if row is not None and row.ended:
                self._ended(row)
                for hook in failing_hooks(await self.ledger.sessions.list(LOOKED_AT)):
                    self.events.emit(HOOK_FAILING, hook=hook.name, sessions=hook.sessions, cause=hook.reason)

    def _heeding(self) -> trio.CancelScope:
        """A scope that a wished end cancels, or has cancelled already."""
        self._scope = trio.CancelScope()
        if self._ending:
            self._scope.cancel()
        return self._scope

    def _ended(self, row: SessionRow) -> None:
        self.events.emit(ENDED, session_id=row.session_id, type=row.type, state=row.state, reason=row.reason or "")

    def _waits(self, why: str) -> None:
        """The ledger keeps the session waiting; "" when it does no more."""
        state = self.current_session.state
        if why != state.waits:
            self.current_session.state = attrs.evolve(state, waits=why)
            self.events.emit(LEDGER, session_id=state.session_id, type=state.type, cause=why)

    def _say(self, phase: str, wake: Wake | None = None) -> None:
        """Let everyone know what is going on."""
        self.current_session.state = SessionState(
            phase,
            wake.id if wake is not None else None,
            wake.type if wake is not None else None,
            draining=bool(self._drained),
        )

    def _why(self) -> str:
        """Why the wake under way is being ended."""
        if self._asked_to_end:
            return self._asked_to_end
        stop_reason = self._life.stop_reason or (StopReason.SHUTDOWN if self._life.shutdown.is_set() else None)
        return CRASHED if stop_reason is None else REASONS[stop_reason]


async def _first_of(word: trio.Event, others: trio.CancelScope) -> None:
    await word.wait()  # no deadline: the life of the actor
    others.cancel()
