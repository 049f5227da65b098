"""Output on streams that can't take every character, by the shipped program and piece by piece."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from runner.cli.app import main
from runner.cli.context import CliContext
from runner.cli.streams import as_json, prepare, release
from runner.clock import system_now
from tests.runner.cli.conftest import CommandLine

WAVE = "a \U0001f30a and 東京, naïve\x1b]0;evil\x07"
"""An emoji, other scripts, an accent, and an order to a terminal."""

NARROW: Mapping[str, Mapping[str, str]] = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "cp1252": {"PYTHONIOENCODING": "cp1252:strict"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
"""Surroundings whose streams take few characters, by the encoding that they give them."""


@pytest.fixture
def waving(lived: CommandLine) -> CommandLine:
    """A home with an impulse that is hard to print."""
    assert attrs.evolve(lived, now=system_now)("impulse", "add", WAVE).code == 0
    return lived


def neutral() -> dict[str, str]:
    """This process's surroundings, with no word on how its streams are to be."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}


def shipped(line: CommandLine, encoding: str, *arguments: str | bytes) -> tuple[int, str, str]:
    """The program as its users start it: exit code, output and errors."""
    ran = subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        env={**neutral(), **line.environ, **NARROW[encoding]},
        capture_output=True,
        check=False,
        timeout=60,
    )
    return ran.returncode, ran.stdout.decode(encoding), ran.stderr.decode(encoding)


def test_a_table_takes_every_text(waving: CommandLine) -> None:
    """An impulse with an emoji is listed on a narrow stream, escaped where it must be; it moves no terminal."""
    code, out, err = shipped(waving, "latin-1", "impulse", "list")
    assert (code, err) == (0, "")
    assert "a \\U0001f30a and \\u6771\\u4eac, naïve\\x1b]0;evil\\x07" in out


def test_json_takes_every_text_and_stays_json(waving: CommandLine) -> None:
    """On a narrow stream JSON says the same as anywhere."""
    code, out, err = shipped(waving, "ascii", "impulse", "list", "--json")
    assert (code, err) == (0, "")
    assert [impulse["body"] for impulse in json.loads(out)] == [WAVE]


def test_prompts_and_errors_take_every_text(waving: CommandLine) -> None:
    """A prompt on standard output and an error on standard error are escaped, with their own exit codes."""
    code, out, err = shipped(waving, "cp1252", "wake", "custom", WAVE, "--dry-run", "--offline")
    assert (code, err, "\x1b" in out, "\\U0001f30a" in out) == (0, "", False, True)
    code, out, err = shipped(waving, "ascii", "--home", os.fsencode("/nowhere/\x1b[31m東") + b"\xff", "ps")
    assert (code, out) == (78, "")
    assert "\\x1b[31m" in err
    assert "\\udcff" in err
    assert err.count("\n") == 1


def test_words_are_utf_8_whatever_the_locale_says(lived: CommandLine) -> None:
    """Where the locale knows only ASCII an impulse is kept as it was written; what is no UTF-8 is refused by name."""
    assert shipped(lived, "ascii", "impulse", "add", "東京", "\U0001f30a")[0] == 0
    (kept,) = json.loads((lived.home / "data" / "impulses.json").read_text(encoding="utf-8"))
    assert kept["body"] == "東京 \U0001f30a"
    for command in (("impulse", "add", "\udcff"), ("schedule", "--in", "2h", "--reason", "\udcff")):
        ran = lived(*command)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == "claude-runner: '\\udcff' is no text; write it in UTF-8\n"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "cp1252", "koi8-r", "utf-16"])
def test_every_command_speaks_on_every_stream(waving: CommandLine, encoding: str) -> None:
    """Tables, JSON, lines, notes and prompts come out on any encoding, and JSON reads back as what was meant."""
    for arguments in (
        ("impulse", "list"),
        ("impulse", "list", "--json"),
        ("schedule", "--json"),
        ("sessions",),
        ("wake", "custom", WAVE, "--dry-run", "--offline"),
        ("wake", "custom", WAVE, "--dry-run", "--offline", "--json"),
        ("wake", WAVE),
        ("impulse", "drop", WAVE),
    ):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding, errors="backslashreplace") for _ in range(2))
        shell = CliContext(waving.environ, lambda _: 0, out, err, now=system_now, folder=waving.folder)
        code = main(arguments, shell)
        said, noted = (stream.buffer.getvalue().decode(encoding) for stream in (out, err))
        assert code == (0 if "drop" not in arguments and arguments != ("wake", WAVE) else 1 + ("wake" in arguments))
        assert "\x1b" not in said + noted
        if "--json" in arguments:
            found = json.loads(said)
            assert arguments[0] != "impulse" or found[0]["body"] == WAVE


def test_the_streams_of_the_process_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed past a command (the ready line, the log, help) is escaped too; a closed stream swallows."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii", errors="strict"))
    monkeypatch.setattr(sys, "stderr", None)
    prepare()
    print("\U0001f30a", end="", flush=True)
    assert written.getvalue() == b"\\U0001f30a"
    with sys.stderr:
        print("\U0001f30a", file=sys.stderr)


@pytest.mark.parametrize("slots", ["3", "1000"])
@pytest.mark.parametrize(("device", "words"), [("full", "claude-runner: No space left on device\n"), ("left", "")])
def test_a_stream_that_takes_nothing_is_one_line(lived: CommandLine, device: str, words: str, slots: str) -> None:
    """A full device is told, a reader that has left is not, exit 1; nothing is said when the rest can't be flushed."""
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "wb") if device == "full" else open(writing, "wb", closefd=False) as sink:  # noqa: PTH123
        ran = subprocess.run(
            [sys.executable, "-m", "runner", "schedule", "--limit", slots],
            env={**neutral(), **lived.environ},
            stdout=sink,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (1, words)


def test_json_is_the_same_value_on_every_stream() -> None:
    """Whatever the encoding and the text, what is printed reads back as what was meant, and holds no order."""
    value = {"a": WAVE, "b": "\x7f\x9b\u202e", "c": "\udce9", "d": [1, None, "ß"]}
    for encoding in ("utf-8", "latin-1", "ascii", "cp1252", "utf-16"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        for indent in (None, 2):
            text = as_json(value, stream, indent=indent)
            stream.write(text)
            assert json.loads(text) == value
            assert not {"\x1b", "\x7f", "\x9b", "\u202e"} & set(text)


def test_a_cell_stays_on_its_line(tmp_path: Path) -> None:
    """A name with a newline in it makes no second row."""
    out = io.StringIO()
    shell = CliContext(environ={}, up=lambda _: 0, out=out, err=io.StringIO(), folder=tmp_path)
    shell.table(("name",), [("two\nlines\x1b[1A",)], empty="")
    assert out.getvalue().splitlines()[1:] == ["two\\nlines\\x1b[1A"]


def test_words_that_are_told_as_they_come_move_no_terminal(tmp_path: Path) -> None:
    """Pieces of a session's text, and notes, are shown as results are."""
    out, err = io.StringIO(), io.StringIO()
    shell = CliContext(environ={}, up=lambda _: 0, out=out, err=err, folder=tmp_path)
    shell.write("a\x1b[2J")
    shell.note("b\x1b[2J")
    assert (out.getvalue(), err.getvalue()) == ("a\\x1b[2J", "b\\x1b[2J\n")


def test_a_stream_without_a_descriptor_is_let_go() -> None:
    """What can't be flushed and has nothing beneath it is left alone."""

    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    release(Gone(), io.StringIO())
