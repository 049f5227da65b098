"""The hook engine: each hook by its own predecessors, one verdict each, nothing lost over a restart."""

from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.ledger import Ledger, SessionFacts, SessionOutcome, WakeRequest
from runner.session.hooks import HOOKS
from runner.session.hooks.base import Hook, HookContext, HookFailedError, NotDueError, Verdict
from runner.session.kinds import kind_of
from runner.session.pipeline import HookGraphError, Pipeline, check
from tests.runner.session.stage import START, settings_for
from tests.support.ledger import inline, open_ledger


async def ended(ledger: Ledger, names: tuple[str, ...]) -> str:
    """A session that is over and has these hooks before it."""
    wake = await ledger.wakes.enqueue(WakeRequest(type="morning"), START)
    await ledger.wakes.claim(START, only=wake.id)
    await ledger.sessions.spawning(wake.id, SessionFacts(backend="rehearsal", started_at=START))
    await ledger.sessions.finish(wake.id, SessionOutcome(state="completed", ended_at=START, hooks=names))
    return wake.id


def context(home: Path, session_id: str, ledger: Ledger) -> HookContext:
    return HookContext(
        session_id=session_id,
        kind=kind_of("morning"),
        settings=settings_for(home),
        ended=START,
        began=START,
        stream=home / "stream.jsonl",
        message="",
        sender="",
        reply="",
        exit_code=0,
        run_sync=inline,
        ledger=ledger,
    )


class Steps:
    """Hooks that note when they begin and end, on trio's clock."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str, float]] = []

    def hook(
        self,
        name: str,
        seconds: float = 1,
        *,
        verdict: Verdict = Verdict.DONE,
        raises: bool = False,
        needs: tuple[str, ...] = (),
        after: tuple[str, ...] = (),
        within: float = 100,
    ) -> Hook:
        async def run(_: HookContext) -> Verdict:
            self.noted.append(("begin", name, trio.current_time()))
            await trio.sleep(seconds)
            self.noted.append(("end", name, trio.current_time()))
            if raises:
                raise ValueError(f"{name} broke")
            return verdict

        return Hook(name, run, within, needs, after)

    def begun(self) -> dict[str, float]:
        return {name: at for what, name, at in self.noted if what == "begin"}


async def run(home: Path, *hooks: Hook) -> tuple[dict[str, str | None], dict[str, str | None]]:
    ledger = await open_ledger(home)
    try:
        session_id = await ended(ledger, tuple(hook.name for hook in hooks))
        await Pipeline(hooks).run(context(home, session_id, ledger), ledger=ledger, now=lambda: START)
        rows = await ledger.hooks.of(session_id)
        return {row.name: row.verdict for row in rows}, {row.name: row.error for row in rows}
    finally:
        await ledger.close()


async def test_each_hook_waits_only_for_its_own(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """A slow hook holds back nobody who does not wait for it."""
    steps = Steps()
    start = trio.current_time()
    await run(
        tmp_path,
        steps.hook("slow", 50),
        steps.hook("quick", 1),
        steps.hook("next", after=("quick",)),
        steps.hook("last", after=("slow", "next")),
    )
    assert {name: at - start for name, at in steps.begun().items()} == {"slow": 0, "quick": 0, "next": 1, "last": 50}


async def test_needs_gates_and_after_orders(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    """A failed or late predecessor fails who needs it, and theirs; who only comes after still has its turn."""
    steps = Steps()
    verdicts, errors = await run(
        tmp_path,
        steps.hook("broken", raises=True),
        steps.hook("late", 60, within=5),
        steps.hook("idle", verdict=Verdict.NOT_DUE),
        steps.hook("a", needs=("broken",)),
        steps.hook("b", needs=("a",)),
        steps.hook("c", needs=("late",)),
        steps.hook("d", after=("broken", "late", "a")),
        steps.hook("e", needs=("idle",)),
    )
    assert verdicts == {
        "broken": "failed",
        "late": "timed_out",
        "idle": "not_due",
        "a": "upstream_failed",
        "b": "upstream_failed",
        "c": "upstream_failed",
        "d": "done",
        "e": "done",
    }
    assert errors["broken"] == "ValueError: broken broke"
    assert errors["late"] == "over its 5 s"
    assert errors["a"] == "needs broken"


async def test_a_restart_runs_what_has_no_verdict_and_nothing_twice(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Cancelled in the middle, hooks without a verdict run again, at most twice in all; those with one never."""
    steps = Steps()
    hooks = (steps.hook("first", 1), steps.hook("second", 30, after=("first",)), steps.hook("third", needs=("second",)))
    ledger = await open_ledger(tmp_path)
    session_id = await ended(ledger, ("first", "second", "third", "unknown"))
    for _ in range(2):
        with trio.move_on_after(10):
            await Pipeline(hooks).run(context(tmp_path, session_id, ledger), ledger=ledger, now=lambda: START)
    verdicts = await Pipeline(hooks).run(context(tmp_path, session_id, ledger), ledger=ledger, now=lambda: START)
    assert verdicts == {"first": Verdict.DONE, "second": Verdict.FAILED, "third": Verdict.UPSTREAM_FAILED}
    assert [name for what, name, _ in steps.noted if what == "begin"] == ["first", "second", "second"]
    rows = {row.name: row for row in await ledger.hooks.of(session_id)}
    assert rows["second"].begins == 2
    assert rows["unknown"].verdict == "failed"
    assert await ledger.hooks.unfinished_sessions() == ()
    await ledger.close()


async def _never(_: HookContext) -> Verdict:
    raise AssertionError


def test_a_table_that_contradicts_itself_is_refused() -> None:
    """A name used twice, an edge to nowhere and a ring are found when the table is built."""
    with pytest.raises(HookGraphError, match="named twice: a"):
        check((Hook("a", _never, 1), Hook("a", _never, 1)))
    with pytest.raises(HookGraphError, match="waits for b"):
        check((Hook("a", _never, 1, after=("b",)),))
    with pytest.raises(HookGraphError, match="ring: a, b"):
        Pipeline((Hook("a", _never, 1, needs=("b",)), Hook("b", _never, 1, after=("a",)), Hook("c", _never, 1)))


def test_the_shipped_table_is_sound() -> None:
    """The real table passes the same check, and small sessions get only what is marked for them."""
    pipeline = Pipeline(HOOKS)
    assert pipeline.names(reduced=False) == (
        "transcript",
        "thoughts",
        "mood",
        "conversation",
        "revalidation",
        "visitors_archive",
        "memory_index",
        "compile_memory",
        "graph_update",
        "resonance",
        "drift",
        "mirror_snapshot",
        "echoes",
        "git",
    )
    assert pipeline.names(reduced=True) == ("revalidation", "git")
    assert {hook.name: hook.needs for hook in HOOKS if hook.needs} == {
        "graph_update": ("memory_index",),
        "resonance": ("memory_index",),
        "echoes": ("resonance",),
    }
    assert {hook.name: hook.after for hook in HOOKS if hook.after} == {
        "memory_index": ("thoughts",),
        "compile_memory": ("memory_index",),
        "drift": ("memory_index",),
        "mirror_snapshot": ("memory_index",),
        "echoes": ("drift",),
        "git": ("revalidation", "echoes"),
    }


async def test_a_hook_says_why_it_did_nothing_or_could_not(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """The reason stands beside the verdict, in the hook's own words; who comes after hears of the failure."""
    told: list[tuple[str, ...]] = []

    async def idle(_: HookContext) -> Verdict:
        raise NotDueError("nothing changed")

    async def unable(_: HookContext) -> Verdict:
        raise HookFailedError("the disk is away")

    async def last(context: HookContext) -> Verdict:
        told.append(context.failed_before)
        return Verdict.DONE

    verdicts, errors = await run(
        tmp_path, Hook("idle", idle, 1), Hook("unable", unable, 1), Hook("last", last, 1, after=("idle", "unable"))
    )
    assert verdicts == {"idle": "not_due", "unable": "failed", "last": "done"}
    assert errors == {"idle": "nothing changed", "unable": "the disk is away", "last": None}
    assert told == [("unable",)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 20), st.lists(st.integers(0, 30), max_size=3), st.booleans()), max_size=8))
def test_order_and_verdicts_hold_for_any_graph(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, list[int], bool]],
) -> None:
    """In any graph: nobody begins before its predecessors are through, everybody gets one verdict, failures gate."""
    steps = Steps()
    hooks = []
    for number, (seconds, before, fails) in enumerate(rows):
        edges = tuple({f"h{one % number}" for one in before}) if number else ()
        needs, after = (edges, ()) if number % 2 else ((), edges)
        verdict = Verdict.FAILED if fails else Verdict.DONE
        hooks.append(steps.hook(f"h{number}", seconds, verdict=verdict, needs=needs, after=after))
    clock = trio.testing.MockClock(autojump_threshold=0)
    verdicts, _ = trio.run(partial(run, tmp_path_factory.mktemp("h")), *hooks, clock=clock)
    ends = {name: at for what, name, at in steps.noted if what == "end"}
    begun = steps.begun()
    for hook in hooks:
        assert verdicts[hook.name] is not None
        gated = any(verdicts[name] in {"failed", "upstream_failed"} for name in hook.needs)
        assert (verdicts[hook.name] == "upstream_failed") == gated
        assert (hook.name in begun) != gated
        for name in (*hook.needs, *hook.after):
            if hook.name in begun and name in ends:
                assert begun[hook.name] >= ends[name]
