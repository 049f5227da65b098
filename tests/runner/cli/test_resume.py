"""`resume`, and what `doctor` says of a pause and of budgets."""

import trio

from runner.control.protocol import ResumeResult
from runner.ledger import SpendEntry
from runner.triggers.pause import PAUSED, Pause
from tests.runner.cli.conftest import NOW, CommandLine, FakeProcess, a_ledger
from tests.runner.cli.test_doctor import findings


def test_a_pause_is_wrong_until_it_is_resumed(lived: CommandLine) -> None:
    """With no process running the pause is found and ended in the ledger; a second time there is none."""

    async def pause() -> None:
        async with a_ledger(lived.home) as ledger:
            await ledger.meta.put(PAUSED, Pause.after("20260301-090000", "authentication failed", NOW).dump())

    assert lived("resume").out == "scheduled wakes were not paused\n"
    trio.run(pause)
    verdict, text = findings(lived)["scheduled wakes"]
    assert verdict == "wrong"
    assert "claude-runner resume" in text
    assert lived("resume").out == "scheduled wakes go on; they were paused by: authentication failed\n"
    assert lived("resume", "--json").json == {"resumed": False, "reason": ""}
    assert findings(lived)["scheduled wakes"] == ("ok", "not paused")


def test_the_running_process_is_asked(lived: CommandLine, process: FakeProcess) -> None:
    """With a process running its own door is used."""
    process.answers["resume"] = ResumeResult(resumed=True, reason="a limit")
    assert lived("resume").out == "scheduled wakes go on; they were paused by: a limit\n"
    assert process.asked[-1][0] == "resume"


def test_the_doctor_tells_how_far_a_budget_is_used(lived: CommandLine) -> None:
    """No limit, below half, from half on a notice, used up is wrong."""

    async def spend(usd: float) -> None:
        async with a_ledger(lived.home) as ledger:
            await ledger.spend.record(SpendEntry(ref="x", at=NOW, cost_usd=usd))

    assert findings(lived)["budget"] == ("ok", "no limit is set")
    lived.environ["BUDGET_DAY_USD"] = "2"
    for usd, verdict, words in (
        (0.9, "ok", "less than 50 %"),
        (1.0, "notice", "50 % of the day"),
        (2.5, "wrong", "125 %"),
    ):
        trio.run(spend, usd)
        found, text = findings(lived)["budget"]
        assert (found, words in text) == (verdict, True), text
