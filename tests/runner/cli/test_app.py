"""The program as a whole: how command lines begin and end."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import runner
from runner.cli.context import Start
from runner.control.protocol import CommandError
from runner.errors import PortInUse
from tests.runner.cli.conftest import CommandLine

COMMANDS = (
    "up", "init", "wake", "ps", "restart", "stop", "start", "kill", "reload",
    "sessions", "queue", "schedule", "dead-letters", "events", "doctor",
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(command: CommandLine, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help works for each command, names its options and ends well."""
    assert command(name, "--help").code == 0
    assert "--home" in capsys.readouterr().out


def test_the_program_lists_its_commands_and_version(command: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    """--help without a command lists every command, and --version prints one line."""
    assert command("-h").code == 0
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in COMMANDS)
    assert command("--version").out.startswith("claude-runner ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dance",), "'dance'"),
        (("ps", "--fast"), "--fast"),
        (("up", "--port", "http"), "'--port'"),
        (("restart",), "NAME"),
        (("sessions", "--limit", "0"), "--limit"),
        (("--port", "1", "ps"), "belong to `up`"),
        (("dead-letters", "bury", "1"), "'bury'"),
        (("dead-letters", "resend"), "resend ID"),
        (("wake", "siesta"), "'siesta'"),
        (("wake", "noon", "--image", "missing.png"), "missing.png"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(lived: CommandLine, arguments: tuple[str, ...], words: str) -> None:
    """A wrong option, value or name is told in one line that names it."""
    ran = lived(*arguments)
    assert ran.code == 2
    assert words in ran.err
    assert ran.err.count("\n") == 1


def test_a_missing_home_names_init(command: CommandLine) -> None:
    """Without a home every command that needs one says where it looked and what makes one, and makes nothing."""
    for arguments in (("up",), ("sessions",), ("ps",), ("wake", "noon")):
        ran = command(*arguments)
        assert ran.code == 78
        assert f"claude-runner init --home {command.home}" in ran.err
    assert not command.home.exists()


def test_wrong_settings_are_told_with_exit_78(lived: CommandLine) -> None:
    """A malformed setting stops the command with the setting's name and value."""
    lived.environ["API_PORT"] = "door"
    ran = lived("up")
    assert ran.code == 78
    assert "door" in ran.err


def test_up_hands_over_checked_settings(lived: CommandLine) -> None:
    """`up`, with or without its name, passes on host, port and home, warns of unknown names, gives the exit code."""
    seen: list[Start] = []

    def up(start: Start) -> int:
        seen.append(start)
        return 75

    lived.up = up
    lived.environ["API_PROT"] = "9"
    ran = lived("up", "--port", "8111", "--host", "127.0.0.2", "--home", str(lived.home))
    assert ran.code == 75
    assert "API_PROT" in ran.err
    assert lived("--port", "8112", "--home", str(lived.home)).code == 75
    assert lived().code == 75
    assert [start.loaded.settings.http.port for start in seen] == [8111, 8112, 8000]
    assert seen[0].reread().settings.http == seen[0].loaded.settings.http


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PortInUse("port 80 is in use"), 75, "port 80 is in use"),
        (CommandError("gone", "it left", exit_code=1), 1, "it left"),
        (KeyboardInterrupt(), 130, ""),
        (OSError(28, "No space left on device", "/somewhere"), 1, "No space left on device (/somewhere)"),
    ],
)
def test_trouble_is_one_line_and_its_exit_code(lived: CommandLine, error: BaseException, code: int, words: str) -> None:
    """Every expected trouble ends in one line and its documented code."""

    def up(_: Start) -> int:
        raise error

    lived.up = up
    ran = lived("up")
    assert ran.code == code
    assert words in ran.err
    assert ran.err.count("\n") == bool(words)


def test_a_defect_is_not_hidden(lived: CommandLine) -> None:
    """An error that nobody expected comes through with its traceback."""

    def up(_: Start) -> int:
        raise ZeroDivisionError

    lived.up = up
    with pytest.raises(ZeroDivisionError):
        lived("up")


def test_a_reader_that_leaves_is_no_trouble(lived: CommandLine) -> None:
    """`claude-runner schedule | head -0` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    program = (
        "import os, sys; from runner.cli.app import main; from runner.cli.context import CliContext;"
        "sys.exit(main(sys.argv[1:], CliContext(os.environ, lambda _: 0)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "schedule", "--limit", "1000", "--home", str(lived.home)],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert ran.returncode == 1
    assert ran.stderr == ""


def test_a_checkout_has_its_own_home(command: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a checkout, with no home named and no usual one, `up` makes its home and other commands find it."""
    del command.environ["CLAUDE_HOME"]
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "runner").mkdir()
    monkeypatch.setattr(runner, "__file__", str(tmp_path / "runner" / "__init__.py"))
    monkeypatch.setattr("runner.settings.load._home", _usual_home(tmp_path / "nowhere"))
    homes: list[Path] = []

    def up(start: Start) -> int:
        homes.append(start.loaded.settings.home)
        return 0

    command.up = up
    assert command("sessions").code == 78
    assert "with a small life" in command("up").err
    assert command("up").err == ""
    assert homes == [tmp_path / "claude-home"] * 2
    assert command("sessions").code == 0
    command.folder = tmp_path / "runner"
    assert command("sessions").code == 78


def _usual_home(usual: Path) -> Callable[..., tuple[Path, str]]:
    def home(_: object, command_line: dict[str, object], *__: object) -> tuple[Path, str]:
        return (Path(str(command_line["home"])), "command line") if "home" in command_line else (usual, "default")

    return home


def test_ctrl_c_while_following_events_is_an_end(lived: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is how one stops following: exit 0."""

    def ask(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.cli.context.request", ask)
    assert lived("events").code == 0
