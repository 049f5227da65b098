"""What the service manager hears."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.process.notify import Notifier, watchdog_seconds


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A datagram socket that stands in for the manager, with its address as NOTIFY_SOCKET spells it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@claude-runner-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, name


def test_each_message_is_one_datagram_with_the_documented_words(manager: tuple[socket.socket, str]) -> None:
    """READY, STATUS, WATCHDOG, STOPPING, RELOADING and EXTEND_TIMEOUT arrive as systemd spells them."""
    listener, name = manager
    notifier = Notifier.from_environ({"NOTIFY_SOCKET": name})
    heard = []
    sayings: tuple[Callable[[], None], ...] = (
        lambda: notifier.ready("serving\nhere"),
        lambda: notifier.status("writing"),
        notifier.watchdog,
        notifier.stopping,
        notifier.reloading,
        lambda: notifier.extend_timeout(1.5),
    )
    for speak in sayings:
        speak()
        heard.append(listener.recv(4096).decode())
    assert heard[0] == "READY=1\nSTATUS=serving here"
    assert heard[1:4] == ["STATUS=writing", "WATCHDOG=1", "STOPPING=1"]
    assert heard[4].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[5] == "EXTEND_TIMEOUT_USEC=1500000"


def test_no_manager_means_silence(tmp_path: Path) -> None:
    """Without a manager, with one that is gone, and with nothing to say, sending does nothing and raises nothing."""
    assert Notifier.from_environ({}).address is None
    assert Notifier.from_environ({"NOTIFY_SOCKET": "vsock:2:1"}).address is None
    Notifier().ready()
    Notifier(str(tmp_path / "gone")).ready()
    Notifier(str(tmp_path / "gone")).status("")


def test_a_manager_that_does_not_read_is_never_waited_for(tmp_path: Path) -> None:
    """A full queue of the manager loses messages instead of holding up the process."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        notifier = Notifier(str(tmp_path / "notify"))
        for _ in range(2000):
            notifier.watchdog()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "1000000"}, 1.0),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "42"}, 1.0),
        ({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_fed_only_when_this_process_is_meant(environ: dict[str, str], seconds: float | None) -> None:
    """The interval counts when it is a number and WATCHDOG_PID, if given, is ours."""
    assert watchdog_seconds(environ, pid=42) == seconds
