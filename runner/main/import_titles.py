"""The predecessor's registry of titles, taken over into the ledger the first time a home is opened."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from runner.ledger import Title
from runner.ledger.ledger import Titles
from runner.offload import RunSync

REGISTRY = "memory-registry.json"
FIELDS = {"title": "title", "model": "model", "created": "created", "originalPath": "original_path"}


async def import_registry(titles: Titles, path: Path, run_sync: RunSync, log: FilteringBoundLogger) -> None:
    """Take over what can be read; the file stays as it is, and is not looked at again."""
    found, left_out = await run_sync(lambda: read_registry(path))
    taken = await titles.import_once(found)
    if taken or (taken is not None and left_out):
        log.info("titles.imported", path=str(path), titles=taken, left_out=left_out)


def read_registry(path: Path) -> tuple[list[Title], int]:
    """Its titles, and how many entries are none; blocking."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return [], 0
    except (OSError, ValueError, RecursionError):
        return [], 1
    memories = value.get("memories") if isinstance(value, dict) else None
    if not isinstance(memories, dict):
        return [], 1
    read = [_title(key, entry) for key, entry in memories.items()]
    found = [title for title in read if title is not None]
    return found, len(read) - len(found)


def _title(key: str, entry: Any) -> Title | None:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in FIELDS):
        return None
    try:
        "".join((key, *(entry[name] for name in FIELDS))).encode()
        datetime.fromisoformat(entry["created"])
    except ValueError:
        return None
    return Title(hash=key, **{ours: entry[name] for name, ours in FIELDS.items()})
