"""Signals and limits, with real signals to this very process."""

import os
import resource
import signal
import subprocess
import sys

import trio

from runner.process.limits import raise_open_files
from runner.process.signals import watch_signals


async def test_signals_become_calls(nursery: trio.Nursery) -> None:
    """TERM asks for the end, a second signal hurries, HUP reloads, and each is told once."""
    send, receive = trio.open_memory_channel[str](10)

    async def watch(*, task_status: trio.TaskStatus[None]) -> None:
        await watch_signals(
            stop=send.send_nowait,
            hurry=lambda: send.send_nowait("hurry"),
            reload=lambda: send.send_nowait("reload"),
            task_status=task_status,
        )

    await nursery.start(watch)
    for number, told in (
        (signal.SIGHUP, "reload"),
        (signal.SIGTERM, "SIGTERM"),
        (signal.SIGINT, "hurry"),
        (signal.SIGHUP, "reload"),
    ):
        os.kill(os.getpid(), number)
        with trio.fail_after(5):
            assert await receive.receive() == told
    nursery.cancel_scope.cancel()


def test_the_open_files_limit_is_lifted_to_what_is_allowed() -> None:
    """In a process of its own the soft limit becomes the hard one, and asking again changes nothing."""
    program = (
        "import resource\n"
        "from runner.process.limits import raise_open_files\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))\n"
        "assert raise_open_files() == hard == raise_open_files()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert raise_open_files() == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
