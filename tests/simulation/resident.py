"""What the resident does in a session beside writing: it answers letters and sets wakes of its own."""

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import attrs

from runner.correspondence import Threads
from runner.ledger import Ledger
from runner.schedule import Schedule
from runner.session.backends.base import RunOrder
from runner.session.purse import AUTOMATIC
from runner.settings import Settings
from runner.triggers.desk import own_file
from runner.triggers.pause import PAUSED, Pause
from runner.triggers.selfwake import KEY, Pending, SelfWakeRefused, check, moment_in
from runner.triggers.selfwake_file import SelfWakeFile
from tests.simulation.power import Power
from tests.simulation.world import World

LETTER = re.compile(r"\(user name: ([a-z0-9-]+)\)|\(id: (msg_\w+)\)")
EVER = datetime(2000, 1, 1, tzinfo=UTC)
ANSWERS, PLANS = 0.7, 0.15
"""How often it answers a letter, and how often it sets a wake."""


@attrs.frozen(eq=False)
class Resident:
    """One process's; all its writing goes through the process's power."""

    world: World
    power: Power
    settings: Settings
    ledger: Ledger
    schedule: Schedule

    async def act(self, order: RunOrder) -> None:
        """As the session goes on."""
        if order.kind.name == "correspondence":
            await self._answer(order.user)
        if self.world.rng.random() < PLANS:
            await self._plan()

    async def look_at_pause(self, session_id: str) -> None:
        """No wake that nobody asked for at the moment has a model while such wakes are paused."""
        row = await self.ledger.sessions.get(session_id)
        pause = Pause.load(await self.ledger.meta.get(PAUSED))
        if pause is not None and row is not None and row.source in AUTOMATIC:
            self.world.note(f"session {session_id} was begun in the pause since {pause.since}")

    async def look_for_own(self) -> None:
        """The wake that was set last is set still, or in the queue."""
        last = self.world.own_last
        pending = await self.power.reads(self._file().pending)
        if last and (pending is None or pending.key != last):
            queued = await self.ledger.wakes.keyed(KEY, EVER)
            if not any(wake.key == last for wake in queued):
                self.world.note(f"the resident's own wake {last} is gone")

    def own_due(self) -> bool:
        """Whether a wake that is set should have begun by now."""
        pending = self._file().pending()
        return pending is not None and pending.wake_at <= self.world.clock()

    async def _answer(self, prompt: str) -> None:
        user = ""
        threads = Threads(self.settings.paths.mailbox)
        for found in LETTER.finditer(prompt):
            user = found[1] or user
            if found[2] and self.world.rng.random() < ANSWERS:
                now = self.world.clock()
                await self.power.files(partial(threads.append, user, "Thank you.", now=now, reply_to=found[2]))

    async def _plan(self) -> None:
        await self.look_for_own()
        file, now, token = self._file(), self.world.clock(), self.world.token()
        span = f"{self.world.rng.randrange(40, 600)}m"
        wanted = Pending(
            wake_at=moment_in(span, now, self.schedule.zone).replace(microsecond=0),
            reason=f"Look for the {token}.",
            created_at=now.replace(microsecond=0),
        )
        quiet = timedelta(minutes=self.settings.schedule.quiet_minutes)
        try:
            check(wanted, self.schedule, fired=await self.power.reads(file.fired), now=now, quiet=quiet)
        except SelfWakeRefused:
            return
        self.world.own[wanted.key] = token
        self.world.own_last = ""  # until it is on the disk, nobody knows which one is set
        await self.power.files(partial(file.set, wanted))
        self.world.own_last = wanted.key

    def _file(self) -> SelfWakeFile:
        return own_file(self.settings.paths.data, self.schedule)
