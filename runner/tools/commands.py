"""The resident's commands as one library: the command line and the tools of sessions without a shell both call it.

All of it works on files and on the ledger, with or without a process running, and blocks.
"""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs

from runner.clock import Now
from runner.correspondence import LetterRefused, Message, Threads, read_letter
from runner.ledger import LedgerView
from runner.schedule import Schedule
from runner.settings import Settings
from runner.tools import grants
from runner.tools.capabilities import Grant
from runner.tools.errors import RefusedToolError
from runner.tools.files import HomeTools
from runner.triggers.impulses import Impulses
from runner.triggers.own import LOOKED_BACK
from runner.triggers.selfwake import KEY, Fired, Pending, check, moment_at, moment_in, remaining
from runner.triggers.selfwake_file import SelfWakeFile
from runner.triggers.triggers import own_file

__all__ = ["ResidentCommands"]


@attrs.frozen(eq=False)
class ResidentCommands:
    """The commands of one home, for one caller."""

    settings: Settings
    schedule: Schedule
    now: Now
    grant: Grant | None = None
    """What the session may do that calls; None: nobody's session."""

    # --- letter

    def letter(self, to: str, body: str, *, reply_to: str | None = None) -> Message:
        """Put a letter into a correspondent's thread; it is on disk when this returns."""
        if self.grant is not None:
            grants.check_letter(self.grant, to)
        return Threads(self.settings.paths.mailbox).append(to, body, now=self.now(), reply_to=reply_to)

    def words_of(self, path: Path) -> str:
        """A letter's words from a file. A session sends only what it may read: nothing closed, nothing from outside."""
        if self.grant is None:
            return read_letter(path)
        try:
            return HomeTools(self.settings.home, grant=self.grant).text(str(path))
        except (RefusedToolError, OSError) as refusal:
            raise LetterRefused(f"{path} can't be sent as a letter: {refusal}") from None

    # --- schedule

    @property
    def own_file(self) -> SelfWakeFile:
        return own_file(self.settings.paths.data, self.schedule)

    def set_wake(self, *, at: str | None, after: str | None, reason: str) -> tuple[Pending, Pending | None]:
        """Set the one own wake, for a time of day or for a span from now; with it the one that it replaces."""
        self._may("schedule")
        now, zone = self.now(), self.schedule.zone
        wake_at = moment_at(at, now, zone) if at else moment_in(after or "", now, zone)
        wanted = Pending(wake_at=wake_at, reason=reason.strip(), created_at=now)
        quiet = timedelta(minutes=self.settings.schedule.quiet_minutes)
        check(wanted, self.schedule, fired=self._fired(), now=now, quiet=quiet)
        return wanted, self.own_file.set(wanted)

    def own_wake(self) -> tuple[Pending | None, int]:
        """The wake that is set, and how many this day still has."""
        self._may("schedule")
        left = remaining(self._fired(), self.now().astimezone(self.schedule.zone).date())
        return self.own_file.pending(), left

    def cancel_wake(self) -> Pending | None:
        """Unset it; gives the one that was set."""
        self._may("schedule")
        return self.own_file.clear()

    def _fired(self) -> Sequence[Fired]:
        """The own wakes that began, and those that wait in the queue already."""
        with LedgerView.open(self.settings.paths.ledger) as ledger:
            rows = ledger.keyed(KEY, self.now() - LOOKED_BACK)
        waiting = [wake for wake in rows if wake.state in {"queued", "claimed"}]
        zone = self.schedule.zone
        started = [Fired(wake.enqueued_at.astimezone(zone).date(), wake.enqueued_at) for wake in waiting]
        return (*self.own_file.fired(), *started)

    # --- impulse

    @property
    def impulses(self) -> Impulses:
        self._may("impulse")
        return Impulses(self.settings.paths.data)

    def _may(self, command: str) -> None:
        if self.grant is not None:
            grants.check(self.grant, command)
