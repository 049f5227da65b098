"""What git said, and what a person can do about it."""

import re
from collections.abc import Iterable

import attrs

from runner.children.run import Output
from runner.session.repository.place import STALE, Lock

__all__ = ["in_words", "readable", "stops_all"]

_LENGTH = 600
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


@attrs.frozen
class _Known:
    pattern: re.Pattern[str]
    advice: str
    stops_all: bool = False
    """Nothing else can be written either."""


def _known(pattern: str, advice: str, *, stops_all: bool = False) -> _Known:
    return _Known(re.compile(pattern, re.IGNORECASE), advice, stops_all)


_LOCKED = _known(
    r"\.lock': File exists|unable to create '[^']*\.lock'",
    f"another git holds a lock; one that is older than {STALE / 60:g} minutes is removed by itself",
    stops_all=True,
)
_KNOWN = (
    _known(
        r"No space left on device|Disk quota exceeded|File too large|unable to write (?:loose object )?file",
        "the disk is full or a quota is used up: make room",
        stops_all=True,
    ),
    _LOCKED,
    _known(r"Read-only file system", "the repository's disk is mounted read-only", stops_all=True),
    _known(
        r"insufficient permission for adding|unable to create '[^']*': Permission denied|could not lock config",
        "give the repository's folder (.git) to the user that the process runs as",
        stops_all=True,
    ),
    _known(
        r"non-fast-forward|fetch first|\[rejected\]|tip of your current branch is behind",
        "the remote has commits that the home's repository lacks (the two have diverged): "
        "in the home run git pull --rebase, then git push",
    ),
    _known(
        r"\[remote rejected\]|pre-receive hook declined|protected branch|GH\d{3}",
        "the remote refuses this push by a rule of its own; the lines before say which",
    ),
    _known(
        r"could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|Invalid username or"
        r"|Permission denied \(|Host key verification failed|Too many authentication failures",
        "the remote asks for a password, key or answer that nobody is there to give: store one for the user that the "
        "process runs as (a credential helper for https, a key and the host's name in known_hosts for ssh)",
    ),
    _known(
        r"gpg failed to sign|No secret key|secret key not available|failed to sign|signingkey|Couldn't load public key"
        r"|cannot run gpg|cannot run ssh-keygen|No private key|either user.signingkey",
        "commits are to be signed (commit.gpgsign) and no key can be used: name one in user.signingkey that needs no "
        "question asked, or set commit.gpgsign to false in the home's repository",
    ),
    _known(
        r"does not appear to be a git repository|Repository not found|repository '[^']*' (?:not found|does not exist)"
        r"|Could not resolve host|unable to access|Connection (?:refused|timed out|reset)|No route to host"
        r"|Could not read from remote repository|unable to find remote helper|transport '[^']*' not allowed",
        "the remote is gone or can't be reached: look at git remote get-url origin",
    ),
    _known(
        r"but expected|reference already exists",
        "somebody else committed at the same moment; it is tried again after the next session",
    ),
    _known(
        r"object file .* is empty|is corrupt|bad object|bad signature|index file smaller|unable to read tree"
        r"|index file corrupt|invalid object",
        "the repository is damaged: look with git fsck, and restore it from the remote or a backup",
        stops_all=True,
    ),
)


def in_words(found: Output, held: Iterable[Lock] = ()) -> str:
    """Git's own reason on one line, and what to do about it where that is known."""
    for known in _KNOWN:
        lines = [line.strip() for line in found.err.splitlines() if known.pattern.search(line)]
        if lines:
            own = "; ".join(dict.fromkeys(lines[:2]))
            named = ""
            if known is _LOCKED:
                named = "".join(f" ({lock.path.name}, {max(lock.age, 0):.0f} s old)" for lock in held)
            return f"{_clean(own)} - {known.advice}{named}"
    return _clean(found.last_words)


def stops_all(found: Output) -> bool:
    """Whether what failed is no matter of one path."""
    return any(known.stops_all and known.pattern.search(found.err) for known in _KNOWN)


def readable(path: str) -> str:
    """A file's name for people: bytes that are no text, and what would break a line, as escapes."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _clean(text: str) -> str:
    return _SECRET.sub("", text)[:_LENGTH]
