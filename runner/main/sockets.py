"""The listening socket of the web: the root's, bound once, whatever happens to the server on it."""

import errno
import os
import socket
from collections.abc import Mapping

from runner.errors import PortInUse, SettingsError

BACKLOG = 2048
FIRST_PASSED = 3


def listen(host: str, port: int, environ: Mapping[str, str]) -> socket.socket:
    """Listen on the address, or take over the socket that the service manager has opened for this very process."""
    if environ.get("LISTEN_PID") == str(os.getpid()) and int(environ.get("LISTEN_FDS", "0") or 0) >= 1:
        passed = socket.socket(fileno=FIRST_PASSED)
        passed.set_inheritable(False)
        passed.setblocking(False)
        return passed
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(f"http.host (API_HOST) is {host!r}, which is no address here: {error.strerror}") from error
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"port {port} on {host} is in use by another program; end that one, or choose another with --port "
                "(API_PORT; 0 takes any free one)"
            ) from None
        raise SettingsError(
            f"http.host (API_HOST) {host!r}, http.port (API_PORT) {port}: cannot listen there: {error.strerror}"
        ) from error
    listening.setblocking(False)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where it listens, as a person types it."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
