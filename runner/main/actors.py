"""The tree as data: every actor's mailbox and child spec, in start order."""

from collections.abc import Callable
from functools import partial

import attrs

from actors.indexer import CurrentCatalogue
from actors.protocol import (
    Cancel,
    Changed,
    Drain,
    Meaning,
    Publish,
    Rescan,
    Rescreen,
    Scan,
    Screen,
    Status,
    Upcoming,
    Work,
)
from runner.kernel import Actor, Backoff, ChildSpec, DeadLetters, EventRing, Intensity, Mailbox, Overflow
from runner.live import Hub

MODERATOR_HANDS = 8


@attrs.frozen(eq=False, kw_only=True)
class Mailboxes:
    """They belong to the wiring: a restart loses no message and every Ref stays good."""

    broadcaster: Mailbox[Publish]
    moderator: Mailbox[Screen | Rescreen]
    indexer: Mailbox[Changed | Scan | Meaning]
    session: Mailbox[Work | Status | Cancel | Drain]
    watcher: Mailbox[Rescan]
    telegram: Mailbox[Work]
    scheduler: Mailbox[Work | Upcoming]

    @classmethod
    def make(cls, hub: Hub, shelf: CurrentCatalogue, letters: DeadLetters, events: EventRing) -> "Mailboxes":
        """Each with its capacity and its answer to "full"."""

        def lost(message: Publish) -> None:
            hub.lost(message.topic, message.event, session=message.session)

        def subject(message: Changed | Scan | Meaning) -> object:
            if isinstance(message, Meaning):
                return id(message)  # each question has its own asker
            return message.path if isinstance(message, Changed) else Scan

        return cls(
            broadcaster=Mailbox(
                "broadcaster",
                capacity=16_384,
                overflow=Overflow.DROP_OLDEST,
                on_loss=lost,
                dead_letters=letters,
                events=events,
            ),
            moderator=Mailbox(
                "moderator", capacity=500, concurrency=MODERATOR_HANDS, dead_letters=letters, events=events
            ),
            indexer=Mailbox(
                "indexer",
                capacity=20_000,
                overflow=Overflow.KEEP_NEWEST,
                key=subject,
                on_loss=shelf.lose,
                dead_letters=letters,
                events=events,
            ),
            session=Mailbox("session", capacity=64, dead_letters=letters, events=events),
            watcher=Mailbox("watcher", capacity=16, dead_letters=letters, events=events),
            telegram=Mailbox("telegram", capacity=256, dead_letters=letters, events=events),
            scheduler=Mailbox("scheduler", capacity=256, dead_letters=letters, events=events),
        )


@attrs.frozen(eq=False, kw_only=True)
class Factories:
    """How each actor is built for each incarnation, from the settings then in force."""

    control: Callable[[], Actor]
    broadcaster: Callable[[], Actor]
    moderator: Callable[[], Actor]
    indexer: Callable[[], Actor]
    session: Callable[[], Actor]
    watcher: Callable[[], Actor]
    telegram: Callable[[], Actor]
    scheduler: Callable[[], Actor]
    web: Callable[[], Actor]


@attrs.frozen
class RestartBudget:
    """What every child may use up before it is `failed`; a test that injects faults hands in a larger one."""

    intensity: Intensity
    backoff: Backoff = attrs.field(factory=Backoff)


def child_specs(
    factories: Factories, mailboxes: Mailboxes, budget: RestartBudget, *, telegram_off: str | None
) -> tuple[ChildSpec, ...]:
    """All children of the root, in start order; the end goes the other way round."""
    child = partial(ChildSpec, intensity=budget.intensity, backoff=budget.backoff)
    make, box = factories, mailboxes
    return (
        child(name="control", factory=make.control, critical=True, start_limit=5, grace=1, drains=True),
        child(
            name="broadcaster",
            factory=make.broadcaster,
            mailbox=box.broadcaster,
            critical=True,
            start_limit=2,
            handler_limit=2,
            grace=1,
        ),
        child(
            name="moderator",
            factory=make.moderator,
            mailbox=box.moderator,
            start_limit=5,
            handler_limit=15,
            grace=2,
        ),
        child(
            name="indexer",
            factory=make.indexer,
            mailbox=box.indexer,
            start_limit=10,
            handler_limit=30,
            grace=3,
        ),
        child(
            name="session",
            factory=make.session,
            mailbox=box.session,
            start_limit=30,
            handler_limit=5,
            grace=12,
            # TERM, ten seconds, KILL: a process group that ignores TERM is no stuck actor
            cancel_grace=15,
            drains=True,
            grace_from_shutdown=True,
        ),
        child(
            name="watcher",
            factory=make.watcher,
            mailbox=box.watcher,
            start_limit=10,
            silence_limit=10,
            grace=1,
        ),
        child(
            name="telegram",
            factory=make.telegram,
            mailbox=box.telegram,
            start_limit=5,
            handler_limit=30,
            silence_limit=90,
            grace=3,
            not_configured=telegram_off,
        ),
        child(
            name="scheduler",
            factory=make.scheduler,
            mailbox=box.scheduler,
            start_limit=5,
            handler_limit=5,
            grace=1,
        ),
        child(name="web", factory=make.web, critical=True, start_limit=10, grace=2, drains=True),
    )
