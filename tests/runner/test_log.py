"""The log: lines that no field can break, on any stream."""

import io
import json

import pytest

from runner.log import make_log

NAME = "a\x1b]0;evil\x07\x9b\u202e 東京.md"


def test_a_line_moves_no_terminal() -> None:
    """A file's name in a field is shown with its controls escaped."""
    out = io.StringIO()
    make_log(out, level="info", form="text").info("entry.skipped", file=NAME)
    assert "a\\x1b]0;evil\\x07\\x9b\\u202e 東京.md" in out.getvalue()
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(out.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_json_lines_stay_json(encoding: str) -> None:
    """On a stream that takes few characters a JSON line says the same."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding, errors="backslashreplace")
    make_log(out, level="info", form="json").info("entry.skipped", file=NAME + "\U0001f30a")
    out.flush()
    assert json.loads(written.getvalue().decode(encoding))["file"] == NAME + "\U0001f30a"
