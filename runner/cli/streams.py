"""Output that no text is too much for: what a stream's encoding lacks, and what would move a terminal, is escaped."""

import contextlib
import io
import json
import os
import re
import sys
from typing import Any, TextIO

__all__ = ["as_json", "prepare", "release", "visible"]

_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that act instead of being seen: controls but for newline and tab, line separators, orders of writing."""


def prepare() -> None:
    """Make standard output and error of this process take any text. To be called once, before anything is written."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for the life of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def visible(text: str, *, lines: bool = True) -> str:
    """The text with nothing in it that acts on a terminal; without `lines` it stays on one line."""
    text = _UNSEEN.sub(_escape, text)
    return text if lines else text.replace("\n", "\\n")


def as_json(value: Any, stream: TextIO, *, indent: int | None = None) -> str:
    """JSON for this stream: escaped where the stream's encoding, or a terminal, would not take a character as it is."""
    separators = None if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, separators=separators).replace("\x7f", "\\u007f")
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def release(*streams: TextIO) -> None:
    """Let go of what a stream whose reader has left still holds, so that the interpreter's last flush fails nowhere."""
    for stream in streams:
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError, ValueError):
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, stream.fileno())
                os.close(sink)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
