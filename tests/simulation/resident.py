"""What the resident does in a session beside writing: it answers letters and sets wakes of its own."""

import re
from datetime import UTC, datetime
from functools import partial

import attrs

from runner.ledger import Ledger
from runner.session.backends.base import RunOrder
from runner.tools.commands import ResidentCommands
from runner.triggers.intake import AUTOMATIC
from runner.triggers.pause import PAUSED, Pause
from runner.triggers.selfwake import KEY, SelfWakeRefused
from tests.simulation.power import Power
from tests.simulation.world import World

LETTER = re.compile(r"\(user name: ([a-z0-9-]+)\)|\(id: (msg_\w+)\)")
EVER = datetime(2000, 1, 1, tzinfo=UTC)
ANSWERS, PLANS = 0.7, 0.15
"""How often it answers a letter, and how often it sets a wake."""


@attrs.frozen(eq=False)
class Resident:
    """One process's; the shipped commands do its writing, through the process's power."""

    world: World
    power: Power
    resident_commands: ResidentCommands
    ledger: Ledger

    async def act(self, order: RunOrder) -> None:
        """As the session goes on."""
        resident_commands = attrs.evolve(self.resident_commands, grant=order.grant)
        if "letter" in order.grant.commands:
            await self._answer(resident_commands, order.user)
        if self.world.rng.random() < PLANS:
            await self._plan(resident_commands)

    async def look_at_pause(self, session_id: str) -> None:
        """No wake that nobody asked for at the moment has a model while such wakes are paused."""
        row = await self.ledger.sessions.get(session_id)
        pause = Pause.load(await self.ledger.meta.get(PAUSED))
        if pause is not None and row is not None and row.source in AUTOMATIC:
            self.world.note(f"session {session_id} was begun in the pause since {pause.since}")

    async def look_for_own(self) -> None:
        """The wake that was set last is set still, or in the queue."""
        last = self.world.own_last
        pending = await self.power.reads(self.resident_commands.own_file.pending)
        if last and (pending is None or pending.key != last):
            queued = await self.ledger.wakes.keyed(KEY, EVER)
            if not any(wake.key == last for wake in queued):
                self.world.note(f"the resident's own wake {last} is gone")

    def own_due(self) -> bool:
        """Whether a wake that is set should have begun by now."""
        pending = self.resident_commands.own_file.pending()
        return pending is not None and pending.wake_at <= self.world.clock()

    async def _answer(self, resident_commands: ResidentCommands, prompt: str) -> None:
        user = ""
        for found in LETTER.finditer(prompt):
            user = found[1] or user
            if found[2] and self.world.rng.random() < ANSWERS:
                await self.power.files(partial(resident_commands.letter, user, "Thank you.", reply_to=found[2]))

    async def _plan(self, resident_commands: ResidentCommands) -> None:
        await self.look_for_own()
        span, reason = f"{self.world.rng.randrange(40, 600)}m", f"Look for the {self.world.token()}."
        last = self.world.own_last
        self.world.own_last = ""  # until the new one is on the disk, nobody knows which one is set
        try:
            wanted, _ = await self.power.files(partial(resident_commands.set_wake, at=None, after=span, reason=reason))
        except SelfWakeRefused:
            self.world.own_last = last
            return
        self.world.own += 1
        # as the file has it, which counts in seconds
        whole = attrs.evolve(
            wanted,
            wake_at=wanted.wake_at.replace(microsecond=0),
            created_at=wanted.created_at.replace(microsecond=0),
        )
        self.world.own_last = whole.key
