import pytest

from web.server.auth import API, Decision, Requester, client_address, decide, needs_key

LOCAL = [(b"host", b"127.0.0.1:8000")]


def caller(
    path: str = API + "/content/thoughts", *headers: tuple[bytes, bytes], peer: str | None = "127.0.0.1"
) -> Requester:
    return Requester(path, peer, list(headers) or LOCAL)


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/", False),
        ("/thoughts/x", False),
        ("/api/v1x", False),
        (API, True),
        (API + "/", True),
        (API + "/health/live", False),
        (API + "/health/live/", True),
        (API + "/session/stream", False),
        (API + "/content/thoughts", True),
        (API + "/events/stream", True),
        (API + "/admin/wake", True),
        (API + "/whatever", True),
        (API + "/mailbox/attachments/ann/a.png", False),
        (API + "/mailbox/attachments", True),
    ],
)
def test_what_the_key_guards(path: str, *, needed: bool) -> None:
    """All of the API but the listed paths needs the key, unknown paths included; pages don't."""
    assert needs_key(path) is needed


@pytest.mark.parametrize(
    ("headers", "entry"),
    [
        ([], Decision.NO_KEY),
        ([(b"x-api-key", b"secret")], Decision.KEY),
        ([(b"x-api-key", b"wrong")], Decision.WRONG_KEY),
        ([(b"x-api-key", b"")], Decision.WRONG_KEY),
        ([(b"x-api-key", b"\xff\xfe")], Decision.WRONG_KEY),
        ([(b"x-api-key", b"secret"), (b"x-api-key", b"secret")], Decision.WRONG_KEY),
        ([(b"x-api-key", b"secret"), (b"origin", b"https://evil.example")], Decision.KEY),
    ],
)
def test_with_a_key_set(headers: list[tuple[bytes, bytes]], entry: Decision) -> None:
    """Exactly the right key opens, from wherever; bytes that are no text are a wrong key."""
    assert decide(Requester(API + "/content/thoughts", "203.0.113.9", headers), api_key="secret") is entry


@pytest.mark.parametrize("host", [b"127.0.0.1", b"127.0.0.1:8000", b"localhost:8000", b"LOCALHOST", b"[::1]:8000"])
def test_without_a_key_the_machine_itself_may(host: bytes) -> None:
    """With no key, a loopback peer that asks by a loopback name is let in."""
    assert decide(caller(API + "/admin/wake", (b"host", host)), api_key="") is Decision.LOOPBACK


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"home.example")],
        [(b"host", b"127.0.0.1.example.org")],
        [(b"host", b"localhost:x")],
        [(b"host", b"")],
        [(b"accept", b"*/*")],
        [*LOCAL, (b"host", b"127.0.0.1:8000")],
        [*LOCAL, (b"forwarded", b"for=10.0.0.1")],
        [*LOCAL, (b"x-forwarded-for", b"127.0.0.1")],
        [*LOCAL, (b"x-forwarded-proto", b"https")],
        [*LOCAL, (b"origin", b"https://evil.example")],
        [*LOCAL, (b"origin", b"http://127.0.0.1:9999")],
        [*LOCAL, (b"origin", b"null")],
    ],
)
def test_without_a_key_others_may_not(headers: list[tuple[bytes, bytes]]) -> None:
    """A proxy's traces, another name for the host, or another site's page keep the door shut."""
    found = decide(Requester(API + "/content/thoughts", "127.0.0.1", headers), api_key="")
    assert found is Decision.NOT_LOCAL
    assert found.status == 403
    assert "API_KEY" in found.reason


@pytest.mark.parametrize("peer", ["192.0.2.1", "::ffff:192.0.2.1", None, "unix"])
def test_without_a_key_only_loopback_peers(peer: str | None) -> None:
    """A peer elsewhere, or none at all, is refused whatever it says of itself."""
    assert not decide(caller(peer=peer), api_key="").allowed


@pytest.mark.parametrize("peer", ["127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_in_its_other_spellings(peer: str) -> None:
    """All of 127/8, IPv6's loopback and the mapped form are this machine."""
    assert decide(caller(peer=peer), api_key="").allowed


def test_our_own_page_may() -> None:
    """The page that the server itself gave out is no foreign origin."""
    assert decide(caller(API + "/x", *LOCAL, (b"origin", b"http://127.0.0.1:8000")), api_key="").allowed


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [b"10.0.0.1"], "203.0.113.9"),
        ("10.1.1.1", [b"1.1.1.1, 2.2.2.2"], "2.2.2.2"),
        ("10.1.1.1", [b"1.1.1.1", b"3.3.3.3"], "3.3.3.3"),
        ("10.1.1.1", [b"nonsense"], "10.1.1.1"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("unix", [b"1.1.1.1"], "unix"),
        (None, [], None),
    ],
)
def test_a_clients_address(peer: str | None, forwarded: list[bytes], address: str | None) -> None:
    """Only a trusted proxy is believed, and only its own last word."""
    who = Requester("/", peer, [(b"x-forwarded-for", value) for value in forwarded])
    assert client_address(who, ("10.0.0.0/8",)) == address
