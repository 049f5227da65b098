"""How commands speak on a terminal and in a pipe."""

import io
import re
from pathlib import Path

import pytest

from runner.cli.context import CliContext, shell_of


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def a_shell(out: io.StringIO, err: io.StringIO, folder: Path) -> CliContext:
    return CliContext(environ={}, up=lambda _: 0, out=out, err=err, folder=folder)


def test_a_terminal_shows_that_something_goes_on(tmp_path: Path) -> None:
    """What may take long turns a wheel on a terminal and writes nothing elsewhere."""
    terminal, pipe = Terminal(), io.StringIO()
    with a_shell(io.StringIO(), terminal, tmp_path).busy("waking"):
        pass
    with a_shell(io.StringIO(), pipe, tmp_path).busy("waking"):
        pass
    assert "waking" in terminal.getvalue()
    assert pipe.getvalue() == ""


def test_tables_fold_on_a_terminal_and_are_whole_in_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow terminals keep names whole and fold the rest; a pipe gets one line a row with nothing cut."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    rows = [("a-name-to-keep", "x" * 100, None, True, 1.5)]
    terminal, pipe = Terminal(), io.StringIO()
    columns = ("name", "text", "nothing", "yes", "number")
    a_shell(terminal, io.StringIO(), tmp_path).table(columns, rows, empty="", whole=1)
    a_shell(pipe, io.StringIO(), tmp_path).table(columns, rows, empty="")
    assert "a-name-to-keep" in terminal.getvalue()
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in terminal.getvalue().splitlines()) <= 40
    assert pipe.getvalue().splitlines()[1] == f"a-name-to-keep  {'x' * 100}  -        yes  1.5"


def test_a_context_without_a_shell_is_a_defect() -> None:
    """Commands are only built around a shell."""

    class Context:
        obj = None

    with pytest.raises(AssertionError):
        shell_of(Context())  # type: ignore[arg-type]  # stands in for a typer.Context
