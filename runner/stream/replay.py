"""A session's public events made again from data/live-stream.jsonl, for viewers who come after a restart. Blocking."""

from pathlib import Path

from runner.stream.events import PublicEvent
from runner.stream.projection import Projection
from runner.stream.records import parse
from runner.stream.redact import Redactor

DELTA = "session.delta"


def replay(stream: Path, *, session_id: str, home: Path, redactor: Redactor, ended: bool) -> list[PublicEvent]:
    """Full events, and at most one delta: for the block that was still open. An ended session gets its end."""
    projection = Projection(session_id, home, redactor, private=False)
    events: list[PublicEvent] = []
    pending = ""
    try:
        with stream.open("rb") as lines:
            for line in lines:
                for event in projection.feed(parse(line)):
                    if event.name == DELTA:
                        pending += event.data["text"]
                    else:
                        pending = ""  # the full text has come, and holds what its pieces said
                        events.append(event)
    except FileNotFoundError:
        return []
    closing = projection.close(model="", duration_ms=0, num_turns=0, cost_usd=0.0) if ended and events else []
    pending += "".join(event.data["text"] for event in closing if event.name == DELTA)
    if pending:
        events.append(PublicEvent(session_id, DELTA, {"text": pending}))
    return events + [event for event in closing if event.name != DELTA]
