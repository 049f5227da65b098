"""The SDK backend against the scripted Messages API: streaming, tools, refusals, and its own bounds."""

import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from runner.correspondence import Threads
from runner.schedule import load_schedule
from runner.session.backends.anthropic_api import AnthropicApi, ApiOptions
from runner.session.errands import Errands
from runner.session.tools import HomeTools
from tests.runner.session.stage import Stage, in_thread, stage
from tests.support.messages_api import Answer, BreakOff, Hang, MessagesApi, Refuse, Say, Turn, Use, service, text

# the SDK leaves its inner generators to the garbage collector when a stream breaks off; nothing of ours can close them
pytestmark = pytest.mark.filterwarnings("ignore:Async generator '(anthropic|httpx2|httpcore2):ResourceWarning")


@pytest.fixture(autouse=True)
async def collected() -> AsyncIterator[None]:
    """Let the collector find those generators here, where the warning is expected, and not in a later test."""
    yield
    gc.collect()


def backend(s: Stage, api: MessagesApi, **options: Any) -> AnthropicApi:
    chosen = ApiOptions(api_key="dummy-key", base_url=api.url, stall=5.0, retry_for=5.0, first_pause=0.01)
    return AnthropicApi(attrs.evolve(chosen, **options), HomeTools(s.home), in_thread)


async def test_a_whole_wake_by_the_api(tmp_path: Path) -> None:
    """Deltas, a written thought, cost and tokens: the same marks as with the CLI."""
    async with stage(tmp_path) as s:
        write = Use("Write", {"file_path": "thoughts/2026-03-02-morning.md", "content": "# By wire\n\nWords.\n"})
        async with service([Turn((Say("Writing."), write)), text("Done with it.")]) as api:
            wake = await s.claimed()
            ended = await s.engine(backend(s, api)).run(wake)
        assert ended.state == "completed", ended.reason
        assert ended.reply == "Done with it."
        assert 'title: "By wire"' in (s.home / "thoughts" / "2026-03-02-morning.md").read_text()
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert (row.input_tokens, row.output_tokens) == (240, 60)
        assert row.cost_usd == pytest.approx(0.0027695)
        assert "".join(data["text"] for data in s.data("session.delta")) == "Writing.Done with it."
        assert s.names()[0] == "session.start"
        assert s.names()[-1] == "session.end"
        asked = json.dumps(api.requests[0])
        assert "kestrel" in asked
        assert "larkspur" in asked
        await s.assert_left_clean(wake.id, "completed")


async def test_the_residents_commands_are_tools(tmp_path: Path) -> None:
    """A session for letters answers by the tool `letter`, whom it holds letters of and nobody else; the prompt names
    the tools and no shell.
    """
    async with stage(tmp_path) as s:
        threads = Threads(s.home / "mailbox")
        for user in ("mira", "tom"):
            (s.home / "mailbox" / user).mkdir(parents=True)
        letter = threads.append("mira", "Is the kettle well?", now=s.now(), sender="mira")
        uses = (
            Use("letter", {"to": "mira", "text": "It sings.", "reply_to": letter.id}, id="a"),
            Use("letter", {"to": "tom", "text": "Hello."}, id="b"),
        )
        errands = Errands(s.settings, load_schedule(s.settings.resident.zone), s.now)
        async with service([Turn(uses), text("So.")]) as api:
            chosen = attrs.evolve(backend(s, api), errands=errands)
            ended = await s.engine(chosen).run(await s.claimed("correspondence", message="mira"))
        assert ended.state == "completed", ended.reason
        assert [message.body for message in threads.tail("mira")] == ["Is the kettle well?", "It sings."]
        assert threads.tail("tom") == ()
        results = [block["is_error"] for block in api.requests[1]["messages"][-1]["content"]]
        assert results == [False, True]
        assert {"letter", "schedule", "impulse"} <= {tool["name"] for tool in api.requests[0]["tools"]}
        asked = json.dumps(api.requests[0])
        assert "the tool `letter` (to: USER" in asked
        assert "claude-runner" not in asked


async def test_three_calls_in_one_turn_are_answered_in_order(tmp_path: Path) -> None:
    """The next request carries three results in order; the one through a link is an error, nothing outside changed."""
    async with stage(tmp_path) as s:
        outside = tmp_path / "outside"
        outside.mkdir()
        (s.home / "leave").symlink_to(outside)
        uses = (
            Use("Read", {"file_path": "memory/memory.md"}, id="a"),
            Use("Write", {"file_path": "leave/stolen.md", "content": "x"}, id="b"),
            Use("List", {"path": "thoughts"}, id="c"),
        )
        async with service([Turn(uses), text("Thanks.")]) as api:
            ended = await s.engine(backend(s, api)).run(await s.claimed())
        assert ended.state == "completed"
        results = api.requests[1]["messages"][-1]["content"]
        assert [result["tool_use_id"] for result in results] == ["a", "b", "c"]
        assert [result["is_error"] for result in results] == [False, True, False]
        assert "kestrel" in results[0]["content"]
        assert list(outside.iterdir()) == []


async def test_closed_places_stay_closed(tmp_path: Path) -> None:
    """Reads of keys, state, verdicts and of what lies outside come back as errors, and say nothing of the content."""
    async with stage(tmp_path) as s:
        for name in ("runner/.env", "data/x", "moderation/x", "logs/x", "../x"):
            (s.home / name).parent.mkdir(exist_ok=True)
            (s.home / name).write_text("secret-word")
        paths = ("runner/.env", "data/x", "moderation/x", "logs/x", "../x", str(tmp_path / "x"), "thoughts/../data/x")
        uses = tuple(Use("Read", {"file_path": path}, id=f"u{n}") for n, path in enumerate(paths))
        async with service([Turn(uses), text("Very well.")]) as api:
            await s.engine(backend(s, api)).run(await s.claimed())
        results = api.requests[1]["messages"][-1]["content"]
        assert [result["is_error"] for result in results] == [True] * len(paths)
        assert "secret-word" not in json.dumps(results)


async def test_a_busy_service_is_tried_again(tmp_path: Path) -> None:
    """429, 500, an overloaded stream, a broken connection before any finished block: tried again until it goes on."""
    script: list[Answer] = [
        Refuse(429, "rate_limit_error", headers={"retry-after": "0"}),
        Refuse(500, "api_error"),
        Refuse(529, "overloaded_error"),
        BreakOff(how="error"),
        BreakOff(how="cut"),
        text("At last."),
    ]
    async with stage(tmp_path) as s, service(script) as api:
        ended = await s.engine(backend(s, api)).run(await s.claimed())
        assert ended.state == "completed", ended.reason
        assert len(api.requests) == 6
        assert [data["text"] for data in s.data("session.text")] == ["At last."]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Refuse(401, "authentication_error"), "authentication failed"),
        (Refuse(400, "invalid_request_error", "no such thing"), "refuses the request"),
        (Refuse(529, "overloaded_error"), "did not answer for"),
        (Hang(), "stalled: nothing came"),
        (Turn((Say("too long"),), stop_reason="max_tokens"), "longer than"),
        (Turn((Say("no"),), stop_reason="refusal"), "declined"),
    ],
)
async def test_what_cannot_go_on_fails_with_its_reason(tmp_path: Path, answer: Answer, reason: str) -> None:
    """Refused for good, busy for too long or silent: a failed record that says which, and an end for the viewers."""
    async with stage(tmp_path) as s, service([answer]) as api:
        wake = await s.claimed()
        with trio.fail_after(30):
            patience = 0.5 if isinstance(answer, Hang) else 10.0
            ended = await s.engine(backend(s, api, stall=patience, retry_for=0.2)).run(wake)
        assert ended.state == "failed"
        assert reason in (ended.reason or "")
        assert s.names()[-1] == "session.end"
        await s.assert_left_clean(wake.id, "failed")


async def test_the_turns_are_counted(tmp_path: Path) -> None:
    """A model that never stops calling tools is stopped at its limit of turns."""
    async with stage(tmp_path) as s, service([Turn((Use("List", {}),))]) as api:
        wake = await s.claimed(max_turns=3)
        ended = await s.engine(backend(s, api)).run(wake)
        assert ended.state == "failed"
        assert "max turns" in (ended.reason or "")
        assert len(api.requests) == 3


async def test_the_deadline_and_the_budget_hold(tmp_path: Path) -> None:
    """Over the deadline the exit code is 124; over its money a session ends after the turn that spent it."""
    async with stage(tmp_path, session__deadline_seconds=1.0) as s, service([Hang()]) as api:
        with trio.fail_after(20):
            ended = await s.engine(backend(s, api)).run(await s.claimed())
        assert (ended.state, ended.exit_code) == ("failed", 124)
    async with stage(tmp_path / "second", budget__session_usd=0.001) as s, service([Turn((Use("List", {}),))]) as api:
        ended = await s.engine(backend(s, api)).run(await s.claimed())
        assert "max budget usd" in (ended.reason or "")
        assert len(api.requests) == 1
