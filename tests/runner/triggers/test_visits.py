"""Visitors' messages wake the resident once they have rested, three times a day at most, each message once."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.runner.triggers.stage import TEN, Stage, stage


def leave(s: Stage, name: str, at: datetime) -> Path:
    path = s.home / "visitors" / f"{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("hello")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


async def test_a_message_rests_ten_minutes_and_makes_one_wake(tmp_path: Path) -> None:
    """A second message begins the rest anew; both are shown by one wake, and it is not made again for them."""
    async with stage(tmp_path) as s:
        leave(s, "a", TEN)
        await s.look(TEN + timedelta(minutes=9))
        leave(s, "b", TEN + timedelta(minutes=9))
        await s.look(TEN + timedelta(minutes=18))
        assert await s.waiting("visit") == []
        for minutes in (19, 20, 21):
            await s.look(TEN + timedelta(minutes=minutes))
        (wake,) = await s.waiting("visit")
        assert (wake.source, wake.message) == ("visitor", "")
        await s.run_one(TEN + timedelta(minutes=22), "failed")
        await s.look(TEN + timedelta(minutes=60))
        assert await s.waiting("visit") == []


async def test_three_a_day_and_none_near_a_slot(tmp_path: Path) -> None:
    """Messages every 20 minutes make three wakes a local day, each at least 30 minutes from a slot."""
    async with stage(tmp_path) as s:
        made: list[datetime] = []
        for step in range(36 * 12):
            moment = TEN + timedelta(minutes=5 * step)
            if step % 4 == 0:
                for old in (s.home / "visitors").glob("*.md"):
                    old.unlink()
                leave(s, f"m{step}", moment)
            await s.look(moment)
            if await s.waiting("visit"):
                await s.run_one(moment)
                made.append(moment.astimezone(s.settings.resident.zone))
        assert [day.day for day in made] == [2, 2, 2, 3, 3, 3]
        assert all(s.schedule.minutes_to_nearest(moment) >= 30 for moment in made)


async def test_the_archive_and_other_files_wake_nobody(tmp_path: Path) -> None:
    """Only messages in the inbox itself count: no folder, no link, no other kind, no hidden file."""
    async with stage(tmp_path) as s:
        (s.home / "visitors" / "archive").mkdir(parents=True)
        (s.home / "visitors" / "archive" / "old.md").write_text("old")
        (s.home / "visitors" / "note.txt").write_text("no")
        (s.home / "visitors" / ".hidden.md").write_text("no")
        (s.home / "visitors" / "link.md").symlink_to(s.home / "visitors" / "note.txt")
        await s.look(TEN + timedelta(days=300))
        assert await s.waiting("visit") == []


@pytest.mark.parametrize("overrides", [{"schedule__visit_autowake": False}, {"schedule__visits_per_day": 0}])
async def test_it_can_be_switched_off(tmp_path: Path, overrides: dict[str, object]) -> None:
    """The setting, and a daily number of none, keep visitors from waking anybody."""
    async with stage(tmp_path, **overrides) as s:
        leave(s, "a", TEN)
        await s.look(TEN + timedelta(minutes=30))
        assert await s.waiting("visit") == []


async def test_settings_change_rest_and_quiet(tmp_path: Path) -> None:
    """The rest and the distance from slots are the settings'."""
    async with stage(tmp_path, schedule__visit_debounce_minutes=0, schedule__quiet_minutes=0) as s:
        noon = TEN + timedelta(minutes=105)
        leave(s, "a", noon)
        await s.look(noon)
        assert len(await s.waiting("visit")) == 1
