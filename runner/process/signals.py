"""Signals become calls: the first TERM or INT asks for the end, a second one hurries it, HUP reloads."""

import signal
from collections.abc import Callable

import trio

__all__ = ["watch_signals"]


async def watch_signals(
    *,
    stop: Callable[[str], None],
    hurry: Callable[[], None],
    reload: Callable[[], None],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Receive signals until cancelled. Once started, Ctrl-C is a wish and no longer an exception."""
    asked = False
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as received:
        task_status.started()
        async for number in received:  # no deadline: signals come when they come
            if number == signal.SIGHUP:
                reload()
            elif asked:
                hurry()
            else:
                asked = True
                stop(signal.Signals(number).name)
