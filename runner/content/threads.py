"""Letters as they arrive: which threads of the mailbox have grown, and by which messages.

Like the catalogue it is a value: the next one is made from the last in a thread and put in force by the indexer.
"""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

THREAD = "thread.jsonl"
AT_ONCE = 4 * 1024 * 1024
"""Bytes of one thread that are read in one look; the rest comes with the next."""


@attrs.frozen
class NewMessage:
    """A line that was not there before."""

    user: str
    message_id: str
    from_resident: bool


@attrs.frozen(eq=False)
class ThreadPositions:
    """How far each thread is known, in bytes."""

    folder: Path
    read: Mapping[str, int] = MappingProxyType({})

    def everywhere(self) -> tuple["ThreadPositions", tuple[NewMessage, ...]]:
        """Look at every thread; blocking."""
        try:
            with os.scandir(self.folder) as listing:
                users = [item.name for item in listing if item.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            users = []
        return self._look({*users, *self.read})

    def at(self, paths: Iterable[Path]) -> tuple["ThreadPositions", tuple[NewMessage, ...]]:
        """Look at those of these paths that are threads; blocking."""
        return self._look({path.parent.name for path in paths if self._is_thread(path)})

    def _is_thread(self, path: Path) -> bool:
        return path.name == THREAD and path.parent.parent == self.folder

    def _look(self, users: Iterable[str]) -> tuple["ThreadPositions", tuple[NewMessage, ...]]:
        read = dict(self.read)
        found: list[NewMessage] = []
        for user in sorted(users):
            if user.startswith(".") or not _is_text(user):
                continue
            try:
                end, messages = _grown(self.folder / user / THREAD, user, read.get(user, 0))
            except OSError:
                read.pop(user, None)
                continue
            read[user] = end
            found += messages
        if read == self.read:
            return self, ()
        return attrs.evolve(self, read=MappingProxyType(read)), tuple(found)


def _grown(path: Path, user: str, known: int) -> tuple[int, list[NewMessage]]:
    """Up to which byte the thread is known now, and the messages on the whole lines since."""
    messages: list[NewMessage] = []
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if size <= known:
            return size, []  # cut or written anew: what it holds was told before
        while known < size:
            file.seek(known)
            data = file.read(AT_ONCE)
            whole = data.rfind(b"\n") + 1
            if not whole:
                if len(data) == AT_ONCE:  # no message is so long
                    known += len(data)
                    continue
                break
            messages += [message for line in data[:whole].splitlines() if (message := _message(line, user))]
            known += whole
    return known, messages


def _message(line: bytes, user: str) -> NewMessage | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    identity = record.get("id") if isinstance(record, dict) else None
    if not isinstance(identity, str):
        return None
    return NewMessage(user, identity[:100], "_c_" in identity)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
