"""Moderator: screens strangers' text before it reaches the resident.

Owns     the screening client, once there is one to own.
Told by  routes that take strangers' text (Screen), itself and the operator (Rescreen).
Tells    nobody; the verdict is the answer.
Crash    permanent; a question in hand fails at once and its text stays unscreened, which is shown.
"""

import attrs
import trio

from actors.protocol import Rescreen, Screen, Screened, Screening
from runner.kernel import ActorContext, Mailbox

NOT_CONFIGURED = "unscreened: not configured"


@attrs.define(eq=False)
class Moderator:
    """Answers every question, by the seed's rule that a missing screener lets text through, visibly marked."""

    mailbox: Mailbox[Screen | Rescreen]
    concurrency: int

    async def run(self, context: ActorContext) -> None:
        """Screen with as many hands as the mailbox has places for messages in hand."""
        async with trio.open_nursery() as nursery:
            for _ in range(self.concurrency):
                nursery.start_soon(self._hand)
            context.started()

    async def _hand(self) -> None:
        while True:
            match await self.mailbox.receive():
                case Screen(reply=reply):
                    reply.send(Screening(Screened.UNSCREENED, NOT_CONFIGURED))
                case Rescreen():
                    pass  # without a screener there is nothing a second look could change
