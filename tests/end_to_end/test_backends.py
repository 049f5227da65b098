"""The shipped process with each way of running the model, against a scripted Messages API on loopback."""

from pathlib import Path
from typing import Any

import trio
import trio.testing

from runner.clock import system_now
from runner.correspondence import Threads
from tests.support.claude_code import claude_binary
from tests.support.fixtures import Join
from tests.support.http_client import get
from tests.support.messages_api import MessagesApi, Say, Turn, Use
from tests.support.process import Running, start

THOUGHT = '---\ndate: "2026-03-01"\ntitle: "Salt on the sill"\nmood: "clear"\n---\n\nThe tide wrote this.\n'


def script(home: Path) -> list[Turn]:
    """A session that says something, writes a thought with a tool, and ends."""
    path = str(home / "thoughts" / "2026-03-01-scripted.md")
    return [
        Turn((Say("I am awake and I write.", pieces=6), Use("Write", {"file_path": path, "content": THOUGHT}))),
        Turn((Say("It is written.", pieces=3),)),
    ]


async def wake_and_check(up: Running, join: Join, backend: str) -> dict[str, Any]:
    """One wake seen live; its row is given back."""
    viewer = await join(up)
    result = await up.wake("morning")
    assert result["state"] == "completed", result
    events = await viewer.until("session.end")
    names = [event.name for event in events]
    assert names.count("session.delta") >= 2  # deltas that come at one moment go out as one
    assert "session.tool" in names
    assert "session.tool_result" in names
    texts = [event.data["text"] for event in events if event.name == "session.text"]
    assert texts == ["I am awake and I write.", "It is written."]
    with trio.fail_after(5):
        while (await get(up.host, up.port, "/api/v1/content/thoughts/2026-03-01-scripted")).status != 200:
            await trio.testing.wait_all_tasks_blocked(0.01)
    detail = (await get(up.host, up.port, "/api/v1/content/thoughts/2026-03-01-scripted")).json()
    assert detail["meta"]["title"] == "Salt on the sill"
    row: dict[str, Any] = (await up.json("sessions"))[0]
    assert row["state"] == "completed"
    assert row["backend"] == backend
    assert row["num_turns"] >= 2
    assert row["input_tokens"] > 0
    assert row["output_tokens"] > 0
    return row


async def test_the_real_cli_writes_a_thought(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """The real Claude Code CLI streams its words, writes the thought by its tool, and leaves cost and tokens."""
    api = MessagesApi(script(demo_home))
    await nursery.start(api.serve)
    up = await start(
        nursery,
        demo_home,
        SESSION_BACKEND="claude-cli",
        CLAUDE_BIN=str(claude_binary()),
        ANTHROPIC_BASE_URL=api.url,
        ANTHROPIC_API_KEY="dummy-key-of-a-test",
    )
    row = await wake_and_check(up, join, "claude-cli")
    assert row["cost_usd"] > 0
    assert await up.stop() == 0


async def test_the_real_cli_answers_a_letter(demo_home: Path, nursery: trio.Nursery) -> None:
    """In the shipped process the program's shell finds `claude-runner` and its home: the letter is in the thread."""
    (demo_home / "mailbox" / "mira").mkdir(parents=True, exist_ok=True)
    threads = Threads(demo_home / "mailbox")
    letter = threads.append("mira", "Is the kettle well?", now=system_now(), sender="mira")
    call = f'claude-runner letter --to mira --reply-to {letter.id} "It sings."'
    api = MessagesApi([Turn((Use("Bash", {"command": call}),)), Turn((Say("It is sent."),))])
    await nursery.start(api.serve)
    up = await start(
        nursery,
        demo_home,
        SESSION_BACKEND="claude-cli",
        CLAUDE_BIN=str(claude_binary()),
        ANTHROPIC_BASE_URL=api.url,
        ANTHROPIC_API_KEY="dummy-key-of-a-test",
    )
    result = await up.wake("correspondence", "mira")
    assert result["state"] == "completed", result
    last = threads.tail("mira")[-1]
    assert (last.sender, last.body, last.in_reply_to) == ("claudie", "It sings.", letter.id)
    assert await up.stop() == 0


async def test_the_api_writes_a_thought(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """The Messages API spoken to directly gives the same session, events, thought and row."""
    api = MessagesApi(script(demo_home))
    await nursery.start(api.serve)
    up = await start(
        nursery,
        demo_home,
        SESSION_BACKEND="anthropic-api",
        ANTHROPIC_BASE_URL=api.url,
        ANTHROPIC_API_KEY="dummy-key-of-a-test",
    )
    row = await wake_and_check(up, join, "anthropic-api")
    assert row["cost_usd"] >= 0
    assert await up.stop() == 0
