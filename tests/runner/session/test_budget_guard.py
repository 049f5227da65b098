"""Money, tokens and the pause: decided before a session, told truly after it."""

import json
from pathlib import Path

import pytest
import trio

from runner.ledger import SpendEntry
from runner.ledger.budget import limits_of
from runner.session.backends.base import RunListener, RunOrder, RunResult, as_line
from runner.session.budget_guard import TokenCount
from runner.triggers.pause import PAUSED, Pause, shared_failure
from tests.runner.session.stage import Stage, stage


class Scripted:
    """A backend that says the given records and ends as told."""

    name = "scripted"

    def __init__(self, *records: dict[str, object], result: RunResult | None = None, forever: bool = False) -> None:
        self.records, self.result, self.forever = records, result, forever
        self.orders: list[RunOrder] = []

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        self.orders.append(order)
        await listener.spawning()
        await listener.spawned(None, None)
        for record in self.records:
            await listener.line(as_line(record))
        if self.forever:
            await trio.sleep_forever()
        return self.result or RunResult(exit_code=0)


def answer(identity: str, tokens: int) -> dict[str, object]:
    usage = {"input_tokens": tokens // 2, "output_tokens": tokens - tokens // 2}
    return {
        "type": "assistant",
        "message": {"id": identity, "content": [{"type": "text", "text": "x"}], "usage": usage},
    }


async def pause_of(s: Stage) -> Pause | None:
    return Pause.load(await s.ledger.meta.get(PAUSED))


async def test_the_tokens_of_a_session_end_it(tmp_path: Path) -> None:
    """A model that goes on for ever is ended by the answer that breaks its budget, and the record says so."""
    async with stage(tmp_path, budget__session_tokens=100) as s:
        backend = Scripted(answer("a", 60), answer("a", 60), answer("b", 60), forever=True)
        with trio.fail_after(10):
            ended = await s.engine(backend).run(wake := await s.claimed())
        assert (ended.state, ended.reason) == ("failed", "budget of the session: 120 of 100 tokens are used up")
        assert backend.orders[0].budget_tokens == 100
        await s.assert_left_clean(wake.id, "failed")


async def test_within_its_tokens_a_session_goes_on(tmp_path: Path) -> None:
    """The same answers under a larger budget end as the backend ends; without one nothing is counted."""
    for budget in (120, 0):
        async with stage(tmp_path / str(budget), budget__session_tokens=budget) as s:
            ended = await s.engine(Scripted(answer("a", 60), answer("b", 60))).run(await s.claimed())
            assert ended.state == "completed", ended.reason


def test_answers_are_counted_once() -> None:
    """An answer that comes in several records counts with its largest figure; what is no answer counts nothing."""
    count = TokenCount()
    for record in (answer("a", 10), answer("a", 14), answer("b", 5), {"type": "result", "usage": {"input_tokens": 99}}):
        count.feed(as_line(record))
    count.feed(b'{"type": "assistant", "message": {"usage": [')
    count.feed(b'{"type": "assistant", "message": "usage", "x": "usage"}')
    assert count.total == 19


async def test_tokens_of_the_day_are_set_aside_and_refuse(tmp_path: Path) -> None:
    """A session without an own limit has all that is left of the day; one that finds nothing left is refused."""
    async with stage(tmp_path, budget__day_tokens=100) as s:
        await s.ledger.spend.record(SpendEntry(ref="earlier", at=s.now(), input_tokens=40))
        backend = Scripted()
        assert (await s.engine(backend).run(await s.claimed())).state == "completed"
        assert backend.orders[0].budget_tokens == 60
        await s.ledger.spend.record(SpendEntry(ref="more", at=s.now(), output_tokens=60))
        refused = await s.engine(backend).run(await s.claimed())
        assert (refused.state, refused.reason) == ("refused", "budget of the day: 100 tokens of 100")
        assert len(backend.orders) == 1


@pytest.mark.parametrize(
    ("state", "reason", "pauses"),
    [
        ("failed", "authentication failed: the model's service refuses the key", True),
        ("failed", "the model reported an error: Claude AI usage limit reached|1772460000", True),
        ("failed", "the model reported an error: Credit balance is too low", True),
        ("failed", "the service did not answer for 60 s: 429 rate_limit_error", True),
        ("failed", "stalled: nothing came for 120 s", False),
        ("failed", "max turns: I wrote about the rate limit of the tide", False),
        ("failed", "the service did not answer for 60 s: overloaded", False),
        ("interrupted", "authentication failed", False),
        ("completed", None, False),
    ],
)
def test_which_failures_are_shared(state: str, reason: str | None, pauses: bool) -> None:
    """A refused login and a reached limit of the account would meet the next wake too; other failures would not."""
    assert shared_failure(state, reason) is pauses


async def test_the_first_shared_failure_pauses_what_nobody_asked_for(tmp_path: Path) -> None:
    """The pause names the first such session; slots and other automatic wakes are refused, a person's goes on."""
    async with stage(tmp_path) as s:
        no_login = RunResult(exit_code=1, reason="authentication failed: the model's service refuses the key")
        failing = s.engine(Scripted(result=no_login))
        first = await s.claimed("morning", source="scheduler")
        assert (await failing.run(first)).state == "failed"
        pause = await pause_of(s)
        assert pause is not None
        assert pause.session_id == first.id
        for source in ("scheduler", "self", "correspondence", "visitor"):
            refused = await failing.run(await s.claimed("noon", source=source))
            assert refused.state == "refused"
            assert "claude-runner resume" in (refused.reason or "")
        assert (await failing.run(await s.claimed("custom", source="command"))).state == "failed"
        assert await pause_of(s) == pause
        await s.ledger.meta.drop(PAUSED)
        assert (await s.engine(Scripted()).run(await s.claimed("dusk", source="scheduler"))).state == "completed"


def test_an_unreadable_pause_is_a_pause() -> None:
    """Whatever stands in the ledger under that name, wakes stay paused until somebody resumes."""
    for text in ("", "{", "[]", json.dumps({"since": "x"})):
        assert Pause.load(text) is not None
    assert Pause.load(None) is None


async def test_each_level_is_told_once(tmp_path: Path) -> None:
    """50, 80 and 100 % of each limit are told once in their day or month; what is only set aside does not count."""
    async with stage(tmp_path, budget__day_usd=1.0, budget__month_tokens=1000) as s:
        limits, told = limits_of(s.settings.budget), []
        await s.ledger.spend.reserve(SpendEntry(ref="set aside", at=s.now(), cost_usd=0.4), limits)
        for number, (usd, tokens) in enumerate([(0.49, 0), (0.01, 0), (0.0, 100), (0.35, 0), (0.5, 900), (0.1, 0)]):
            at = s.now()
            await s.ledger.spend.record(SpendEntry(ref=str(number), at=at, cost_usd=usd, input_tokens=tokens))
            told.append([(p, v.period, v.unit) for p, v in await s.ledger.spend.notices(s.now(), limits)])
        assert told == [
            [],
            [(50, "day", "USD")],
            [],
            [(80, "day", "USD")],
            [(100, "day", "USD"), (50, "month", "tokens"), (80, "month", "tokens"), (100, "month", "tokens")],
            [],
        ]


@pytest.mark.parametrize(("own", "kept"), [(0.0, 0.0), (0.3, 0.3)])
async def test_an_interrupted_session_keeps_what_it_was_allowed_and_no_more(
    tmp_path: Path, own: float, kept: float
) -> None:
    """Its cost is unknown: its own limit stays booked, but never all that was left of the day or the month."""
    async with stage(tmp_path, budget__day_usd=1.0, budget__month_usd=5.0, budget__session_usd=own) as s:
        wake = await s.claimed()
        engine = s.engine(Scripted(forever=True))
        async with trio.open_nursery() as nursery:

            async def live() -> None:
                await engine.run(wake, why_cancelled=lambda: "for the test")

            nursery.start_soon(live)
            with trio.fail_after(10):
                while (row := await s.ledger.sessions.get(wake.id)) is None or row.state != "running":
                    await trio.sleep(0.01)  # another task in its threads is looked at
            assert (await s.ledger.spend.totals(s.now())).day_usd == (own or 1.0)
            nursery.cancel_scope.cancel()
        await s.assert_left_clean(wake.id, "interrupted")
        assert (await s.ledger.spend.totals(s.now())).day_usd == kept


async def test_a_wake_that_goes_back_or_never_runs_gives_its_money_back(tmp_path: Path) -> None:
    """Whichever way a claimed wake leaves its claim without a session, nothing stays set aside for it."""
    async with stage(tmp_path, budget__day_usd=1.0) as s:
        engine = s.engine(Scripted())
        for goes_back in (True, False):
            wake = await s.claimed()
            assert await engine.budget_guard.refusal(wake) is None
            assert (await s.ledger.spend.totals(s.now())).day_usd == 1.0
            if goes_back:
                await s.ledger.wakes.release(wake.id, s.now(), counted=False)
            else:
                await s.ledger.wakes.refuse(wake.id, "for the test", s.now())
            assert (await s.ledger.spend.totals(s.now())).day_usd == 0.0
