"""Telegram: the owner's chat.

Owns     the connection to the Bot API.
Told by  whoever put a row into its inbox or outbox (Work).
Tells    nobody yet: updates are left with Telegram, which keeps them for a day, until there is an inbox to hold them.
Crash    permanent; an unreachable service is a state of this actor, never a crash.
"""

import attrs
import httpx
import trio

from actors.protocol import Work
from runner.kernel import ActorContext, Mailbox

ASK_WITHIN = 20.0
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


@attrs.define(eq=False)
class Telegram:
    """Knows whether the bot can be reached and who it is."""

    mailbox: Mailbox[Work]
    api_base: str
    token: str = attrs.field(repr=False)
    standing: str = attrs.field(default="connecting", init=False)

    async def run(self, context: ActorContext) -> None:
        """Introduce ourselves to the Bot API until it answers, then stay at hand."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._introduce, context)
            context.started()
            while True:
                await self.mailbox.receive()
                context.beat()

    async def _introduce(self, context: ActorContext) -> None:
        pause = FIRST_PAUSE
        async with httpx.AsyncClient(base_url=self.api_base, timeout=ASK_WITHIN, trust_env=False) as client:
            while True:
                self.standing = await self._who_am_i(client)
                context.beat()
                if not self.standing.startswith("unreachable"):
                    return
                await trio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _who_am_i(self, client: httpx.AsyncClient) -> str:
        try:
            answer = await client.get(f"/bot{self.token}/getMe")
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return f"unreachable: {type(error).__name__}"
        if answer.status_code in (401, 404):
            return "refused: the Bot API does not know this token; check TELEGRAM_BOT_TOKEN"
        if answer.status_code != 200 or not isinstance(body, dict) or not isinstance(body.get("result"), dict):
            return f"unreachable: the Bot API answered {answer.status_code}"
        return f"connected as @{body['result'].get('username', '?')}"
