import json
from datetime import datetime, timedelta, timezone

from runner.content import Catalogue, Change, change_event


def test_a_change_as_an_event(empty: Catalogue) -> None:
    """Topic, name and data are those that clients of the event stream read."""
    now = datetime(2026, 2, 3, 18, 1, 12, 4100, timezone(timedelta(hours=-5)))
    topic, name, raw = change_event(empty, Change("bookshelf", "on-salt", "created"), now)
    data = json.loads(raw)
    assert (topic, name) == ("bookshelf", "book.created")
    assert len(data.pop("id")) == 36
    assert data == {
        "type": "book.created",
        "timestamp": "2026-02-03T23:01:12.004100Z",
        "topic": "bookshelf",
        "path": "on-salt.md",
        "slug": "on-salt",
    }
