"""The tree as data: every actor's mailbox and child spec, in start order."""

from collections.abc import Callable

import attrs

from actors.indexer import InForce
from actors.protocol import Cancel, Changed, Drain, Publish, Rescan, Rescreen, Scan, Screen, Status, Upcoming, Work
from runner.kernel import Actor, Backoff, ChildSpec, DeadLetters, EventRing, Intensity, Mailbox, Overflow
from runner.live import Hub

MODERATOR_HANDS = 8


@attrs.frozen(eq=False, kw_only=True)
class Mailboxes:
    """They belong to the wiring: a restart loses no message and every Ref stays good."""

    broadcaster: Mailbox[Publish]
    moderator: Mailbox[Screen | Rescreen]
    indexer: Mailbox[Changed | Scan]
    session: Mailbox[Work | Status | Cancel | Drain]
    watcher: Mailbox[Rescan]
    telegram: Mailbox[Work]
    scheduler: Mailbox[Work | Upcoming]

    @classmethod
    def make(cls, hub: Hub, shelf: InForce, letters: DeadLetters, events: EventRing) -> "Mailboxes":
        """Each with its capacity and its answer to "full"."""

        def lost(message: Publish) -> None:
            hub.lost(message.topic, message.event, session=message.session)

        def subject(message: Changed | Scan) -> object:
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
            moderator=Mailbox("moderator", capacity=500, hands=MODERATOR_HANDS, dead_letters=letters, events=events),
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
class Budget:
    """What every child may use up before it is `failed`; a test that injects faults hands in a larger one."""

    intensity: Intensity
    backoff: Backoff = attrs.field(factory=Backoff)


def child_specs(
    factories: Factories, mailboxes: Mailboxes, budget: Budget, *, telegram_off: str | None
) -> tuple[ChildSpec, ...]:
    """All children of the root, in start order; the end goes the other way round."""
    intensity, backoff = budget.intensity, budget.backoff
    return (
        ChildSpec(
            name="control",
            factory=factories.control,
            critical=True,
            start_limit=5,
            grace=1,
            drains=True,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="broadcaster",
            factory=factories.broadcaster,
            mailbox=mailboxes.broadcaster,
            critical=True,
            start_limit=2,
            handler_limit=2,
            grace=1,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="moderator",
            factory=factories.moderator,
            mailbox=mailboxes.moderator,
            start_limit=5,
            handler_limit=15,
            grace=2,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="indexer",
            factory=factories.indexer,
            mailbox=mailboxes.indexer,
            start_limit=10,
            handler_limit=30,
            grace=3,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="session",
            factory=factories.session,
            mailbox=mailboxes.session,
            start_limit=30,
            handler_limit=5,
            grace=12,
            # TERM, ten seconds, KILL: a process group that ignores TERM is no stuck actor
            cancel_grace=15,
            drains=True,
            grace_from_shutdown=True,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="watcher",
            factory=factories.watcher,
            mailbox=mailboxes.watcher,
            start_limit=10,
            silence_limit=10,
            grace=1,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="telegram",
            factory=factories.telegram,
            mailbox=mailboxes.telegram,
            start_limit=5,
            handler_limit=30,
            silence_limit=90,
            grace=3,
            intensity=intensity,
            backoff=backoff,
            not_configured=telegram_off,
        ),
        ChildSpec(
            name="scheduler",
            factory=factories.scheduler,
            mailbox=mailboxes.scheduler,
            start_limit=5,
            handler_limit=5,
            grace=1,
            intensity=intensity,
            backoff=backoff,
        ),
        ChildSpec(
            name="web",
            factory=factories.web,
            critical=True,
            start_limit=10,
            grace=2,
            drains=True,
            intensity=intensity,
            backoff=backoff,
        ),
    )
