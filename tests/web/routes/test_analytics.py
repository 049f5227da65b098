import json
from collections.abc import Sequence

import pytest
import trio

from runner.analytics import Analytics, LogShelf, SessionFigures, sum_up
from runner.content import Entry
from runner.ledger import Figure
from tests.support.site import Running, World, running
from web.routes import analytics
from web.server.auth import API

LOG = '{"type":"result","duration_ms":1000,"num_turns":4,"total_cost_usd":0.25,"usage":{"input_tokens":20}}\n'
FIELDS = {
    "total_thoughts",
    "total_dreams",
    "total_sessions",
    "days_active",
    "avg_duration_ms",
    "avg_turns",
    "avg_cost_usd",
    "total_cost_usd",
    "total_tokens",
    "daily_activity",
    "mood_frequencies",
    "mood_timeline",
    "session_trends",
    "weekly_output",
    "dream_type_counts",
}


async def until(server: Running, name: str, value: object) -> None:
    """Wait until the answer has it; a change shows within 300 ms, and a busy machine gets more."""
    with trio.fail_after(5):
        while (await server.get(API + "/analytics")).json()[name] != value:
            await trio.sleep(0.01)


async def test_ledger_and_logs_are_counted_together(world: World) -> None:
    """A session in both is one; one in either is one; whoever asks needs no key."""
    world.ran.append(Figure("20260116-090000", "2026-01-16T14:00:00+00:00", 3.0, 2, 0.25, 4))
    world.write("logs/session-20260116-090000.log", LOG)
    world.write("logs/session-20260115-090000.log", LOG)
    world.thought("a", date="2026-01-15", title="T", mood="held")
    world.rescan()
    async with running(world) as server:
        reply = await server.get(API + "/analytics", "X-Forwarded-For: 203.0.113.9")
    found = reply.json()
    assert set(found) == FIELDS
    assert (found["total_sessions"], found["total_tokens"], found["avg_duration_ms"]) == (2, 24, 2000.0)
    assert found["daily_activity"] == [
        {"date": "2026-01-15", "thoughts": 1, "dreams": 0, "sessions": 1},
        {"date": "2026-01-16", "thoughts": 0, "dreams": 0, "sessions": 1},
    ]


async def test_changes_show(world: World) -> None:
    """An entry at once; a session of the ledger and a log within a moment."""
    async with running(world) as server:
        await until(server, "total_thoughts", 0)
        world.thought("a", date="2026-01-15", title="T")
        world.rescan()
        assert (await server.get(API + "/analytics")).json()["total_thoughts"] == 1
        world.ran.append(Figure("20260116-090000", "2026-01-16T14:00:00+00:00", 3.0, 2, 0.25, 4))
        await until(server, "total_sessions", 1)
        path = world.write("logs/session-20260115-090000.log", LOG)
        await until(server, "total_sessions", 2)
        path.unlink()
        await until(server, "total_sessions", 1)


async def test_sums_are_made_only_when_something_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that finds nothing new gives the same bytes without adding up."""
    made: list[Analytics] = []

    def counting(thoughts: Sequence[Entry], dreams: Sequence[Entry], sessions: Sequence[SessionFigures]) -> Analytics:
        made.append(sum_up(thoughts, dreams, sessions))
        return made[-1]

    monkeypatch.setattr(analytics, "sum_up", counting)
    world.thought("a", date="2026-01-15", title="T")
    world.rescan()
    sums = analytics.Sums(world.services, LogShelf(world.home / "logs"), kept=0.0)  # each question is a look
    first, second = await sums.current(), await sums.current()
    assert (first is second, len(made)) == (True, 1)
    world.thought("b", date="2026-01-15", title="T")
    world.rescan()
    assert json.loads((await sums.current()).data)["total_thoughts"] == 2
    assert len(made) == 2


async def test_an_odd_log_is_told_once(world: World) -> None:
    """Whatever a log says, there are numbers; the odd one is in our log, once for each state."""
    world.write("logs/session-20260116-090000.log", '{"type":"result","usage":null}')
    sums = analytics.Sums(world.services, LogShelf(world.home / "logs"), kept=0.0)  # each question is a look
    for _ in range(3):
        assert json.loads((await sums.current()).data)["total_sessions"] == 0
    assert [told["count"] for told in world.log.named("logs_left_out")] == [1]


async def test_unchanged_is_304(world: World) -> None:
    """The answer has a strong ETag, and answers HEAD."""
    async with running(world) as server:
        etag = (await server.get(API + "/analytics")).headers["etag"]
        assert (await server.get(API + "/analytics", f"If-None-Match: {etag}")).status == 304
        head = await server.get(API + "/analytics", method="HEAD")
    assert (head.status, head.body, head.headers["etag"]) == (200, b"", etag)
