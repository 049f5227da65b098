"""Running the hooks: each begins the moment its own predecessors are through, and ends in exactly one verdict.

`needs` gates: when such a predecessor failed, timed out or lost its own upstream, the hook is `upstream_failed`.
`after` only orders. `not_due` releases both. Every begin and every verdict is in the ledger before anything goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import attrs
import trio

from runner.ledger import Ledger
from runner.session.hooks.base import Hook, HookContext, HookFailedError, NotDueError, Verdict

_GATING = frozenset({Verdict.FAILED, Verdict.TIMED_OUT, Verdict.UPSTREAM_FAILED})


class HookGraphError(Exception):
    """The table of hooks contradicts itself; a fault of the program, found when it starts."""


@attrs.define(eq=False)
class Pipeline:
    """The hooks of one table. Building it checks the graph."""

    hooks: Sequence[Hook]

    def __attrs_post_init__(self) -> None:
        check(self.hooks)

    def names(self, *, reduced: bool) -> tuple[str, ...]:
        """Which hooks a session gets, in the table's order."""
        return tuple(hook.name for hook in self.hooks if hook.reduced or not reduced)

    async def run(self, context: HookContext, *, ledger: Ledger, now: Callable[[], datetime]) -> Mapping[str, Verdict]:
        """Run what is planned and has no verdict yet. No hook's failure goes further than its verdict."""
        rows = {row.name: row for row in await ledger.hooks.of(context.session_id)}
        verdicts: dict[str, Verdict] = {
            name: Verdict(row.verdict) for name, row in rows.items() if row.verdict is not None
        }
        wanted = [hook for hook in self.hooks if hook.name in rows and hook.name not in verdicts]
        through = {hook.name: trio.Event() for hook in wanted}

        async def one(hook: Hook) -> None:
            for before in (*hook.needs, *hook.after):
                if before in through:
                    await through[before].wait()  # every hook has a deadline, so this wait has one too
            try:
                verdicts[hook.name] = await self._one(hook, context, verdicts, ledger, now)
            finally:
                through[hook.name].set()

        async with trio.open_nursery() as nursery:
            for hook in wanted:
                nursery.start_soon(one, hook)
        for name in rows.keys() - {hook.name for hook in self.hooks}:
            await ledger.hooks.finish(context.session_id, name, "failed", "this hook no longer exists", now=now())
        return verdicts

    async def _one(
        self,
        hook: Hook,
        context: HookContext,
        verdicts: Mapping[str, Verdict],
        ledger: Ledger,
        now: Callable[[], datetime],
    ) -> Verdict:
        failed = [name for name in hook.needs if verdicts.get(name) in _GATING]
        if failed:
            verdict, error = Verdict.UPSTREAM_FAILED, f"needs {', '.join(failed)}"
            await ledger.hooks.finish(context.session_id, hook.name, verdict.value, error, now=now())
            return verdict
        if not await ledger.hooks.begin(context.session_id, hook.name, now()):
            return Verdict.FAILED  # begun twice before and never finished; the ledger has written so
        failed = [name for name in hook.after if verdicts.get(name) in _GATING]
        verdict, error = await _judged(hook, attrs.evolve(context, failed_before=tuple(failed)))
        await ledger.hooks.finish(context.session_id, hook.name, verdict.value, error or None, now=now())
        return verdict


async def _judged(hook: Hook, context: HookContext) -> tuple[Verdict, str]:
    verdict, error = Verdict.TIMED_OUT, f"over its {hook.within:g} s"
    with trio.move_on_after(hook.within) as scope:
        try:
            verdict, error = await hook.run(context), ""
        except NotDueError as reason:
            verdict, error = Verdict.NOT_DUE, str(reason)[:2000]
        except HookFailedError as reason:
            verdict, error = Verdict.FAILED, str(reason)[:2000]
        except Exception as failure:  # noqa: BLE001 - the one place where any failure of any hook becomes its verdict
            verdict, error = Verdict.FAILED, f"{type(failure).__name__}: {failure}"[:2000]
    return (Verdict.TIMED_OUT, f"over its {hook.within:g} s") if scope.cancelled_caught else (verdict, error)


def check(hooks: Sequence[Hook]) -> None:
    """Every edge leads to a known hook, no name comes twice, and there is no ring."""
    names = [hook.name for hook in hooks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HookGraphError(f"hooks named twice: {', '.join(twice)}")
    edges = {hook.name: {*hook.needs, *hook.after} for hook in hooks}
    for name, before in edges.items():
        unknown = sorted(before - set(names))
        if unknown:
            raise HookGraphError(f"hook {name} waits for {', '.join(unknown)}, which is not in the table")
    left = dict(edges)
    while left:
        free = [name for name, before in left.items() if not before & left.keys()]
        if not free:
            raise HookGraphError(f"hooks wait for each other in a ring: {', '.join(sorted(left))}")
        for name in free:
            del left[name]
