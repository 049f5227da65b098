"""A conversation in a terminal: the Claude Code program talks to the person itself, and we see only how it ends."""

from collections.abc import Mapping

import attrs
import trio

from runner.children.reap import start_time
from runner.offload import RunSync
from runner.session.backends.base import RunListener, RunOrder, RunResult
from runner.session.backends.claude_cli import ClaudeCli, arguments, environment, prepare

__all__ = ["TerminalCli", "talk_arguments"]

_PRINT_MODE = ("-p", "--verbose", "--include-partial-messages")
_PRINT_MODE_WITH_VALUE = ("--input-format", "--output-format", "--max-turns", "--max-budget-usd")
_TERMINAL = ("TERM", "COLORTERM", "TERM_PROGRAM", "LANG", "LC_ALL", "TZ")


def talk_arguments(argv: list[str], *, go_on: bool) -> list[str]:
    """The command line of a conversation: what only the print mode knows is left out."""
    found: list[str] = []
    words = iter(argv)
    for word in words:
        if word in _PRINT_MODE_WITH_VALUE:
            next(words, None)
        elif word not in _PRINT_MODE:
            found.append(word)
    return [*found, "--continue"] if go_on else found


@attrs.frozen
class TerminalCli:
    """The backend of `talk`. The program has our terminal; it stays in our process group, or it could not read."""

    cli: ClaudeCli
    environ: Mapping[str, str]
    run_sync: RunSync
    go_on: bool = False
    name: str = "claude-cli"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        await self.run_sync(lambda: prepare(order, self.cli.options))
        argv = talk_arguments(arguments(order, self.cli.options), go_on=self.go_on)
        env = environment(order, self.cli.options)
        env |= {name: self.environ[name] for name in _TERMINAL if name in self.environ}
        await listener.spawning()
        try:
            process = await trio.lowlevel.open_process(argv, cwd=order.home, env=env)
        except FileNotFoundError:
            return RunResult(127, f"there is no program {argv[0]!r}; see CLAUDE_BIN")
        try:
            await listener.spawned(process.pid, await self.run_sync(lambda: start_time(process.pid)))
            code = await process.wait()  # no deadline: a person is talking
        finally:
            with trio.CancelScope(shield=True):
                await self._end(process)
        if code == 0:
            return RunResult(0)
        code = 128 - code if code < 0 else code
        return RunResult(code, f"the conversation ended with exit code {code}")

    async def _end(self, process: trio.Process) -> None:
        if process.poll() is None:
            process.terminate()
            with trio.move_on_after(self.cli.options.kill):
                await process.wait()
        if process.poll() is None:
            process.kill()
            await process.wait()
