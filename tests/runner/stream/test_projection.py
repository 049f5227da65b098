"""The public projection: every block, in order, deny by default, the same however the bytes were cut."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.children.lines import LineSplitter
from runner.stream.events import PublicEvent
from runner.stream.projection import HOLD_LIMIT, TEXT_LIMIT, Projection
from runner.stream.records import parse
from runner.stream.redact import Redactor
from runner.stream.transcript import transcript

HOME = Path("/h/home")
SECRET = "sk-ant-REDACTED"


def line(**record: Any) -> bytes:
    return json.dumps(record).encode()


def assistant(*blocks: dict[str, Any]) -> bytes:
    return line(type="assistant", message={"content": list(blocks)})


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def use(number: str, name: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": number, "name": name, "input": given}


def results(*found: tuple[str, Any]) -> bytes:
    content = [{"type": "tool_result", "tool_use_id": number, "content": value} for number, value in found]
    return line(type="user", message={"content": content})


def event(**fields: Any) -> bytes:
    return line(type="stream_event", event=fields)


def delta(text: str, index: int = 0) -> bytes:
    return event(type="content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def opened(kind: str = "text", index: int = 0) -> bytes:
    return event(type="content_block_start", index=index, content_block={"type": kind})


def closed(index: int = 0) -> bytes:
    return event(type="content_block_stop", index=index)


INIT = line(type="system", subtype="init", session_id="u-1", model="m")
END = line(type="result", subtype="success", result="bye", duration_ms=12, num_turns=2, total_cost_usd=0.5)


def project(*lines: bytes, private: bool = False) -> list[PublicEvent]:
    projection = Projection("20260302-090000", HOME, Redactor(["configured-secret"]), private)
    return [found for one in lines for found in projection.feed(parse(one))]


def short(events: list[PublicEvent]) -> list[tuple[str, dict[str, Any]]]:
    return [(found.name, dict(found.data)) for found in events]


def test_the_events_of_a_session() -> None:
    """Start, every block in order, results with the tool's name, and the end with its cost."""
    found = project(
        INIT,
        line(type="system", subtype="status"),
        assistant(said("one"), use("a", "Read", file_path="thoughts/x.md"), said("two")),
        results(("a", [{"type": "text", "text": "x"}, {"type": "image"}, {"type": "text", "text": "y"}])),
        END,
        END,
    )
    assert short(found) == [
        ("session.start", {"session_id": "u-1", "model": "m", "turn": 0}),
        ("session.text", {"text": "one"}),
        (
            "session.tool",
            {"tool_name": "Read", "summary": "Reading /thoughts/x.md", "input": '{"file_path": "thoughts/x.md"}'},
        ),
        ("session.text", {"text": "two"}),
        ("session.tool_result", {"tool_name": "Read", "content": "x y", "is_error": False}),
        ("session.end", {"duration_ms": 12, "num_turns": 2, "cost_usd": 0.5, "result": "bye"}),
    ]


def test_private_calls_leave_no_trace_beside_public_ones() -> None:
    """A block is suppressed, not its record: neighbours are shown, the private call and its result are not."""
    found = project(
        assistant(use("a", "Read", file_path="memory/memory.md"), use("b", "Read", file_path="dreams/d.md"), said("t")),
        results(("a", "private words"), ("b", "public words"), ("never asked", "z")),
    )
    assert [name for name, _ in short(found)] == ["session.tool", "session.text", "session.tool_result"]
    assert "private words" not in str(found)
    assert found[-1].data["content"] == "public words"


def test_a_named_call_keeps_its_input_and_result_back() -> None:
    """A tool that touches neither public nor private folders shows its name and nothing more."""
    found = project(assistant(use("a", "Bash", command="whoami")), results(("a", "root")))
    assert found[0].data == {"tool_name": "Bash", "summary": "Using Bash", "input": "{}"}
    assert found[1].data == {"tool_name": "Bash", "content": "", "is_error": False}


def test_everything_is_redacted_before_it_is_cut() -> None:
    """A secret at a limit is neither shown nor half shown, in any field."""
    padding = "p" * 490
    found = project(
        assistant(said(SECRET), use("a", "Write", file_path=f"thoughts/{SECRET}", content=padding + SECRET)),
        results(("a", "w" * 1990 + " " + SECRET)),
        assistant(use("b", "Bash", command="x", description=f"run {SECRET} configured-secret")),
        line(type="result", subtype="success", result="r" * 490 + " " + SECRET),
    )
    assert "sk-ant" not in str(found)
    assert "configured-secret" not in str(found)
    assert len(found[1].data["input"]) <= 500
    assert len(found[2].data["content"]) <= 2000


def test_deltas_hold_back_what_could_be_a_secret() -> None:
    """Token deltas are joined to whole words before they are shown; a secret cut into tokens stays hidden."""
    pieces = ["Hel", "lo my ", "key is sk-", "ant-abcdef", "ghij01234567", "89ABCDEF and", " more"]
    found = project(INIT, event(type="message_start"), opened(), *map(delta, pieces), closed())
    texts = [one.data["text"] for one in found if one.name == "session.delta"]
    assert "".join(texts) == "Hello my key is [REDACTED] and more"
    assert len(texts) > 2


def test_deltas_of_other_blocks_and_of_broken_answers_are_not_shown() -> None:
    """Thinking, tool input, a helper's words and pieces of an answer that was begun anew give no deltas."""
    thinking = event(type="content_block_delta", index=1, delta={"type": "thinking_delta", "thinking": "hm"})
    helper = line(type="stream_event", parent_tool_use_id="t", event={"type": "content_block_start", "index": 0})
    found = project(opened("thinking", 1), thinking, closed(1), delta("nowhere "), helper, opened(), delta("half"))
    assert found == []
    assert project(opened(), delta("half"), event(type="message_start"), closed()) == []


def test_one_endless_word_stops_its_deltas_only() -> None:
    """A block without any end of a word is given up as deltas; the whole text still comes."""
    found = project(opened(), delta("x" * (HOLD_LIMIT + 10)), delta(" tail"), closed(), assistant(said("whole")))
    assert short(found) == [("session.text", {"text": "whole"})]


def test_very_long_text_is_cut_and_marked() -> None:
    """Public text over 8 MiB ends with a mark."""
    text = project(assistant(said("word " * (TEXT_LIMIT // 5 + 100))))[0].data["text"]
    assert text.endswith("[cut: longer than 8 MiB]")
    assert len(text) < TEXT_LIMIT + 100


def test_a_private_session_gives_nothing() -> None:
    """Not one event leaves a session that is not live, its end included."""
    projection = Projection("s", HOME, Redactor(), private=True)
    assert [projection.feed(parse(one)) for one in (INIT, assistant(said("x")), END)] == [[], [], []]
    assert projection.close(model="m", duration_ms=1, num_turns=0, cost_usd=0) == []


def test_the_end_is_always_delivered() -> None:
    """A model that never ended, or never even began, still gives viewers a start and an end, once."""
    projection = Projection("s", HOME, Redactor(), private=False)
    names = [found.name for found in projection.close(model="m", duration_ms=1, num_turns=0, cost_usd=0)]
    assert names == ["session.start", "session.end"]
    assert projection.close(model="m", duration_ms=1, num_turns=0, cost_usd=0) == []
    broken = Projection("s", HOME, Redactor(), private=False)
    for one in (INIT, opened(), delta("unfinished wor")):
        broken.feed(parse(one))
    shown = broken.close(model="m", duration_ms=1, num_turns=0, cost_usd=0)
    assert [found.name for found in shown] == ["session.delta", "session.end"]
    assert shown[0].data["text"] == "wor"


@pytest.mark.parametrize(
    "odd",
    [
        b"plain words",
        b"",
        b"{",
        b'{"type": "assistant", "mess',
        b"[1]",
        b"5",
        b"null",
        b'{"type": 5}',
        b'{"type": "assistant"}',
        b'{"type": "assistant", "message": "x"}',
        b'{"type": "assistant", "message": {"content": [5, null, {"type": "tool_use", "input": "x"}]}}',
        b'{"type": "user", "message": {"content": "a string"}}',
        b'{"type": "user", "message": {"content": [{"type": "tool_result", "content": {"a": 1}}]}}',
        b'{"type": "system"}',
        b'{"type": "stream_event", "event": 7}',
        b'{"type": "stream_event", "event": {"type": "content_block_delta", "delta": 5, "index": "x"}}',
        b'{"type": "stream_event", "event": {"type": "content_block_start", "content_block": []}}',
        b'{"type": "stream_event", "event": {"type": "content_block_stop"}}',
        b'{"type": "stream_event", "event": {"type": "ping"}}',
        b"\xff\xfe{",
        b"[" * 100_000,
        b'{"type": ' + b"[" * 100_000,
    ],
)
def test_odd_lines_are_survived(odd: bytes) -> None:
    """No line whatever stops the stream: what follows it is shown as ever."""
    found = project(odd, assistant(said("after")))
    assert found[-1].data == {"text": "after"}


def test_odd_figures_and_characters_are_made_harmless() -> None:
    """NaN, infinities and halves of characters cannot reach a viewer, whose parser would refuse them."""
    end = project(b'{"type":"result","subtype":"success","duration_ms":NaN,"num_turns":true,"total_cost_usd":Infinity}')
    assert end[0].data == {"duration_ms": 0, "num_turns": 0, "cost_usd": 0, "result": ""}
    text = project(b'{"type":"assistant","message":{"content":[{"type":"text","text":"a\\ud800b"}]}}')[0].data["text"]
    assert text == "a?b"
    tool = project(
        b'{"type":"assistant","message":{"content":[{"type":"tool_use","id":"a","name":"Write",'
        b'"input":{"file_path":"thoughts/a","content":"\\ud800"}}]}}'
    )[0]
    json.dumps(dict(tool.data)).encode()


SESSION = b"\n".join(
    [
        INIT,
        b"noise from somewhere",
        event(type="message_start"),
        opened(),
        delta("Grüße an "),
        delta(f"alle, {SECRET[:9]}"),
        delta(f"{SECRET[9:]} Ende"),
        closed(),
        assistant(said("Grüße an alle")),
        assistant(use("a", "Write", file_path="thoughts/ü.md", content="ß")),
        b"",
        results(("a", "wrote it")),
        END,
    ]
)


@settings(deadline=None)
@given(st.lists(st.integers(0, len(SESSION)), max_size=40), st.booleans())
def test_any_cutting_of_the_bytes_gives_the_same_events_and_transcript(cuts: list[int], ended: bool) -> None:
    """Chunks may end anywhere, in the middle of a character too, and the last line may lack its end."""
    whole = SESSION + (b"\n" if ended else b"")
    points = [0, *sorted(cuts), len(whole)]
    splitter = LineSplitter(1024 * 1024)
    lines = [one for start, end in pairwise(points) for one in splitter.feed(whole[start:end])] + splitter.finish()
    assert short(project(*lines)) == short(project(*SESSION.split(b"\n")))
    page = transcript(lines, date="2026-03-02")
    assert page == transcript(SESSION.split(b"\n"), date="2026-03-02")
    assert "Grüße an alle" in page


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(1, 20), min_size=1, max_size=20), st.integers(1, 40))
def test_the_splitter_cuts_and_marks_but_never_loses_a_line(data: bytes, sizes: list[int], limit: int) -> None:
    """Lines come whole up to the limit; longer ones are cut and marked; the number of lines is what it was."""
    splitter = LineSplitter(limit)
    found, at, number = [], 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        found += splitter.feed(data[at : at + size])
        at, number = at + size, number + 1
    found += splitter.finish()
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert len(found) == len(expected)
    for got, want in zip(found, expected, strict=True):
        assert got.startswith(want[:limit].removesuffix(b"\r"))
        assert (b"line cut" in got) >= (len(want) > limit)
    assert splitter.cut == sum(len(want) > limit for want in expected)
