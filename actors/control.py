"""Control: the operator's door. First up and last down, so that `ps` answers while others start or end.

Owns     nothing: both sockets belong to the root, the commands are functions handed in.
Told by  processes on this machine, through the sockets.
Tells    whatever the commands tell.
Crash    permanent and critical; what a caller had asked for goes on, its answer is lost.
"""

from functools import partial

import attrs
import trio

from runner.control.protocol import Commands
from runner.control.server import ControlSocket, ErrorSink, serve
from runner.kernel import ActorContext


@attrs.define(eq=False)
class Control:
    """Answers on duplicates of the two listening sockets."""

    everything: ControlSocket
    tools: ControlSocket
    commands: Commands
    tool_commands: Commands
    on_error: ErrorSink

    async def run(self, context: ActorContext) -> None:
        """Answer until the end is wished, and then long enough to say what was just done, this end included."""
        async with trio.open_nursery() as nursery:
            for door, commands in ((self.everything, self.commands), (self.tools, self.tool_commands)):
                answering = partial(serve, door.listener(), commands, on_error=self.on_error, stop=context.stopping)
                await nursery.start(answering)
            context.started()
