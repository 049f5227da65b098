"""What lies outside the simulated process and survives it: the home, the clock, and what the world has seen."""

import os
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random

import attrs

from runner.correspondence import Threads
from tests.support.clock import WallClock

TOKEN = re.compile(r"kestrel-[0-9a-f]{8}")
CORRESPONDENTS = ("anneke", "bo-ling", "cy")


@attrs.define(eq=False)
class World:
    """See the module."""

    home: Path
    clock: WallClock
    rng: Random
    upset: bool = True
    """Whether a login may run out, and the operator has to come."""
    spawned: Counter[str] = attrs.field(factory=Counter)
    """Session → how often its model was begun."""
    heard: Counter[str] = attrs.field(factory=Counter)
    """Token → in how many prompts that reached a model it stood."""
    begun: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """Session and hook → how often its work was begun."""
    worked: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """… and how often it came to its end."""
    verdicts: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    """… and how often a verdict was accepted by the ledger."""
    asked: dict[str, str] = attrs.field(factory=dict)
    """Acknowledged request → the token of its message."""
    letters: dict[str, str] = attrs.field(factory=dict)
    """Visitor's file → the token of its message."""
    mail: dict[str, str] = attrs.field(factory=dict)
    """Correspondent and letter's name → the token of its words."""
    own: int = 0
    """How many wakes the resident has set for itself."""
    own_last: str = ""
    """The one that was set last and for sure: it is in its file or in the queue, and nowhere else."""
    pauses: int = 0
    """How often scheduled wakes were paused and the operator let them go on."""
    jumps: int = 0
    lives: int = 0
    cuts: int = 0
    wrong: list[str] = attrs.field(factory=list)
    """Broken promises that were seen on the way."""

    def token(self) -> str:
        return f"kestrel-{self.rng.getrandbits(32):08x}"

    def leave_letter(self) -> None:
        """A visitor puts a message into the home, whole or not at all."""
        moment, token = self.clock(), self.token()
        path = self.home / "visitors" / f"{moment:%Y-%m-%d-%H%M%S}-{token[-8:]}.md"
        hidden = path.with_name(f".{path.name}.new")
        hidden.write_text(f'---\ndate: "{moment.date()}"\nfrom: "A visitor"\n---\n\nI saw a {token} today.\n')
        self.as_of_now(hidden)
        hidden.rename(path)
        self.letters[path.name] = token

    def as_of_now(self, path: Path) -> None:
        """The file was written at this moment of the simulated clock, and not at one of the machine's."""
        moment = self.clock().timestamp()
        os.utime(path, (moment, moment))

    def write_mail(self) -> None:
        """A correspondent writes, as the route does that takes letters in."""
        user, token = self.rng.choice(CORRESPONDENTS), self.token()
        sent = Threads(self.home / "mailbox").append(user, f"A {token} sat here.", now=self.clock(), sender=user)
        self.mail[f"{user} {sent.id}"] = token

    def unshown(self) -> list[str]:
        """Visitors' messages and correspondents' letters that no model was shown yet."""
        return [
            name for written in (self.letters, self.mail) for name, token in written.items() if not self.heard[token]
        ]

    def letters_lying(self) -> set[str]:
        """The letters that are still where their visitors put them."""
        with os.scandir(self.home / "visitors") as lying:  # asked often: faster than by paths
            return self.letters.keys() & (entry.name for entry in lying)

    def look_for_letters(self) -> None:
        """No letter may leave its place before a model was shown it."""
        lying = self.letters_lying()
        for name, token in self.letters.items():
            if name not in lying and not self.heard[token]:
                self.note(f"letter {name} was put away unseen")

    def prompted(self, session_id: str, prompt: str) -> None:
        """A model has begun and read this."""
        self.spawned[session_id] += 1
        if self.spawned[session_id] > 1:
            self.note(f"session {session_id} was spawned {self.spawned[session_id]} times")
        for token in set(TOKEN.findall(prompt)):
            self.heard[token] += 1

    def note(self, what: str) -> None:
        if what not in self.wrong:
            self.wrong.append(what)

    def moment(self) -> datetime:
        return self.clock()
