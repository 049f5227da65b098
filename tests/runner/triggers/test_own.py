"""An own wake becomes one row of the queue, whatever happens between file and row."""

from datetime import timedelta
from pathlib import Path

import pytest

from runner.triggers.selfwake import Pending
from runner.triggers.selfwake_file import SelfWakeFile
from tests.runner.triggers.stage import TEN, Stage, stage


def set_wake(s: Stage, minutes: int = 45, reason: str = "to see the tide") -> Pending:
    pending = Pending(wake_at=TEN + timedelta(minutes=minutes), reason=reason, created_at=TEN)
    file = s.desk.own_file
    assert file is not None
    file.set(pending)
    return pending


async def test_it_is_queued_at_its_time_and_told_when_it_has_begun(tmp_path: Path) -> None:
    """Nothing before its minute; then one row with the reason; the history line comes with the session's begin."""
    async with stage(tmp_path) as s:
        pending = set_wake(s)
        assert (await s.desk.look(TEN)).again == pending.wake_at
        assert await s.waiting("self") == []
        await s.look(pending.wake_at)
        (wake,) = await s.waiting("self")
        assert (wake.message, wake.source, wake.priority) == ("to see the tide", "self", 40)
        assert s.desk.own_file is not None
        assert s.desk.own_file.pending() is None
        await s.look(pending.wake_at + timedelta(minutes=1))
        assert not s.desk.own_file.history.exists()
        began = pending.wake_at + timedelta(minutes=2)
        await s.run_one(began)
        for minutes in (3, 4):
            await s.look(pending.wake_at + timedelta(minutes=minutes))
        (fired,) = s.desk.own_file.fired()
        assert fired.at == began
        assert await s.waiting("self") == []


async def test_a_crash_between_row_and_file_makes_no_second_wake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row was committed and the file stayed: a later look, even after the session has run, only clears the file."""
    async with stage(tmp_path) as s:
        pending = set_wake(s)

        def crash(*_: object) -> None:
            raise RuntimeError("crash")

        with monkeypatch.context() as patch:
            patch.setattr(SelfWakeFile, "clear", crash)
            with pytest.raises(RuntimeError, match="crash"):
                await s.desk.look(pending.wake_at)
        assert len(await s.waiting("self")) == 1
        await s.run_one(pending.wake_at)
        await s.look(pending.wake_at + timedelta(minutes=1))
        assert await s.waiting("self") == []
        assert s.desk.own_file is not None
        assert s.desk.own_file.pending() is None
        assert len(s.desk.own_file.fired()) == 1


async def test_a_wake_that_waits_counts_against_the_next(tmp_path: Path) -> None:
    """While one is queued and not begun, another own wake keeps its half hour from it."""
    async with stage(tmp_path) as s:
        first = set_wake(s, minutes=20)
        await s.look(first.wake_at)
        set_wake(s, minutes=40, reason="again")
        await s.look(TEN + timedelta(minutes=40))
        assert [wake.message for wake in await s.waiting("self")] == ["to see the tide"]
        await s.look(TEN + timedelta(minutes=50))
        assert [wake.message for wake in await s.waiting("self")] == ["to see the tide", "again"]


async def test_a_wake_that_never_began_is_not_in_the_history(tmp_path: Path) -> None:
    """A refused own wake costs nothing of the day."""
    async with stage(tmp_path) as s:
        pending = set_wake(s)
        await s.look(pending.wake_at)
        (wake,) = await s.waiting("self")
        await s.ledger.wakes.refuse(wake.id, "for the test", pending.wake_at)
        await s.look(pending.wake_at + timedelta(minutes=1))
        assert s.desk.own_file is not None
        assert s.desk.own_file.fired() == ()


async def test_a_broken_trigger_does_not_stop_the_desk(tmp_path: Path) -> None:
    """What a trigger can't read is told by name, and asked again."""
    async with stage(tmp_path) as s:
        assert s.desk.own_file is not None
        s.desk.own_file.history.mkdir()
        found = await s.desk.look(TEN)
        assert [name for name, _ in found.troubles] == ["OwnWakes"]
        s.desk.own_file.history.rmdir()
        await s.look(TEN)
