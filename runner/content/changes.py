"""Changes of the catalogue as public events: `thought.created` and the like."""

import uuid
from datetime import UTC, datetime

from runner.content.catalogue import Catalogue, Change
from runner.content.entry import dump


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


def stamp(moment: datetime) -> str:
    """UTC with a Z, as every content answer has it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
