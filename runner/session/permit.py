"""The permit of a running session, on disk where the resident's tools can't reach: commands that it calls look there.

A command is a process of its own. It knows its session by the mark in its environment, which every child of the session
inherits, and finds in the session's private folder what that session may do. All of it blocks.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from runner.errors import RunnerError
from runner.session.abilities import COMMANDS, Permit
from runner.storage import files

__all__ = ["EVERYTHING", "CommandRefused", "check", "check_letter", "keep", "of_caller"]

EVERYTHING = Permit(tuple(COMMANDS))
"""For whoever calls from outside every session."""
FILE = "permit.json"
SESSION, HOME = "CLAUDE_SESSION_ID", "CLAUDE_HOME"
"""The mark of a session's processes."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,80}")
_LIMIT = 256 * 1024


class CommandRefused(RunnerError):
    """The session that called may not do this; nothing was done."""


def keep(folder: Path, permit: Permit) -> None:
    """Write the permit into a session's private folder."""
    files.write_json(folder / FILE, attrs.asdict(permit), mode=0o600)


def of_caller(environ: Mapping[str, str], tmp: Path) -> Permit | None:
    """The permit of the session that calls; None outside every session. A session that has ended may do nothing."""
    name = environ.get(SESSION)
    if not name or not environ.get(HOME):  # other programs have a variable of that name, too
        return None
    folder = name if _ID.fullmatch(name) else "none"
    try:
        value = files.read_json(tmp / folder / FILE, limit=_LIMIT)
        users = value["letters_to"]
        return Permit(tuple(map(str, value["commands"])), None if users is None else tuple(map(str, users)))
    except (OSError, ValueError, KeyError, TypeError):
        raise CommandRefused(
            f"the session {name} ({SESSION}) is not running in this home, and only a running one may call this"
        ) from None


def check(permit: Permit, command: str) -> None:
    """CommandRefused when the session has not got this command."""
    if command not in permit.commands:
        have = ", ".join(permit.commands) or "none"
        raise CommandRefused(f"this session has no `{command}`; the commands it has: {have}")


def check_letter(permit: Permit, user: str) -> None:
    """CommandRefused when the session may not write to this correspondent."""
    check(permit, "letter")
    if permit.letters_to is not None and user not in permit.letters_to:
        held = ", ".join(permit.letters_to) or "nobody"
        raise CommandRefused(f"this session may only write to those whose letters it holds: {held}")
