"""Errors and places as text. Exception objects are never kept: they hold frames, and frames hold messages."""

import traceback
from collections.abc import Iterator
from pathlib import PurePath
from types import FrameType, TracebackType

import trio

LONGEST = 8 * 1024
LABEL = 200
_MACHINERY = ("trio", "outcome")  # outcome is how trio throws Cancelled into a task
_KERNEL = __name__.rpartition(".")[0]
_PLACES = 5


def error_text(error: BaseException) -> str:
    """The traceback as text of at most 8 KiB (UTF-8); of a longer one the middle is left out."""
    return clip("".join(traceback.format_exception(error)))


def clip(text: str, longest: int = LONGEST) -> str:
    """Cut the middle out of `text` so that it is at most `longest` bytes of UTF-8."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= longest:
        return raw.decode("utf-8")
    mark = b"\n[...]\n"
    head = (longest - len(mark)) // 4
    tail = longest - len(mark) - head
    return (raw[:head] + mark + raw[-tail:]).decode("utf-8", "ignore")


def one_line(text: str) -> str:
    """The text on one line of at most 200 bytes."""
    raw = " ".join(text.split()).encode("utf-8", "replace")
    return raw.decode() if len(raw) <= LABEL else raw[: LABEL - 3].decode("utf-8", "ignore") + "..."


def summary(error: BaseException) -> str:
    """One line: the class and message of the (first inner) error."""
    first = next(leaves(error))
    lines = str(first).splitlines()
    return one_line(f"{type(first).__name__}: {lines[0]}" if lines else type(first).__name__)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside a group, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def where_cancelled(error: BaseException) -> str:
    """Where the tasks stood through which this Cancelled passed, the likeliest culprit first."""
    stacks = [_frames(leaf.__traceback__) for leaf in leaves(error) if isinstance(leaf, trio.Cancelled)]
    return _places(stacks)


def where_waiting(task: trio.lowlevel.Task) -> str:
    """Where this task, and every task under it, waits right now."""
    return _places([[(frame, line) for frame, line in each.iter_await_frames()] for each in _family(task)])


def _family(task: trio.lowlevel.Task) -> Iterator[trio.lowlevel.Task]:
    yield task
    for nursery in task.child_nurseries:
        for child in nursery.child_tasks:
            yield from _family(child)


def _frames(trace: TracebackType | None) -> list[tuple[FrameType, int]]:
    return [] if trace is None else list(traceback.walk_tb(trace))


def _places(stacks: list[list[tuple[FrameType, int]]]) -> str:
    busy: list[str] = []
    idle: list[str] = []
    for stack in stacks:
        place, waits_for_mail = _place(stack)
        if place and place not in busy and place not in idle:
            (idle if waits_for_mail else busy).append(place)
    return "; ".join((busy or idle)[:_PLACES])


def _place(stack: list[tuple[FrameType, int]]) -> tuple[str, bool]:
    """The innermost frame that is neither trio's nor the kernel's, and whether it only waits for its mailbox."""
    place, waits_for_mail = "", False
    for frame, line in stack:
        code = frame.f_code
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _MACHINERY:
            continue
        if module.startswith(_KERNEL + "."):
            waits_for_mail = waits_for_mail or code.co_name == "receive"
            continue
        waits_for_mail = False
        place = f"{code.co_qualname} ({PurePath(code.co_filename).name}:{line})"
    return place, waits_for_mail
