"""The process's log: one line an event with its fields, on standard error, where systemd keeps it."""

import logging
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from runner.visible import visible, visible_json

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def make_log(stream: TextIO, *, level: str, form: str) -> FilteringBoundLogger:
    """A logger of its own, built from nothing global. `form` is "text" (key=value) or "json"."""
    wide = (stream.encoding or "utf-8").lower().startswith("utf")
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=not wide)
        if form == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False)
    )
    escaped = visible_json if form == "json" else visible

    def show(_logger: object, _method: str, line: Any) -> str:
        """The line as a terminal may have it: fields hold names from disk and words of strangers."""
        return escaped(str(line))

    return cast(
        "FilteringBoundLogger",
        structlog.wrap_logger(
            structlog.PrintLogger(stream),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                renderer,
                show,
            ],
            wrapper_class=structlog.make_filtering_bound_logger(LEVELS.get(level.lower(), logging.INFO)),
            cache_logger_on_first_use=False,
        ),
    )
