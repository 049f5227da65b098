"""The SDK backend against the scripted Messages API: streaming, tools, refusals, and its own bounds."""

import gc
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from runner.correspondence import Threads
from runner.schedule import load_schedule
from runner.session.backends.anthropic_api import AnthropicApi, ApiOptions
from runner.tools.commands import ResidentCommands
from runner.tools.files import HomeTools
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
        resident_commands = ResidentCommands(s.settings, load_schedule(s.settings.resident.zone), s.now)
        async with service([Turn(uses), text("So.")]) as api:
            chosen = attrs.evolve(backend(s, api), resident_commands=resident_commands)
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
        (Turn((Say("so far"),), stop_reason="model_context_window_exceeded"), "longer than the model can hold"),
        (Turn((Say("a"), Use("List", {})), stop_reason="model_context_window_exceeded"), "longer than the model"),
        (Turn((Say("hm"),), stop_reason="moon_phase"), "not known here: moon_phase"),
        (Turn((Say(" "),), stop_reason="pause_turn"), "paused before a word"),
        (BreakOff(kind="invalid_request_error", events=5), "refuses the request"),
        (BreakOff(kind="authentication_error"), "authentication failed"),
        (BreakOff("whole", events=5), "did not answer for"),
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


@pytest.mark.parametrize("how", ["error", "cut", "end"])
@pytest.mark.parametrize("events", [0, 1, 5, 7])
async def test_an_answer_that_breaks_is_asked_for_again(tmp_path: Path, how: str, events: int) -> None:
    """Wherever it breaks, nothing of it was done: it is begun anew, its words stand once, and what it used counts."""
    blocks = (Say("I look around.", 1), Use("Write", {"file_path": "thoughts/once.md", "content": "x"}))
    script: list[Answer] = [BreakOff(how=how, events=events, blocks=blocks), Turn(blocks), text("Done.")]
    async with stage(tmp_path) as s, service(script) as api:
        wake = await s.claimed()
        ended = await s.engine(backend(s, api)).run(wake)
        assert ended.state == "completed", ended.reason
        assert [data["text"] for data in s.data("session.text")] == ["I look around.", "Done."]
        assert s.names().count("session.tool") == 1
        page = (s.home / "transcripts" / f"session-{wake.id}.md").read_text()
        assert page.count("I look around.") == 1
        assert ended.reply == "Done."
        assert api.requests[0]["messages"] == api.requests[1]["messages"]
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.input_tokens == (360 if events else 240)


async def test_a_broken_answer_that_is_given_up_leaves_its_words(tmp_path: Path) -> None:
    """When no attempt comes to its end, the last one's words are what the session said, cut short."""
    async with stage(tmp_path) as s, service([BreakOff("I had begun to", events=5)]) as api:
        wake = await s.claimed()
        ended = await s.engine(backend(s, api, retry_for=0.1)).run(wake)
        assert ended.state == "failed"
        assert ended.reply == "I had begun to\n\n(cut short here)"
        page = (s.home / "transcripts" / f"session-{wake.id}.md").read_text()
        assert page.count("I had begun to") == 1


async def test_broken_answers_use_up_the_budget(tmp_path: Path) -> None:
    """A service that breaks off for ever is paid for each time: the session's money ends it."""
    answer = BreakOff("x", events=5)
    async with stage(tmp_path, budget__session_usd=0.002) as s, service([answer]) as api:
        ended = await s.engine(backend(s, api, retry_for=60.0)).run(await s.claimed())
        assert "max budget usd" in (ended.reason or "")
        assert 1 < len(api.requests) < 10


async def test_halves_of_characters_and_white_space_are_not_sent_back(tmp_path: Path) -> None:
    """Lone surrogates in texts, in a tool's input and in file names become encodable; a blank block is left out."""
    async with stage(tmp_path) as s:
        odd = os.fsdecode(b"thoughts/caf\xe9.md")
        (s.home / odd).write_text("x")
        uses = (
            Use("Write", {"file_path": "thoughts/\ud83c.md", "content": "half \udf0a", "\ud800": 1}, id="a"),
            Use("List", {"path": "thoughts"}, id="b\ud800"),
        )
        first = Turn((Say("\n\n"), Say("a half: \ud83c and a whole: \ud83c\udf0a", 40), *uses))
        async with service([first, text("Done \udcff.")]) as api:
            wake = await s.claimed(message="said \ud800 so", kind="custom")
            ended = await s.engine(backend(s, api)).run(wake)
        assert ended.state == "completed", ended.reason
        assert ended.reply == "Done ?."
        sent = api.requests[1]["messages"]
        assert [block["type"] for block in sent[1]["content"]] == ["text", "tool_use", "tool_use"]
        assert sent[1]["content"][0]["text"] == "a half: ? and a whole: \N{WATER WAVE}"
        assert [result["is_error"] for result in sent[2]["content"]] == [False, False]
        json.dumps(sent, ensure_ascii=False).encode()
        await s.assert_left_clean(wake.id, "completed")


async def test_a_paused_turn_goes_on(tmp_path: Path) -> None:
    """What the service paused is sent back without white space at its end; the words of both parts are the reply."""
    script = [Turn((Say("The first half. \n"),), stop_reason="pause_turn"), text("The second.")]
    async with stage(tmp_path) as s, service(script) as api:
        ended = await s.engine(backend(s, api)).run(await s.claimed())
    assert (ended.state, ended.num_turns) == ("completed", 2)
    assert ended.reply == "The first half. \n\n\nThe second."
    assert api.requests[1]["messages"][-1] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "The first half."}],
    }


@pytest.mark.parametrize(
    "figure", [2**63, 2**63 - 1, -5, 1e19, 10**400, True, "12", float("nan"), float("inf"), None, [1], 3.5]
)
async def test_any_figure_of_the_service_has_a_record(tmp_path: Path, figure: object) -> None:
    """Whatever stands where a count belongs, the session is completed, with hooks, and figures that can be added up."""
    usage = {"output_tokens": figure, "cache_read_input_tokens": figure}
    async with stage(tmp_path) as s, service([Turn((Say("Well."),), usage=usage)]) as api:
        wake = await s.claimed()
        ended = await s.engine(backend(s, api)).run(wake)
        assert ended.state == "completed", ended.reason
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert 0 <= (row.output_tokens or 0) <= 10**12
        assert 0 <= (row.cost_usd or 0) <= 1e6
        assert {hook.verdict for hook in row.hooks} <= {"done", "not_due"}
        assert (await s.ledger.spend.totals(s.now())).day_usd == row.cost_usd
