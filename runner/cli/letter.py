"""`letter`: the resident writes to one of its correspondents. Works on files, with or without a process running."""

from pathlib import Path
from typing import Annotated

import typer

from runner.cli.context import AsJson, Config, Home, shell_of, words_of
from runner.cli.resident_commands import errands_of
from runner.errors import UsageError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("letter")
    def _letter(
        context: typer.Context,
        words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS...]", help="What the letter says.")] = None,
        to: Annotated[str, typer.Option("--to", metavar="USER", help="The correspondent's user name.")] = "",
        reply_to: Annotated[
            str | None, typer.Option("--reply-to", metavar="ID", help="The message that this answers.")
        ] = None,
        file: Annotated[
            Path | None, typer.Option("--file", metavar="FILE", help="The letter's words in a file.")
        ] = None,
        home: Home = None,
        config: Config = None,
        as_json: AsJson = False,
    ) -> None:
        """Put a letter into a correspondent's thread and print its id.

        Exit 1 when there is no such mailbox, no such message to answer, or nothing to say, and when the session that
        calls may not write to this user.
        """
        shell = shell_of(context)
        resident_commands = errands_of(shell, home, config)
        if not to:
            raise UsageError("--to is missing; name the correspondent")
        if words and file is not None:
            raise UsageError("give either the words or --file, not both")
        body = resident_commands.words_of(file) if file is not None else words_of(*(words or ()))
        sent = resident_commands.letter(to, body, reply_to=reply_to)
        if as_json:
            shell.json({"id": sent.id, "to": to, "ts": sent.ts, "in_reply_to": sent.in_reply_to})
        else:
            shell.say(f"{sent.id} to {to}")
