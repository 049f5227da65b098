"""The shipped process with errors raised inside its actors' handlers: `python -m tests.faults.storm up ...`.

The storm begins when the expected viewers are there. One fault after the other is armed for an actor of a random
order, a message is sent to that actor, and the next fault waits until the actor has a new life. What happened is
written to `storm.json` in the home.
"""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial

import attrs
import trio

from actors.protocol import Changed, Publish, Rescan, Rescreen, Work
from runner.cli.app import main as cli
from runner.cli.context import CliContext, Start
from runner.kernel import Backoff, Intensity
from runner.ledger import WakeRequest
from runner.main import run
from runner.main.fault_injection import FaultInjection
from runner.main.runtime import Runtime

NO_LIMIT = Intensity(10**6, 60)
AT_ONCE = Backoff(first=0, ceiling=0)
NEW_LIFE_WITHIN = 20.0
BETWEEN = 3
"""Numbered events published between two faults."""


class StormError(Exception):
    """The error of the storm."""


@attrs.define(eq=False)
class Storm:
    """Arms one fault at a time and waits for its actor's next life."""

    faults_each: int
    viewers: int
    rng: random.Random
    armed: str | None = None
    fired: trio.Event = attrs.field(factory=trio.Event)
    raised: Counter[str] = attrs.field(factory=Counter)
    hit: set[int] = attrs.field(factory=set)
    published: int = 0

    def fault(self, actor: str, message: object) -> None:
        """The hook: raise once for the armed actor, and never twice for one numbered event."""
        if actor != self.armed:
            return
        if isinstance(message, Publish):
            if message.origin != "storm" or message.number in self.hit:
                return
            self.hit.add(message.number)
        self.armed = None
        self.raised[actor] += 1
        self.fired.set()
        raise StormError(f"fault {self.raised[actor]} of {actor}")

    async def drive(self, house: Runtime) -> None:
        """Run the storm and write its report."""
        while house.hub.statistics().viewers < self.viewers:
            await trio.sleep(0.02)
        boxes = house.mailboxes
        names = ["broadcaster", "moderator", "indexer", "session", "watcher", "telegram", "scheduler"]
        order = [name for name in names for _ in range(self.faults_each)]
        self.rng.shuffle(order)
        strikes: dict[str, Callable[[], object]] = {
            "broadcaster": partial(self.publish, house),
            "moderator": lambda: boxes.moderator.ref.tell(Rescreen()),
            "indexer": lambda: boxes.indexer.ref.tell(Changed(str(house.settings.paths.thoughts / "none.md"))),
            "session": lambda: boxes.session.ref.tell(Work()),
            "watcher": lambda: boxes.watcher.ref.tell(Rescan()),
            "telegram": lambda: boxes.telegram.ref.tell(Work()),
            "scheduler": lambda: boxes.scheduler.ref.tell(Work()),
        }
        lives: list[bool] = []
        for actor in order:
            await self.keep_a_session_going(house)
            before = self.life_of(house, actor)
            self.fired = trio.Event()
            self.armed = actor
            for _ in range(BETWEEN):
                self.publish(house)
            strikes[actor]()
            with trio.fail_after(NEW_LIFE_WITHIN):
                await self.fired.wait()
                while self.life_of(house, actor) == before or self.state_of(house, actor) != "running":
                    await trio.sleep(0.001)
            lives.append(self.life_of(house, actor) == before + 1)
        self.publish(house)
        await self.quiet(house)
        report = {
            "raised": dict(self.raised),
            "published": self.published,
            "each_fault_one_life": all(lives),
            "restarts": {child.name: child.restarts for child in house.supervisor.children()},
            "books": [
                attrs.asdict(child.mailbox) for child in house.supervisor.children() if child.mailbox is not None
            ],
            "dead_letters": [attrs.asdict(letter) for letter in house.dead_letters.letters()],
            "hub": attrs.asdict(house.hub.statistics()),
        }
        target = house.settings.home / "storm.json"
        text = json.dumps(report, default=str)
        await trio.to_thread.run_sync(lambda: target.with_suffix(".tmp").write_text(text))
        target.with_suffix(".tmp").rename(target)

    def publish(self, house: Runtime) -> None:
        """One numbered event for everyone who follows thoughts."""
        data = b'{"n":%d}' % self.published
        house.mailboxes.broadcaster.ref.tell(Publish("thoughts", "thought.modified", data, "storm", self.published))
        self.published += 1

    async def keep_a_session_going(self, house: Runtime) -> None:
        """There is always a wake under way, so that the faults hit in mid-wake."""
        if not await house.ledger.wakes.pending():
            await house.ledger.wakes.enqueue(WakeRequest(type="custom", message="go on"), house.now())
            house.mailboxes.session.ref.tell(Work())
        with trio.fail_after(NEW_LIFE_WITHIN):
            while house.current_session.state.phase != "running":
                await trio.sleep(0.005)

    async def quiet(self, house: Runtime) -> None:
        """Wait until the broadcaster has shown everything."""
        with trio.fail_after(NEW_LIFE_WITHIN):
            while house.mailboxes.broadcaster.statistics().queued:
                await trio.sleep(0.01)

    @staticmethod
    def life_of(house: Runtime, actor: str) -> int:
        """Which incarnation lives."""
        return next(child.incarnation for child in house.supervisor.children() if child.name == actor)

    @staticmethod
    def state_of(house: Runtime, actor: str) -> str:
        """The actor's state."""
        return str(next(child.state for child in house.supervisor.children() if child.name == actor))


def main() -> int:
    """The command line of the shipped program, with the storm handed in."""
    environ = dict(os.environ)
    storm = Storm(
        faults_each=int(environ.pop("STORM_FAULTS")),
        viewers=int(environ.pop("STORM_VIEWERS")),
        rng=random.Random(int(environ.pop("STORM_SEED"))),
    )
    fault_injection = FaultInjection(
        fault=storm.fault,
        child_intensity=NO_LIMIT,
        child_backoff=AT_ONCE,
        root_intensity=NO_LIMIT,
    )

    def up(start: Start) -> int:
        return run(start, environ=environ, fault_injection=fault_injection, companion=storm.drive)

    return cli(sys.argv[1:], CliContext(environ, up))


if __name__ == "__main__":
    sys.exit(main())
