"""A newcomer's first wake: a fresh home, the shipped process, no key, no CLI, no network."""

import json
from pathlib import Path

import trio

from tests.support.fixtures import Join
from tests.support.http_client import get
from tests.support.process import command, scrubbed, start


async def test_a_first_wake_is_seen_live_and_leaves_its_marks(
    demo_home: Path, nursery: trio.Nursery, join: Join
) -> None:
    """A wake is streamed word by word, its thought is served, prompt.md is new, and its row says completed."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="3000")
    before = (demo_home / "prompt" / "prompt.md").read_text()
    known = {item["slug"] for item in (await get(up.host, up.port, "/api/v1/content/thoughts")).json()}
    viewer = await join(up)

    done = await up.command("wake", "morning")
    assert done.returncode == 0, done.stderr
    events = await viewer.until("session.end")

    names = [event.name for event in events]
    assert names[0] == "session.start"
    assert names.count("session.delta") > 20
    spoken: list[str] = []
    for event in events:
        if event.name == "session.delta":
            spoken.append(event.data["text"])
        if event.name == "session.text":
            assert "".join(spoken) == event.data["text"]
            spoken = []
    assert {"session.tool", "session.tool_result"} <= set(names)

    listed = (await get(up.host, up.port, "/api/v1/content/thoughts")).json()
    fresh = [item for item in listed if item["slug"] not in known]
    assert len(fresh) == 1
    detail = await get(up.host, up.port, f"/api/v1/content/thoughts/{fresh[0]['slug']}")
    assert "rehearsal" in detail.json()["content"].lower()
    page = await get(up.host, up.port, f"/thoughts/{fresh[0]['slug']}")
    assert page.status == 200
    assert fresh[0]["title"].encode() in page.body
    assert (demo_home / "prompt" / "prompt.md").read_text() != before

    rows = await up.json("sessions")
    assert rows[0]["type"] == "morning"
    assert rows[0]["state"] == "completed"
    assert rows[0]["backend"] == "rehearsal"
    assert {hook["verdict"] for hook in rows[0]["hooks"]} <= {"done", "not_due"}
    status = (await get(up.host, up.port, "/api/v1/session/status")).json()
    assert status == {"active": False}
    assert await up.stop() == 0


async def test_a_late_viewer_gets_the_session_from_its_first_event(
    demo_home: Path, nursery: trio.Nursery, join: Join
) -> None:
    """Who joins in mid-session, or shortly after its end, reads the same texts as who was there from the start."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="600")
    early = await join(up)
    async with trio.open_nursery() as waking:
        waking.start_soon(up.command, "wake", "noon")
        first = await early.until("session.text")
        status = (await get(up.host, up.port, "/api/v1/session/status")).json()
        assert status["active"] is True
        assert status["type"] == "noon"
        assert status["duration_seconds"] >= 0
        late = await join(up)
        seen_early = first + await early.until("session.end", within=30)
    seen_late = await late.until("session.end")
    after = await join(up)
    seen_after = await after.until("session.end")

    def told(events: list[object]) -> list[tuple[str, str]]:
        whole = [event for event in events if getattr(event, "name", "") != "session.delta"]
        return [(getattr(event, "name", ""), json.dumps(getattr(event, "data", ""))) for event in whole]

    assert told([*seen_early]) == told([*seen_late]) == told([*seen_after])
    assert await up.stop() == 0


async def test_what_the_resident_writes_comes_back_to_it(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """Words put into memory.md and prompt.md are quoted by the thought; the next session quotes what this one wrote."""
    (demo_home / "memory" / "memory.md").write_text("# Memory\n\nThe heron word is quixotry-4471.\n")
    (demo_home / "prompt" / "prompt.md").write_text("Remember the other word: marzipan-8812.\n")
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0")
    assert (await up.command("wake", "dusk")).returncode == 0
    rows = await up.json("sessions")
    thought = newest(demo_home / "thoughts")
    assert "quixotry-4471" in thought
    assert "marzipan-8812" in thought
    left = (demo_home / "prompt" / "prompt.md").read_text()
    assert "marzipan-8812" not in left

    assert (await up.command("wake", "evening")).returncode == 0
    word = next(line for line in left.splitlines() if "word" in line).split()[-1].strip(".")
    assert len(await up.json("sessions")) == len(rows) + 1
    assert any(token in newest(demo_home / "thoughts") for token in left.split() if len(token) >= 8), word
    assert await up.stop() == 0


async def test_a_wake_of_its_own_works_without_a_process(demo_home: Path) -> None:
    """With nothing running `wake` runs the session itself, and `sessions`, `queue`, `schedule` and `doctor` answer."""
    environ = scrubbed(demo_home, REHEARSAL_SPEED="0")
    done = await command(environ, "wake", "late_night")
    assert done.returncode == 0, done.stderr
    rows = json.loads((await command(environ, "sessions", "--json")).stdout)
    assert [row["state"] for row in rows] == ["completed"]
    assert json.loads((await command(environ, "queue", "--json")).stdout) == []
    assert len(json.loads((await command(environ, "schedule", "--json")).stdout)) >= 8
    assert json.loads((await command(environ, "dead-letters", "--json")).stdout) == []
    prompts = await command(environ, "wake", "noon", "--dry-run")
    assert prompts.returncode == 0, prompts.stderr
    assert prompts.stdout.startswith("=== SYSTEM PROMPT ===")


def newest(folder: Path) -> str:
    """The text of the newest file."""
    return max(folder.glob("*.md"), key=lambda path: path.stat().st_mtime_ns).read_text()
