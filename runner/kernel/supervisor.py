"""Supervisor: the parent that starts children in order, restarts them by rule and gives up loudly.

    supervisor = Supervisor("runner", specs, rng=random.Random(), events=events, dead_letters=letters)
    outcome = await supervisor.run()          # the root: returns when everything has ended
    raise SystemExit(outcome.exit_code)

Children start in the order of their specs, each ready (or, when not critical, in back-off) before the next begins, and
end in reverse. Mailboxes belong to the wiring and survive every restart. A supervisor is an actor itself: as a child's
`factory()` result it is ready when its children are, ends them when asked to stop, and raises `GaveUp` when it cannot
keep them alive, which its own parent counts as a crash.
"""

import math
import random
from collections.abc import Sequence

import attrs
import trio

from runner.kernel.actions import Actions
from runner.kernel.backoff import Intensity
from runner.kernel.branch import Branch
from runner.kernel.child import Child, branch_of
from runner.kernel.context import ActorContext, StopReason
from runner.kernel.dead_letters import DeadLetters
from runner.kernel.errors import GaveUp, NoSuchActor, SpecError
from runner.kernel.events import EventRing
from runner.kernel.ref import State
from runner.kernel.shutdown import Shutdown, announce, collect_all
from runner.kernel.spec import AutoShutdown, ChildSpec, Strategy
from runner.kernel.status import ActionReport, ChildStatistics, Lost, ShutdownReport, SupervisorStatistics
from runner.kernel.tree import Ended, Outcome, SupervisionTree


class Supervisor(Branch):
    """See the module. One object lives once: a nested supervisor's factory builds a new one for each incarnation.

    `ready` is set when the start is over; `stopping` when it begins to end (by whatever cause: `outcome` says which).
    `shutdown_limit` is when, counted from the beginning of a shutdown, everything left is cancelled at once.
    """

    def __init__(
        self,
        name: str,
        specs: Sequence[ChildSpec],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity | None = None,
        revive_after: float = 600.0,
        rng: random.Random,
        events: EventRing,
        dead_letters: DeadLetters,
        auto_shutdown: AutoShutdown = AutoShutdown.ALL,
        shutdown_limit: float = 20.0,
    ) -> None:
        names = [spec.name for spec in specs]
        twice = sorted({each for each in names if names.count(each) > 1})
        if twice:
            msg = f"supervisor {name!r} has children of one name: {', '.join(twice)}; each needs its own"
            raise SpecError(msg)
        self.name = name
        self._tree = SupervisionTree(
            name=name,
            children=[Child(spec, events.now) for spec in specs],
            strategy=strategy,
            intensity=intensity or Intensity(40, 60),
            revive_after=revive_after,
            rng=rng,
            events=events,
            dead_letters=dead_letters,
            auto_shutdown=auto_shutdown,
        )
        self._actions = Actions(self._tree)
        self._limit = shutdown_limit
        self._shutdown: Shutdown | None = None
        self._start_scope = trio.CancelScope()
        self._hurried = False
        self._ran = False
        self._report: ShutdownReport | None = None
        for spec in specs:
            if spec.mailbox is not None:
                spec.mailbox.adopt(dead_letters, events)

    def __repr__(self) -> str:
        children = ", ".join(f"{child.name} {child.state}" for child in self._tree.children)
        return f"<Supervisor {self.name}: {children}>"

    @property
    def ready(self) -> trio.Event:
        """The start is over: every child was ready once, or is on its own way."""
        return self._tree.ready

    @property
    def stopping(self) -> trio.Event:
        """The end has begun: asked for, given up, or the start failed."""
        return self._tree.finishing

    @property
    def outcome(self) -> Outcome | None:
        """Why it ends or has ended; None while it runs."""
        return self._tree.outcome

    @property
    def shutdown_report(self) -> ShutdownReport | None:
        """How it went down, once it has."""
        return self._report

    async def run(self, context: ActorContext | None = None) -> Outcome:
        """Start, run, end. As the root (no `context`) it returns its Outcome; it raises only an outer cancellation.

        With a `context` it is a child: it raises GaveUp, or the error that ended its start, and otherwise returns.
        """
        tree = self._tree
        if self._ran:
            msg = f"supervisor {self.name} has run before; build a new one"
            raise RuntimeError(msg)
        self._ran = True
        try:
            async with trio.open_nursery() as lives:
                tree.lives = lives
                async with trio.open_nursery() as helpers:
                    tree.helpers = helpers
                    helpers.start_soon(self._start, context, name=f"{self.name} (start)")
                    if context is not None:
                        helpers.start_soon(self._heed, context, name=f"{self.name} (end)")
                    # no deadline: this is the whole life of the tree
                    await tree.finishing.wait()
                    await self._end(context)
                    helpers.cancel_scope.cancel()
        finally:
            tree.lives = tree.helpers = None
        outcome = tree.outcome
        assert outcome is not None
        if context is not None:
            if outcome.error is not None and getattr(outcome.error, "ends_start", False):
                raise outcome.error
            if outcome.ended in (Ended.GAVE_UP, Ended.START_FAILED):
                raise GaveUp(outcome.reason)
        return outcome

    def shut_down(self, reason: str) -> None:
        """Begin the shutdown. The first reason counts; asking again does nothing."""
        self._tree.finish(Outcome(ended=Ended.SHUT_DOWN, reason=reason))

    def hurry(self) -> None:
        """The second signal: all graces end now. Begins the shutdown if it had not begun."""
        self.shut_down("hurried")
        self._hurried = True
        if self._shutdown is not None:
            self._shutdown.hurry()

    async def restart(self, name: str, *, by: str, grace: float | None = None) -> ActionReport:
        """End within the grace and start anew; not counted as a failure. The asker may leave.

        `grace` replaces the spec's: the actor finds it in `life.grace`, and with `math.inf` it may finish what it does.
        """
        return await self._order("restart", name, by, grace)

    async def stop(self, name: str, *, by: str, grace: float | None = None) -> ActionReport:
        """End within the grace and leave it stopped; its mailbox goes on accepting orders."""
        return await self._order("stop", name, by, grace)

    async def start(self, name: str, *, by: str) -> ActionReport:
        """Start a stopped, failed or waiting child now."""
        return await self._order("start", name, by)

    async def kill(self, name: str, *, by: str) -> ActionReport:
        """Cut off now, counted as a crash."""
        return await self._order("kill", name, by)

    def children(self) -> tuple[ChildStatistics, ...]:
        """Every child, in start order; those of nested supervisors follow theirs as "parent/child"."""
        found: list[ChildStatistics] = []
        for child in self._tree.children:
            found.append(child.statistics())
            branch = branch_of(child)
            if branch is not None:
                found += branch.children_under(child.name)
        return tuple(found)

    def stuck_for(self) -> float | None:
        """How long the longest stuck child (nested ones too) has been so; None when none is."""
        times = [each.stuck_s for each in self.children() if each.stuck_s is not None]
        return max(times, default=None)

    def statistics(self) -> SupervisorStatistics:
        """A snapshot of everything."""
        tree = self._tree
        return SupervisorStatistics(
            name=self.name,
            strategy=tree.strategy.value,
            ready=tree.ready.is_set(),
            stopping=tree.finishing.is_set(),
            restarts_in_window=tree.window.count(trio.current_time()),
            restarts_allowed=tree.intensity.restarts,
            window=tree.intensity.window,
            children=self.children(),
        )

    # --- for a parent

    def announce_shutdown(self) -> None:
        """Tell every child at once that the process is going."""
        announce(self._tree)

    def close_doors(self, state: State, reason: str) -> None:
        """The whole branch is down: its children's mailboxes say so."""
        for child in self._tree.children:
            child.enter(state, reason)

    def losses(self) -> list[Lost]:
        """Everything its children leave unhandled when the process goes."""
        collect_all(self._tree)
        return self._tree.lost

    def children_under(self, prefix: str) -> list[ChildStatistics]:
        """Its children, named "prefix/child"."""
        return [attrs.evolve(each, name=f"{prefix}/{each.name}") for each in self.children()]

    # --- inside

    async def _start(self, context: ActorContext | None) -> None:
        tree = self._tree
        with self._start_scope:
            for child in tuple(tree.children):
                tree.launch(child, "first start")
                if child.incarnation is not None:
                    # bounded by the child's start limit and cancel grace
                    await child.settled.wait()
            if tree.outcome is None:
                tree.ready.set()
                if context is not None:
                    context.started()

    async def _heed(self, context: ActorContext) -> None:
        # no deadline: a nested supervisor lives until it is asked to end
        await context.stopping.wait()
        self.shut_down(context.why)

    async def _end(self, context: ActorContext | None) -> None:
        outcome = self._tree.outcome
        assert outcome is not None
        self._start_scope.cancel()
        losing = context is None or context.stop_reason is StopReason.SHUTDOWN
        self._shutdown = Shutdown(self._tree, losing, self._limit if context is None else math.inf)
        if self._hurried:
            self._shutdown.hurry()
        self._report = await self._shutdown.run(outcome.reason)

    async def _order(self, action: str, name: str, by: str, grace: float | None = None) -> ActionReport:
        parent, _, rest = name.partition("/")
        if not rest:
            return await self._actions.order(action, name, by, grace)
        child = self._actions.find(parent)
        branch = branch_of(child)
        if not isinstance(branch, Supervisor):
            raise NoSuchActor(name, tuple(each.name for each in self.children()))
        report = await branch._order(action, rest, by, grace)  # noqa: SLF001 - the same class, one level down
        return attrs.evolve(report, actor=name)
