"""What the process tells systemd (sd_notify), as datagrams to the socket named in NOTIFY_SOCKET.

Sending never waits and never fails loudly: a manager that does not listen is no reason to stop living.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

import attrs

__all__ = ["Notifier", "watchdog_seconds"]


@attrs.frozen
class Notifier:
    """Speaks to the service manager; with no address it says nothing."""

    address: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Notifier":
        """The manager named by the environment: a path or an abstract name with a leading @."""
        address = environ.get("NOTIFY_SOCKET", "")
        return cls(address if address[:1] in {"/", "@"} else None)

    def ready(self, status: str = "") -> None:
        """The start (or a reload) is complete."""
        self._send("READY=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status(text))

    def stopping(self, status: str = "") -> None:
        """The shutdown has begun."""
        self._send("STOPPING=1", *_status(status))

    def reloading(self) -> None:
        """A reload has begun; `ready` must follow."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def watchdog(self) -> None:
        """Still alive."""
        self._send("WATCHDOG=1")

    def extend_timeout(self, seconds: float) -> None:
        """Ask for so much more time in the present start, stop or reload."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def _send(self, *lines: str) -> None:
        if self.address is None or not lines:
            return
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        ):
            sender.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, name)


def watchdog_seconds(environ: Mapping[str, str], *, pid: int | None = None) -> float | None:
    """How often the manager wants to hear from this very process, or None when it does not ask."""
    try:
        microseconds = int(environ["WATCHDOG_USEC"])
        meant = int(environ.get("WATCHDOG_PID", "") or (os.getpid() if pid is None else pid))
    except (KeyError, ValueError):
        return None
    ours = meant == (os.getpid() if pid is None else pid)
    return microseconds / 1_000_000 if ours and microseconds > 0 else None


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()
