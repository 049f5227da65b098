"""The program as a whole: its commands, and how any of them ends.

Every expected trouble is one line on standard error and a documented exit code; a traceback means a defect of ours.
"""

import contextlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from runner.cli import actors, doctor, events, init, ledger, letter, resume, retention, schedule, talk, up, wake
from runner.cli.context import CliContext, Config, Home
from runner.cli.streams import release
from runner.control.protocol import EXIT_USAGE, CommandError
from runner.errors import RunnerError

__all__ = ["build", "main"]

EXIT_INTERRUPTED = 130
EXIT_PIPE = 1

_ABOUT = """One supervised process that gives a Claude instance a persistent life and a place to live it.

Without a command the whole process starts, as with `up`.

Exit codes: 0 as asked, 1 something is wrong, 2 bad usage, 70 gave up, 71 shutdown overran, 75 home, port or session
lock in use, 78 settings, 124 deadline, 127 the model's program is missing, 130 interrupted."""


def build(shell: CliContext) -> typer.Typer:
    """Put the program together around its surroundings."""
    app = typer.Typer(
        name="claude-runner",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback(invoke_without_command=True, help=_ABOUT)
    def program(
        context: typer.Context,
        home: Home = None,
        config: Config = None,
        host: up.Host = None,
        port: up.Port = None,
        show_version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    ) -> None:
        context.obj = shell
        shell.home, shell.config = home, config
        if show_version:
            shell.say(f"claude-runner {version('claude-runner')}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            raise typer.Exit(up.start(shell, None, None, host, port))
        if host is not None or port is not None:
            raise typer.BadParameter("--host and --port belong to `up`", ctx=context)

    for group in (up, init, wake, actors, ledger, schedule, letter, resume, retention, talk, events, doctor):
        group.register(app)
    return app


def main(arguments: Sequence[str], shell: CliContext) -> int:
    """Run one command line and give its exit code."""
    try:
        code = _carry_out(arguments, shell)
        shell.out.flush()
    except BrokenPipeError:  # the reader of our output has left (`| head`): say nothing
        code = EXIT_PIPE
    except OSError as error:
        with contextlib.suppress(OSError):
            shell.note(f"claude-runner: {error.strerror or error}")
        code = 1
    release(shell.out, shell.err)
    return code


def _carry_out(arguments: Sequence[str], shell: CliContext) -> int:
    try:
        code = build(shell)(list(arguments), prog_name="claude-runner", standalone_mode=False)
    except (CommandError, RunnerError) as error:
        shell.note(f"claude-runner: {error}")
        return error.exit_code
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        shell.note(f"claude-runner: {error.strerror or error}{place}")
        return 1
    except Exception as error:
        # typer brings its own copy of click's errors: told by what they can do
        explain = getattr(error, "format_message", None)
        if explain is None:
            raise
        context = getattr(error, "ctx", None)
        hint = f" (see: {context.command_path} --help)" if context is not None else ""
        shell.note(f"claude-runner: {explain()}{hint}")
        return EXIT_USAGE
    return code if isinstance(code, int) else 0
