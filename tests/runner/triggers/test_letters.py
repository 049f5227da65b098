"""Letters wake the resident once they have rested, and no more often than is good for anybody."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runner.correspondence import Message, Threads
from runner.ledger import LettersOf
from runner.triggers.letters import due
from tests.runner.triggers.stage import TEN, Stage, stage

HALF = timedelta(minutes=30)


def write(s: Stage, user: str, at: datetime, sender: str | None = None, reply_to: str | None = None) -> str:
    (s.home / "mailbox" / user).mkdir(parents=True, exist_ok=True)
    threads = Threads(s.home / "mailbox")
    return threads.append(user, "words", now=at, sender=sender or user, reply_to=reply_to).id


@pytest.mark.parametrize(
    ("shown", "minutes", "expected"),
    [
        (None, 29, None),
        (None, 30, "u1"),
        (None, -5, "u1"),
        (LettersOf(user="mira", last_seen_id="u1", attempts=1), 30, "u1"),
        (LettersOf(user="mira", last_seen_id="u1", attempts=2), 30, None),
        (LettersOf(user="mira", last_seen_id="u0", attempts=2), 30, "u1"),
        (LettersOf(user="mira", offered_id="u1", offered_in="a wake"), 30, None),
        (LettersOf(user="mira", last_session_at=TEN + timedelta(minutes=5)), 30, None),
        (LettersOf(user="mira", last_session_at=TEN), 30, "u1"),
    ],
)
def test_when_a_letter_is_due(shown: LettersOf | None, minutes: int, expected: str | None) -> None:
    """It rests 30 minutes, is shown twice at most, waits 30 minutes after a session, and never while it is offered."""
    waiting = [Message(id="u1", sender="mira", ts=TEN.isoformat())]
    assert due(waiting, shown, TEN + timedelta(minutes=minutes)) == expected
    assert due([], shown, TEN + timedelta(minutes=minutes)) is None


async def test_letters_of_all_make_one_wake(tmp_path: Path) -> None:
    """Those who wrote are named with commas; while that wake has not ended nothing more is offered."""
    async with stage(tmp_path) as s:
        write(s, "mira", TEN)
        write(s, "tom", TEN)
        write(s, "quiet", TEN)
        write(s, "quiet", TEN, sender="claudie")
        await s.look(TEN + timedelta(minutes=29))
        assert await s.waiting("correspondence") == []
        for minutes in (30, 31, 32):
            await s.look(TEN + timedelta(minutes=minutes))
        (wake,) = await s.waiting("correspondence")
        assert (wake.message, wake.source, wake.priority) == ("mira,tom", "correspondence", 60)


async def test_an_unanswered_letter_is_shown_once_more_and_then_left(tmp_path: Path) -> None:
    """The history has one line for each session that ran, and a new letter begins anew."""
    async with stage(tmp_path) as s:
        write(s, "mira", TEN - timedelta(hours=1))
        moment = TEN
        for _ in range(2):
            await s.look(moment)
            assert len(await s.waiting("correspondence")) == 1
            await s.run_one(moment)
            moment += timedelta(minutes=31)
            if moment - TEN > timedelta(minutes=40):
                moment = TEN + timedelta(hours=3)
        for hours in range(3, 40):
            await s.look(TEN + timedelta(hours=hours))
        assert await s.waiting("correspondence") == []
        lines = (s.home / "data" / "correspondence-history.jsonl").read_text().splitlines()
        assert [json.loads(line)["usernames"] for line in lines] == ["mira", "mira"]
        assert json.loads(lines[0]) == {
            "date": "2026-03-02",
            "ts": "2026-03-02T10:15:00-05:00",
            "usernames": "mira",
        }
        write(s, "mira", TEN + timedelta(hours=45))
        await s.look(TEN + timedelta(hours=46))
        assert len(await s.waiting("correspondence")) == 1


async def test_an_answer_settles_it(tmp_path: Path) -> None:
    """Once the resident has answered, the letter is not offered again; one that crossed the answer is."""
    async with stage(tmp_path) as s:
        first = write(s, "mira", TEN - timedelta(hours=1))
        await s.look(TEN)
        await s.run_one(TEN)
        crossed = write(s, "mira", TEN)
        write(s, "mira", TEN + timedelta(minutes=1), sender="claudie", reply_to=first)
        await s.look(TEN + timedelta(minutes=32))
        (wake,) = await s.waiting("correspondence")
        assert (await s.ledger.letters.all())["mira"].offered_id == crossed
        assert wake.message == "mira"


async def test_a_failed_wake_is_tried_again_after_half_an_hour_and_three_fill_a_day(tmp_path: Path) -> None:
    """Failures count as sessions that ran, not as letters shown; after three the next comes on the next local day."""
    async with stage(tmp_path) as s:
        write(s, "mira", TEN - timedelta(hours=1))
        starts = []
        moment = TEN
        while moment < TEN + timedelta(hours=20):
            await s.look(moment)
            if await s.waiting("correspondence"):
                await s.run_one(moment, "failed")
                starts.append(moment)
            moment += timedelta(minutes=5)
        local = [start.astimezone(s.settings.resident.zone) for start in starts]
        assert [f"{start:%d %H:%M}" for start in local[:5]] == [
            "02 10:15", "02 10:45", "02 11:15", "03 00:30", "03 01:00",
        ]  # fmt: skip
        assert (await s.ledger.letters.all())["mira"].attempts == 0


async def test_wakes_that_never_ran_cost_nothing_and_make_no_storm(tmp_path: Path) -> None:
    """Refused wakes leave the cap of sessions, the attempts and the history alone; after three the letter waits for
    the next day instead of being offered every minute.
    """
    async with stage(tmp_path) as s:
        write(s, "mira", TEN - timedelta(hours=1))
        offered = []
        moment = TEN
        while moment < TEN + timedelta(hours=20):
            await s.look(moment)
            for wake in await s.waiting("correspondence"):
                await s.ledger.wakes.refuse(wake.id, "for the test", moment)
                offered.append(moment.astimezone(s.settings.resident.zone))
            moment += timedelta(minutes=5)
        assert [f"{moment:%d %H:%M}" for moment in offered[:5]] == [
            "02 10:15", "02 10:45", "02 11:15", "03 00:30", "03 01:00",
        ]  # fmt: skip
        assert (await s.ledger.letters.all())["mira"].attempts == 0
        assert not (s.home / "data" / "correspondence-history.jsonl").exists()


async def test_near_a_slot_letters_wait(tmp_path: Path) -> None:
    """Within 30 minutes of a slot, before or after, nothing is offered; at 30 it is."""
    async with stage(tmp_path) as s:
        write(s, "mira", TEN - timedelta(hours=5))
        noon = TEN + timedelta(minutes=105)
        for minutes in (-29, 0, 29):
            await s.look(noon + timedelta(minutes=minutes))
            assert await s.waiting("correspondence") == []
        await s.look(noon + HALF)
        assert len(await s.waiting("correspondence")) == 1
