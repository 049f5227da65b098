"""Who may come in: one decision for every request, made before anything else looks at it. Deny by default."""

import enum
import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

API = "/api/v1"

PUBLIC = frozenset(
    API + path
    for path in (
        "/analytics",
        "/health/live",
        "/health/ready",
        "/mailbox/login",
        "/mailbox/read",
        "/mailbox/register",
        "/mailbox/reset-password",
        "/mailbox/send",
        "/mailbox/status",
        "/mailbox/thread",
        "/messages",
        "/messages/with-image",
        "/search",
        "/session/status",
        "/session/stream",
    )
)
"""Paths of the API that need no service key; those of the mailbox and of messages bring credentials of their own."""

PUBLIC_BELOW = (API + "/mailbox/attachments/",)

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::\d{1,5})?", re.IGNORECASE)


class Decision(enum.Enum):
    """The answer of the door."""

    OPEN = enum.auto()
    """Anybody may."""
    KEY = enum.auto()
    """The service key was right."""
    LOOPBACK = enum.auto()
    """No key is set, and this comes from the machine itself."""
    NO_KEY = enum.auto()
    WRONG_KEY = enum.auto()
    NOT_LOCAL = enum.auto()

    @property
    def allowed(self) -> bool:
        return self in (Decision.OPEN, Decision.KEY, Decision.LOOPBACK)

    @property
    def status(self) -> int:
        return 403 if self is Decision.NOT_LOCAL else 401

    @property
    def reason(self) -> str:
        return _REASONS[self]


_REASONS: Mapping[Decision, str] = {
    Decision.NO_KEY: "this needs the service key in the header X-API-Key",
    Decision.WRONG_KEY: "the service key in the header X-API-Key is not the right one",
    Decision.NOT_LOCAL: (
        "no service key is set, so this is open to programs on the same machine only: directly, by a loopback name, "
        "and not from another site's page; set API_KEY to open it to others"
    ),
}


@attrs.frozen
class Requester:
    """What the decision is made from. Names of headers are lower-case bytes, as the server gives them."""

    path: str
    peer: str | None
    headers: Sequence[tuple[bytes, bytes]]

    def all(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


def needs_key(path: str) -> bool:
    """Whether the service key guards this path: all of the API that is not listed, known or not."""
    if path != API and not path.startswith(API + "/"):
        return False  # our own pages
    return path not in PUBLIC and not path.startswith(PUBLIC_BELOW)


def decide(caller: Requester, *, api_key: str) -> Decision:
    """May this request go on?"""
    if not needs_key(caller.path):
        return Decision.OPEN
    if not api_key:
        return Decision.LOOPBACK if _is_local(caller) else Decision.NOT_LOCAL
    brought = caller.all(b"x-api-key")
    if not brought:
        return Decision.NO_KEY
    same = [hmac.compare_digest(value, api_key.encode()) for value in brought]
    return Decision.KEY if len(same) == 1 and same[0] else Decision.WRONG_KEY


def client_address(caller: Requester, trusted: Iterable[str]) -> str | None:
    """The socket's peer, or what a trusted proxy says last."""
    if caller.peer is None or not _within(caller.peer, trusted):
        return caller.peer
    hops = [hop.strip() for value in caller.all(b"x-forwarded-for") for hop in value.decode("latin-1").split(",")]
    if not hops:
        return caller.peer
    address = _address(hops[-1])
    return caller.peer if address is None else str(address)


def _is_local(caller: Requester) -> bool:
    if not _is_loopback_address(caller.peer or ""):
        return False
    if any(name == b"forwarded" or name.startswith(b"x-forwarded-") for name, _ in caller.headers):
        return False
    hosts = caller.all(b"host")
    if len(hosts) != 1 or not _is_loopback_host(hosts[0]):
        return False
    own = b"http://" + hosts[0].lower()
    return all(origin.lower() == own for origin in caller.all(b"origin"))


def _is_loopback_host(value: bytes) -> bool:
    match = HOST.fullmatch(value.decode("latin-1"))
    if match is None:
        return False
    name = match[1].lower()
    return name == "localhost" or _is_loopback_address(name.strip("[]"))


def _is_loopback_address(text: str) -> bool:
    address = _address(text)
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def _within(peer: str, networks: Iterable[str]) -> bool:
    address = _address(peer)
    if address is None:
        return False
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)
