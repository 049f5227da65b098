"""Streams that no text is too much for: what an encoding lacks is escaped, and a reader may leave."""

import contextlib
import io
import json
import os
import sys
from typing import Any, TextIO

from runner.visible import visible_json

__all__ = ["as_json", "prepare", "release"]


def prepare() -> None:
    """Make standard output and error of this process take any text. To be called once, before anything is written."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for the life of the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def as_json(value: Any, stream: TextIO, *, indent: int | None = None) -> str:
    """JSON for this stream: escaped where the stream's encoding, or a terminal, would not take a character as it is."""
    separators = None if indent else (",", ":")
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=False)
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return visible_json(json.dumps(value, indent=indent, separators=separators))
    return visible_json(text)


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
