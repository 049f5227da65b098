"""Broadcaster: turns what others publish into frames and commits them to the Hub.

Owns     nothing a crash may lose: the Hub holds topics, numbers, replay and viewers.
Told by  session and indexer (Publish).
Tells    nobody; viewers follow the Hub.
Crash    permanent and critical; the message in hand is delivered again, and the Hub knows what it has shown.
"""

import json

import attrs

from actors.protocol import Publish
from runner.kernel import ActorContext, Mailbox
from runner.live import Hub, HubWriter
from runner.live.frames import DELTA

MERGED_AT_MOST = 256
"""Deltas put into one frame at the most, so that a flood of them still leaves pauses for others."""


@attrs.define(eq=False)
class Broadcaster:
    """The only writer of the Hub."""

    mailbox: Mailbox[Publish]
    hub: Hub

    async def run(self, context: ActorContext) -> None:
        """Commit each publish in one synchronous step, which is the last act of its handling."""
        writer = self.hub.writer()
        context.started()
        while True:
            message = await self.mailbox.receive()
            if message.event == DELTA:
                self._commit_deltas(writer, message)
            else:
                self._commit(writer, message, message.data)

    def _commit_deltas(self, writer: HubWriter, first: Publish) -> None:
        """Deltas that wait behind this one go out with it as one frame: a slow moment costs frames, not words."""
        waiting = [first]
        while len(waiting) < MERGED_AT_MOST:
            more = self.mailbox.also(lambda message: message.event == DELTA and message.session == first.session)
            if more is None:
                break
            waiting.append(more)
        if len(waiting) == 1:
            self._commit(writer, first, first.data)
        else:
            text = "".join(json.loads(message.data)["text"] for message in waiting)
            self._commit(writer, waiting[-1], json.dumps({"text": text}, ensure_ascii=False).encode())

    @staticmethod
    def _commit(writer: HubWriter, message: Publish, data: bytes) -> None:
        writer.commit(
            message.topic,
            message.event,
            data,
            session=message.session,
            once=(message.origin, message.number),
        )
