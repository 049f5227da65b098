"""The threads under `mailbox/`: one file of JSON lines for each correspondent, written by several programs.

An id is allotted under a lock beside the file, and a message is on disk when its id is given. Blocking; small files.
"""

import errno
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from runner.errors import RunnerError
from runner.storage import files, jsonl
from runner.storage.filelock import locked

__all__ = ["RESIDENT", "LetterRefused", "Message", "Threads", "read_letter", "unanswered"]

RESIDENT = "claudie"
"""Who the resident is in a thread's file, whatever it is called: the format says so, and others read it."""

USERNAME = re.compile(r"[a-z0-9][a-z0-9-]{0,18}[a-z0-9]")
MOST_USERS = 10_000
SHOWN = 500
"""Messages at a thread's end that are looked at for what is unanswered."""
LARGEST_LETTER = 16_000


class LetterRefused(RunnerError):
    """A letter can't be written as asked; nothing was."""


@attrs.frozen(kw_only=True)
class Message:
    """One message of a thread."""

    id: str
    sender: str
    ts: str
    body: str = attrs.field(default="", repr=False)
    in_reply_to: str | None = None
    attachment: Mapping[str, Any] | None = None

    @property
    def at(self) -> datetime | None:
        """When it was written; None where the file does not say so."""
        try:
            moment = datetime.fromisoformat(self.ts)
        except ValueError:
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Message":
        """As a line of the file tells it; what is missing or of the wrong kind becomes empty."""
        text = {
            name: value if isinstance(value := record.get(name), str) else "" for name in ("id", "from", "ts", "body")
        }
        reply, attachment = record.get("in_reply_to"), record.get("attachment")
        return cls(
            id=text["id"],
            sender=text["from"],
            ts=text["ts"],
            body=text["body"],
            in_reply_to=reply if isinstance(reply, str) else None,
            attachment=attachment if isinstance(attachment, dict) else None,
        )


@attrs.frozen
class Threads:
    """All threads of a home. `root` is its folder `mailbox`."""

    root: Path

    def users(self) -> tuple[str, ...]:
        """Everybody who has a thread, by name."""
        try:
            found = sorted(entry.name for entry in self.root.iterdir() if USERNAME.fullmatch(entry.name))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(name for name in found[:MOST_USERS] if self._is_there(name) and name != RESIDENT)

    def tail(self, user: str, count: int = SHOWN) -> tuple[Message, ...]:
        """The last messages of a thread, by time."""
        records = jsonl.tail(self._folder(user) / "thread.jsonl", count).items
        return _by_time([Message.of(record) for record in records])

    def append(
        self,
        user: str,
        body: str,
        *,
        now: datetime,
        sender: str = RESIDENT,
        reply_to: str | None = None,
        attachment: Mapping[str, Any] | None = None,
    ) -> Message:
        """Write one message at the end of a thread; it is on disk when this returns."""
        folder = self._folder(user)
        if not self._is_there(user):
            known = ", ".join(self.users()) or "nobody yet"
            raise LetterRefused(f"{user!r} has no mailbox; correspondents are: {known}")
        if sender not in (RESIDENT, user):
            raise LetterRefused(f"{sender!r} does not write in the thread of {user!r}")
        body = body.strip()
        if not body and attachment is None:
            raise LetterRefused("the letter is empty; give its words, or a file with --file")
        if len(body) > LARGEST_LETTER:
            raise LetterRefused(f"the letter has {len(body)} characters; at most {LARGEST_LETTER} fit")
        path = folder / "thread.jsonl"
        with locked(folder / ".thread.lock"):
            records = jsonl.read(path).items
            if reply_to is not None and not any(record.get("id") == reply_to for record in records):
                raise LetterRefused(f"there is no message {reply_to!r} in the thread of {user}; see --reply-to ID")
            # never before what the file ends with: under a clock that was set back, a new letter would seem answered
            at = max((now, *(moment for record in records if (moment := Message.of(record).at) is not None)))
            record: dict[str, object] = {
                "id": _next_id(records, now, "c" if sender == RESIDENT else "u"),
                "from": sender,
                "ts": at.astimezone(UTC).isoformat(),
                "body": body,
            }
            if attachment is not None:
                record["attachment"] = dict(attachment)
            if reply_to is not None:
                record["in_reply_to"] = reply_to
            try:
                jsonl.append(path, record, sync=True, mode=0o640)
            except jsonl.LineTooLong as error:
                raise LetterRefused(str(error)) from None
        return Message.of(record)

    def _folder(self, user: str) -> Path:
        if not USERNAME.fullmatch(user) or user == RESIDENT:
            raise LetterRefused(f"{user!r} is no user name; one has 2 to 20 of a-z, 0-9 and -, with no - at either end")
        return self.root / user

    def _is_there(self, user: str) -> bool:
        folder = self.root / user
        try:
            return folder.is_dir() and not folder.is_symlink()
        except OSError as error:
            if error.errno == errno.ELOOP:
                return False
            raise


def unanswered(thread: Sequence[Message]) -> tuple[Message, ...]:
    """What the correspondent wrote after the last letter that was answered.

    An answer that names a letter answers everything up to that one; one that names none, everything before itself. So
    a letter that crossed an answer on its way still waits.
    """
    ordered = _by_time(thread)
    places = {message.id: place for place, message in enumerate(ordered) if message.sender != RESIDENT}
    answered = -1
    for place, message in enumerate(ordered):
        if message.sender == RESIDENT:
            answered = max(answered, places.get(message.in_reply_to or "", place))
    return tuple(message for message in ordered[answered + 1 :] if message.sender != RESIDENT)


def _by_time(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Sorted by their time; one without a time stays behind the one it follows in the file."""
    last = datetime.min.replace(tzinfo=UTC)
    keyed: list[tuple[datetime, int, Message]] = []
    for place, message in enumerate(messages):
        last = message.at or last
        keyed.append((last, place, message))
    return tuple(message for _, _, message in sorted(keyed, key=lambda item: item[:2]))


def _next_id(records: Sequence[Mapping[str, Any]], now: datetime, direction: str) -> str:
    """One more than the highest of this day and direction: a line that was lost never gives its number away again."""
    head = f"msg_{now.astimezone(UTC):%Y%m%d}_{direction}_"
    numbers = [
        int(rest)
        for record in records
        if isinstance(name := record.get("id"), str)
        and name.startswith(head)
        and (rest := name.removeprefix(head)).isascii()
        and rest.isdigit()
    ]
    return f"{head}{max(numbers, default=0) + 1:03d}"


def read_letter(path: Path) -> str:
    """The words of a letter from a file."""
    try:
        return files.read_bytes(path, limit=LARGEST_LETTER * 4).decode()
    except UnicodeDecodeError:
        raise LetterRefused(f"{path} is no text in UTF-8") from None
    except (OSError, files.FileTooLarge) as error:
        raise LetterRefused(f"{path} can't be read as a letter: {error}") from None
