"""The moderator says what it can't do yet, at once and for everyone."""

import trio
from trio.testing import MockClock

from actors.moderator import NOT_CONFIGURED, Moderator
from actors.protocol import Rescreen, Screen, Screened
from runner.kernel import ActorContext, Mailbox


async def test_without_a_screener_text_is_marked_unscreened(nursery: trio.Nursery, autojump_clock: MockClock) -> None:
    """Every question is answered at once with the verdict "unscreened" and its reason, also after a nudge."""
    mailbox: Mailbox[Screen | Rescreen] = Mailbox("moderator", capacity=8, concurrency=2)
    nursery.start_soon(Moderator(mailbox, 2).run, ActorContext(name="moderator", number=1))
    mailbox.ref.tell(Rescreen())
    for _ in range(5):
        verdict = await Screen("Mira", "hello").ask(mailbox.ref, within=1)
        assert verdict.verdict is Screened.UNSCREENED
        assert verdict.reason == NOT_CONFIGURED
