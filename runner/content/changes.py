"""Changes of the catalogue as public events: `thought.created` and the like."""

import uuid
from datetime import UTC, datetime

from runner.content.catalogue import Catalogue, Change
from runner.content.entry import dump
from runner.content.threads import THREAD, NewMessage

MAILBOX = "mailbox"
NEW_MESSAGE = "mailbox:new_message"


def change_event(catalogue: Catalogue, change: Change, now: datetime) -> tuple[str, str, bytes]:
    """Topic, event name and data of one change, as the stream of events tells it."""
    kind = catalogue.shelves[change.kind].kind
    name = f"{kind.singular}.{change.action}"
    data = {
        "id": str(uuid.uuid4()),
        "type": name,
        "timestamp": stamp(now),
        "topic": kind.topic,
        "path": f"{change.slug}.md",
        "slug": change.slug,
    }
    return kind.topic, name, dump(data)


def message_event(message: NewMessage, now: datetime) -> tuple[str, str, bytes]:
    """The same for a letter: whose thread, which message, in which direction; never a word of it."""
    data = {
        "id": str(uuid.uuid4()),
        "type": NEW_MESSAGE,
        "timestamp": stamp(now),
        "topic": MAILBOX,
        "path": THREAD,
        "slug": message.user,
        "message_id": message.message_id,
        "direction": "out" if message.from_resident else "in",
    }
    return MAILBOX, NEW_MESSAGE, dump(data)


def stamp(moment: datetime) -> str:
    """UTC with a Z, as every content answer has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
