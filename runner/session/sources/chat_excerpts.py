"""The last lines of the Telegram chat with whom this session is: nobody is shown another's chat."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from runner.correspondence import RESIDENT
from runner.session.sources.base import Ask, Letter, Letters, Source, one_line
from runner.session.sources.company import counterpart, same
from runner.storage import jsonl

LINES = 20
LINE_LIMIT = 280
TOTAL_LIMIT = 2_000
LOOKED_AT = 500
WINDOW = 512 * 1024
"""Lines at the end of the log among which the counterpart's are sought."""


def lines_with(records: Sequence[Mapping[str, Any]], name: str, *, owner: str) -> list[Mapping[str, Any]]:
    """The lines between the resident and one person.

    Old lines of the resident name nobody: directly after somebody's line they are the answer to it, else they went to
    the owner, as messages without an address did.
    """
    found: list[Mapping[str, Any]] = []
    before: object = None
    for record in records:
        speaker = record.get("from")
        if speaker == RESIDENT:
            with_whom = record.get("to") or (owner if before in (None, RESIDENT) else before)
        else:
            with_whom = speaker
        if same(with_whom, name):
            found.append(record)
        before = speaker
    return found


async def gather(ask: Ask) -> Letters:
    name = await counterpart(ask)
    if name is None:
        return Letters()
    who, zone = ask.settings.resident, ask.settings.resident.zone
    records = await ask.run_sync(lambda: jsonl.tail(ask.settings.paths.chat_history, LOOKED_AT, window=WINDOW))
    shown: list[str] = []
    for record in reversed(lines_with(records.items, name, owner=who.owner)[-LINES:]):
        line = f"[{_when(record.get('timestamp'), zone)}] {one_line(record.get('from'), 40)}: "
        line += one_line(record.get("text") or "", LINE_LIMIT)
        if sum(map(len, shown)) + len(line) > TOTAL_LIMIT:
            break
        shown.insert(0, line)
    letter = Letter(f"the chat with {name}", "\n".join(shown), stranger=not same(name, who.owner))
    return Letters((letter,) if shown else ())


def _when(stamp: object, zone: tzinfo) -> str:
    try:
        return f"{datetime.fromisoformat(str(stamp)).astimezone(zone):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return one_line(stamp, 20)


SOURCE = Source("chat_excerpts", gather, fallback=Letters())
