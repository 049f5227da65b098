"""What every command is given: its surroundings, the options all commands share, and how it speaks.

Results go to standard output, everything else to standard error, so that `--json` can be piped.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TextIO
from zoneinfo import ZoneInfo

import attrs
import typer

from runner.cli.streams import as_json
from runner.clock import Now, system_now
from runner.control.client import ProgressSink, request
from runner.control.protocol import Answer, plain
from runner.errors import HomeMissing, UsageError
from runner.settings import Loaded, load_settings
from runner.visible import visible

__all__ = [
    "AsJson",
    "CliContext",
    "Config",
    "Home",
    "Start",
    "moment",
    "shell_of",
    "words_of",
]

Home = Annotated[
    Path | None, typer.Option("--home", metavar="FOLDER", help="The home folder. Beats CLAUDE_HOME; else /claude-home.")
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A TOML settings file instead of the home's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")]


@attrs.frozen
class Start:
    """What `up` hands to the composition root: checked settings, and how to read them again for a reload."""

    loaded: Loaded
    reread: Callable[[], Loaded]


@attrs.define(eq=False)
class CliContext:
    """The surroundings of one command. Everything a command touches outside its home comes through here."""

    environ: Mapping[str, str]
    up: Callable[[Start], int]
    out: TextIO = attrs.field(factory=lambda: sys.stdout)
    err: TextIO = attrs.field(factory=lambda: sys.stderr)
    now: Now = system_now
    folder: Path = attrs.field(factory=Path.cwd)
    home: Path | None = None
    config: Path | None = None

    def load(
        self,
        home: Path | None,
        config: Path | None,
        *,
        overrides: Mapping[str, object] | None = None,
        serving: bool = False,
        must_exist: bool = True,
        in_checkout: bool = True,
    ) -> Loaded:
        """Read the settings for one command; a home that is not there is an error naming `init`."""
        config = config or self.config
        chosen = {"home": home or self.home, **(overrides or {})}
        loaded = load_settings(chosen, self.environ, config, serving=serving)
        nearby = self.home_of_checkout(loaded) if in_checkout and loaded.sources["home"] == "default" else None
        if nearby is not None and nearby.is_dir():
            loaded = load_settings({**chosen, "home": nearby}, self.environ, config, serving=serving)
        folder = loaded.settings.home
        if must_exist and not folder.is_dir():
            raise HomeMissing(
                f"the home {folder} does not exist ({loaded.sources['home']}); make one with: "
                f"claude-runner init --home {folder}, or name another with --home or CLAUDE_HOME"
            )
        return loaded

    def home_of_checkout(self, loaded: Loaded) -> Path | None:
        """The home that `make run` keeps in a checkout: for whoever stands in one, names no home and has no other."""
        if not loaded.settings.home.exists() and (self.folder / "pyproject.toml").is_file():
            import runner

            package = Path(runner.__file__).resolve().parent
            if package.parent == self.folder.resolve():
                return self.folder / "claude-home"
        return None

    def ask(
        self,
        socket: Path,
        command: str,
        params: object | None = None,
        *,
        within: float | None = 30.0,
        on_progress: ProgressSink | None = None,
        telling: str = "",
    ) -> Answer:
        """Put a question to the running process; what takes long shows on a terminal that it goes on."""
        with self.busy(telling):
            return request(socket, command, params, within=within, on_progress=on_progress)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """A turning wheel with a line of text while a person waits; nothing when no terminal watches."""
        if not text or not self.err.isatty():
            yield
            return
        from rich.console import Console

        wheel = "dots" if (self.err.encoding or "").lower().startswith("utf") else "line"
        with Console(file=self.err).status(text, spinner=wheel):
            yield

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """A piece of the result that is told as it comes."""
        self.out.write(visible(text))

    def note(self, text: str) -> None:
        """A line beside the result."""
        self.err.write(visible(text) + "\n")
        self.err.flush()

    def json(self, value: object) -> None:
        """The result as JSON, indented for the eye; one line each is `line`."""
        self.out.write(as_json(plain(value), self.out, indent=2) + "\n")

    def line(self, value: object) -> None:
        """One object on one line, out at once."""
        self.out.write(as_json(plain(value), self.out) + "\n")
        self.out.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str, whole: int = 2) -> None:
        """Aligned columns. On a terminal the first `whole` stay whole and the others fold; in a pipe nothing does."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            table.add_column(column, no_wrap=number < whole, overflow="fold")
        for row in rows:
            table.add_row(*(Text(visible(_cell(value), lines=False)) for value in row))
        if not table.row_count:
            self.note(empty)
            return
        width = None if self.out.isatty() else 10_000
        console = Console(file=self.out, width=width, highlight=False)
        if width is None:
            console.print(table)
            return
        with console.capture() as captured:
            console.print(table)
        self.out.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def shell_of(context: typer.Context) -> CliContext:
    """The Shell that `build` put into the program's context."""
    shell = context.obj
    assert isinstance(shell, CliContext)
    return shell


def words_of(*arguments: str) -> str:
    """What a person wrote on the command line, as text: its bytes are UTF-8, whatever the locale takes them for."""
    said = " ".join(arguments)
    try:
        said.encode()
    except UnicodeEncodeError:
        try:
            return os.fsencode(said).decode()
        except UnicodeError:
            raise UsageError(f"{said!a} is no text; write it in UTF-8") from None
    return said


def moment(value: datetime | str | None, zone: ZoneInfo) -> datetime | None:
    """A point in time for a table: on the home's wall clock, whatever zone it was written in."""
    if value is None:
        return None
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(zone)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(value)
