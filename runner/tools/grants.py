"""The grant of a running session, on disk where the resident's tools can't reach: commands that it calls look there.

A command is a process of its own. It knows its session by the mark in its environment, which every child of the session
inherits, and finds in the session's private folder what that session may do. All of it blocks.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from runner.errors import RunnerError
from runner.home.tree import FILES, TOP, Folder, HomeFile, Readers
from runner.storage import files
from runner.tools.access import Access
from runner.tools.capabilities import COMMANDS, Grant

__all__ = ["EVERYTHING", "CommandRefused", "access_of", "check", "check_letter", "keep", "of_caller"]

EVERYTHING = Grant(tuple(COMMANDS))
"""For whoever calls from outside every session."""
FILE = "grant.json"
SESSION, HOME = "CLAUDE_SESSION_ID", "CLAUDE_HOME"
"""The mark of a session's processes."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,80}")
_LIMIT = 256 * 1024
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}")


class CommandRefused(RunnerError):
    """The session that called may not do this; nothing was done."""


def keep(folder: Path, grant: Grant) -> None:
    """Write the grant into a session's private folder."""
    files.write_json(folder / FILE, attrs.asdict(grant), mode=0o600)


def of_caller(environ: Mapping[str, str], tmp: Path) -> Grant | None:
    """The grant of the session that calls; None outside every session. A session that has ended may do nothing."""
    name = environ.get(SESSION)
    if not name or not environ.get(HOME):  # other programs have a variable of that name, too
        return None
    folder = name if _ID.fullmatch(name) else "none"
    try:
        value = files.read_json(tmp / folder / FILE, limit=_LIMIT)
        return Grant(
            _names(value["commands"]),
            _names_or_all(value["letters_to"]),
            _names_or_all(value["letters_of"]),
            _names(value["shown"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        raise CommandRefused(
            f"the session {name} ({SESSION}) is not running in this home, and only a running one may call this"
        ) from None


def _names(value: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, value))


def _names_or_all(value: Iterable[object] | None) -> tuple[str, ...] | None:
    return None if value is None else _names(value)


def access_of(grant: Grant, home: Path) -> Access:
    """What the session with this grant may read and write, from the table of folders."""
    alone = grant.letters_of is None
    rows: tuple[Folder | HomeFile, ...] = (*TOP, *FILES)
    open_to_it = {Readers.ALL} | ({Readers.ALONE, Readers.SHARED} if alone else set())
    closed = frozenset(row.name for row in rows if row.readers not in open_to_it)
    kept = frozenset(row.name for row in rows if row.readers in open_to_it and not row.writable)
    held = tuple(user for user in grant.letters_of or () if _PLAIN.fullmatch(user))
    parts = {row.name: held for row in TOP if row.readers is Readers.SHARED and held}
    shown = frozenset(file for file in grant.shown if _readable_if_shown(file))
    return Access(str(home), closed, kept, parts, shown)


def _readable_if_shown(file: str) -> bool:
    """What no session reads is not read for having been named to one; and rules are made of plain names only."""
    top, *below = file.split("/")
    readers = next((folder.readers for folder in TOP if folder.name == top), Readers.NONE)
    return readers is not Readers.NONE and bool(below) and all(_PLAIN.fullmatch(part) for part in below)


def check(grant: Grant, command: str) -> None:
    """CommandRefused when the session has not got this command."""
    if command not in grant.commands:
        have = ", ".join(grant.commands) or "none"
        raise CommandRefused(f"this session has no `{command}`; the commands it has: {have}")


def check_letter(grant: Grant, user: str) -> None:
    """CommandRefused when the session may not write to this correspondent."""
    check(grant, "letter")
    if grant.letters_to is not None and user not in grant.letters_to:
        held = ", ".join(grant.letters_to) or "nobody"
        raise CommandRefused(f"this session may only write to those whose letters it holds: {held}")
