"""After a restart of the whole process: the session that viewers were seeing is shown to them again."""

import json
from datetime import datetime, timedelta
from typing import Any

from runner.live import Hub
from runner.live.frames import SESSION
from runner.settings import Settings
from runner.storage import files
from runner.stream.redact import Redactor
from runner.stream.replay import replay


def shown_session(settings: Settings, now: datetime, kept: timedelta) -> tuple[str, list[tuple[str, bytes]]] | None:
    """The id and events of a session that was under way, or had just ended, when the last process ended. Blocking."""
    try:
        status = files.read_json(settings.paths.session_status)
    except (OSError, ValueError):
        return None
    if not isinstance(status, dict) or (session_id := _still_shown(status, now, kept)) is None:
        return None
    redactor = Redactor(settings.secret_values())
    stream = settings.paths.live_stream
    # Whatever ended the process ended the session too: the recovery of the session actor records it.
    events = replay(stream, session_id=session_id, home=settings.home, redactor=redactor, ended=True)
    return session_id, [(event.name, json.dumps(event.data, ensure_ascii=False).encode()) for event in events]


def show_again(hub: Hub, session_id: str, events: list[tuple[str, bytes]]) -> None:
    """Commit them before the first incarnation of the broadcaster takes over the writing."""
    writer = hub.writer()
    for name, data in events:
        writer.commit(SESSION, name, data, session=session_id)
    writer.end_session(session_id)


def _still_shown(status: dict[str, Any], now: datetime, kept: timedelta) -> str | None:
    if status.get("active") is True:
        found = status.get("session_id")
        return found if isinstance(found, str) else None
    last = status.get("last")
    if not isinstance(last, dict) or not isinstance(last.get("session_id"), str):
        return None
    try:
        ended = datetime.fromisoformat(str(last.get("ended_at")))
    except ValueError:
        return None
    if ended.tzinfo is None or now - ended > kept:
        return None
    return str(last["session_id"])
