"""Letters that wait: when they wake the resident, and what became of the wakes that showed them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import attrs

from runner.correspondence import Message, Threads, unanswered
from runner.ledger import Ledger, LettersOf, WakeRequest
from runner.offload import RunSync
from runner.schedule import Schedule
from runner.storage import files, jsonl
from runner.triggers.intake import LONGEST_MESSAGE, Intake, NotNow
from runner.triggers.selfwake import distance

__all__ = ["LetterWakes", "due"]

DEBOUNCE = timedelta(minutes=30)
"""A letter rests so long before it wakes the resident: more may follow it. After a wake it rests again."""
PER_DAY = 3
OFFERS = 2
"""A letter that the resident leaves without an answer is shown once more at most."""
LOOKED_BACK = timedelta(days=2)
HISTORY = "correspondence-history.jsonl"


def due(waiting: Sequence[Message], shown: LettersOf | None, now: datetime) -> str | None:
    """The newest of a user's unanswered letters, when it is time to show them; None when it is not."""
    if not waiting:
        return None
    newest = waiting[-1]
    at = newest.at
    if at is not None and timedelta() <= now - at < DEBOUNCE:
        return None
    if shown is not None:
        if shown.offered_in is not None:
            return None
        if shown.last_seen_id == newest.id and shown.attempts >= OFFERS:
            return None
        if shown.last_session_at is not None and timedelta() <= now - shown.last_session_at < DEBOUNCE:
            return None
    return newest.id


@attrs.define(eq=False, kw_only=True)
class LetterWakes:
    """One wake for all who wait, three a day at most that ran, never near a slot.

    A wake that was not begun costs none of the three; after so many on one day the letters wait for the next, because
    what refused them (a spent budget, no model) would refuse them all day.
    """

    threads: Threads
    ledger: Ledger
    schedule: Schedule
    quiet: timedelta
    run_sync: RunSync
    intake: Intake

    async def look(self, now: datetime) -> datetime | None:
        """Settle the offers whose wake has ended, then offer what is due."""
        if not await self._settled(await self.ledger.letters.all()):
            return None  # one is offered and has not ended
        if distance(self.schedule, now) < self.quiet or await self._is_full(now):
            return None
        newest = await self._due(now)
        if newest:
            request = WakeRequest(type="correspondence", source="correspondence", message=",".join(newest))
            with suppress(NotNow):  # the letters lie in their threads, and are looked at again
                await self.intake.admit(
                    request, now, lambda wanted, moment: self.ledger.letters.offer(wanted, newest, moment)
                )
        return None

    async def _due(self, now: datetime) -> dict[str, str]:
        shown = await self.ledger.letters.all()
        found: dict[str, str] = {}
        for user in await self.run_sync(self.threads.users):
            try:
                thread = await self.run_sync(partial(self.threads.tail, user))
            except OSError:
                continue  # a thread that can't be read now is read the next time
            letter = due(unanswered(thread), shown.get(user), now)
            if letter is not None and sum(len(name) + 1 for name in (*found, user)) <= LONGEST_MESSAGE:
                found[user] = letter  # who finds no room comes with the next wake
        return found

    async def _settled(self, shown: Mapping[str, LettersOf]) -> bool:
        """Close every offer whose wake has ended; False while one has not."""
        noted: set[str] = set()
        everything = True
        for state in shown.values():
            if state.offered_in is None:
                continue
            row = await self.ledger.sessions.get(state.offered_in)
            if row is None or not row.ended:
                # a wake that is gone from the queue without a record can't be: the row comes with the offer
                everything = False
                continue
            began = _moment(row.started_at)
            if began is not None and row.session_id not in noted:
                users = [one.user for one in shown.values() if one.offered_in == row.session_id]
                await self.run_sync(partial(self._note, users, began))
                noted.add(row.session_id)
            rests_from = began if began is not None else _moment(row.ended_at)
            await self.ledger.letters.settle(state.user, completed=row.state == "completed", rests_from=rests_from)
        return everything

    async def _is_full(self, now: datetime) -> bool:
        """Whether this local day has had its sessions that letters began, or its attempts at one."""
        zone = self.schedule.zone
        rows = await self.ledger.sessions.of_type("correspondence", since=now - LOOKED_BACK)
        today = [
            row.started_at is not None
            for row in rows
            if row.source == "correspondence"
            and (at := _moment(row.started_at or row.ended_at)) is not None
            and at.astimezone(zone).date() == now.astimezone(zone).date()
        ]
        return max(today.count(True), today.count(False)) >= PER_DAY

    def _note(self, users: Sequence[str], began: datetime) -> None:
        """A line for those who read the history; the same session is told once."""
        path = self.threads.root.parent / "data" / HISTORY
        local = began.astimezone(self.schedule.zone)
        record = {"date": local.date().isoformat(), "ts": local.isoformat(), "usernames": ",".join(users)}
        files.make_folder(path.parent, mode=0o750)
        if not any(item.get("ts") == record["ts"] for item in jsonl.tail(path, 20).items):
            jsonl.append(path, record, sync=True, mode=0o640)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
