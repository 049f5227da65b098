"""A life in its repository, over sessions of the shipped process: all words are kept, and what can't be is told."""

import json
from pathlib import Path

import httpx
import trio

from tests.support.life import Planted, kept, new_repository, run_git, words_of
from tests.support.process import Running, start


async def test_words_are_kept_and_a_hook_that_goes_on_failing_is_told(
    demo_home: Path, tmp_path: Path, nursery: trio.Nursery
) -> None:
    """A hiding setting, a nested repository with a filter and a bad name keep no words out, and the filter never runs;
    after the third failure `doctor` names hook, path and reason, and after a good session no more.
    """
    home, planted = demo_home, Planted(tmp_path)
    run_git(home, "config", "status.showUntrackedFiles", "no")
    new_repository(home / "projects" / "x")
    run_git(home / "projects" / "x", "config", "filter.x.clean", planted.at(home / "projects" / "x" / "clean.sh"))
    (home / "projects" / "x" / ".gitattributes").write_text("*.md filter=x\n")
    bad = home / "projects" / "git~1"
    bad.write_text("x")
    up = await start(nursery, home, SCHEDULER_ENABLED="false", REHEARSAL_SPEED="0")
    for number in range(3):
        (home / "projects" / "x" / "a.md").write_text(f"words {number}")
        (home / "thoughts" / f"note-{number}.md").write_text("a note")
        await up.wake("noon")
    verdict, text = await _told(up)
    assert verdict == "wrong"
    assert "git has failed after each of the last 3 sessions: projects/git~1 not added: git refuses a file" in text
    assert await _ready(up) == {"hook:git": "failed after each of 3 sessions"}
    assert any("session.hook_failing" in line for line in up.stderr)
    assert words_of(home, "projects/x/a.md") == "words 2"
    assert {f"thoughts/note-{number}.md" for number in range(3)} <= kept(home).keys()
    assert planted.ran == ""
    bad.unlink()
    await up.wake("noon")
    assert (await _told(up))[0] == "ok"
    assert await _ready(up) == {}
    assert await up.stop() == 0


async def _ready(up: Running) -> dict[str, str]:
    """What readiness says of them."""
    async with httpx.AsyncClient() as client:
        found = (await client.get(f"{up.url}/api/v1/health/ready")).json()
    return {one["name"]: one["message"] for one in found["checks"] if one["name"].startswith("hook:")}


async def _told(up: Running) -> tuple[str, str]:
    """What `doctor` says of the hooks."""
    rows = {row["what"]: row for row in json.loads((await up.command("doctor", "--json")).stdout)}
    return rows["hooks"]["verdict"], rows["hooks"]["text"]
