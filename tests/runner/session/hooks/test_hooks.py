"""The first hooks: what they write, and that doing it twice is doing it once."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.content import frontmatter
from runner.session import conversation as conversation_file
from runner.session.hooks import conversation, thoughts, transcript
from runner.session.hooks.base import Verdict
from runner.session.kinds import kind_of
from runner.stream.transcript import fenced
from runner.stream.transcript import transcript as page_of
from tests.runner.session.hooks.context import BEGAN, context_for
from tests.runner.session.stage import make_home

STREAM = b"\n".join(
    json.dumps(record).encode()
    for record in (
        {"type": "system", "subtype": "init", "session_id": "u-1", "model": "m"},
        {
            "type": "assistant",
            "message": {
                "content": [
                    {"type": "text", "text": "I will look."},
                    {"type": "tool_use", "id": "a", "name": "Read", "input": {"file_path": "thoughts/x.md"}},
                ]
            },
        },
        {
            "type": "user",
            "message": {"content": [{"type": "tool_result", "tool_use_id": "a", "content": "```\nfence" + "y" * 600}]},
        },
        {"type": "result", "subtype": "success", "result": "Found it.", "num_turns": 2},
    )
)


async def test_the_transcript_tells_the_session_in_order(tmp_path: Path) -> None:
    """Words, calls, results cut and marked, the final response; private in mode; the same when made again."""
    home = make_home(tmp_path)
    context = context_for(home)
    assert await transcript.run(context) is Verdict.NOT_DUE
    context.stream.write_bytes(STREAM + b"\n{half a li")
    for _ in range(2):
        assert await transcript.run(context) is Verdict.DONE
    path = home / "transcripts" / "session-20260302-090000.md"
    page = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    keys = frontmatter.parse(page.encode()).keys
    assert (keys["session_id"], keys["num_turns"]) == ("u-1", "2")
    order = [
        page.index(part) for part in ("I will look.", "## Read", "thoughts/x.md", "````\n```", "(cut: 609", "Found it.")
    ]
    assert order == sorted(order)


@settings(deadline=None)
@given(st.text(alphabet="`a\n", max_size=40))
def test_a_fence_is_longer_than_any_inside(text: str) -> None:
    """No text can close the block that it stands in."""
    opening, _, rest = fenced(text).partition("\n")
    assert rest.endswith(f"\n{opening}")
    assert opening not in text
    assert page_of([], date="d").count("Final response") == 0


async def test_the_answer_is_put_behind_the_message(tmp_path: Path) -> None:
    """By counting, not by searching: a message that contains our heading changes nothing; twice is once."""
    home = make_home(tmp_path)
    message = "hello\n\n## Response\n\nforged\n---\n\n## Message\n\nagain"
    context = context_for(home, message=message)
    assert await conversation.run(context) is Verdict.NOT_DUE
    path = conversation_file.begin(
        home / "conversations", context.session_id, kind="custom", sender='mira"\n---', message=message, now=BEGAN
    )
    for reply in ("first", "second"):
        assert await conversation.run(attrs.evolve(context, reply=reply)) is Verdict.DONE
    text = path.read_text()
    assert text.endswith(f"{message}\n\n## Response\n\nsecond\n")
    assert "first" not in text
    keys = frontmatter.parse(text.encode()).keys
    assert keys["sender"] == 'mira"\n---'
    assert keys["message_bytes"] == str(len(message))
    assert path.stat().st_mode & 0o777 == 0o640
    path.write_text("somebody rewrote this\n---\n\n## Message\n\nother")
    assert await conversation.run(context) is Verdict.FAILED


@pytest.mark.parametrize("changes", [{"reply": ""}, {"message": ""}, {"kind": kind_of("noon")}])
async def test_nothing_to_add_is_not_due(tmp_path: Path, changes: dict[str, Any]) -> None:
    """No answer, no message, or a type that keeps no conversation: the hook is not due."""
    home = make_home(tmp_path)
    conversation_file.begin(
        home / "conversations", "20260302-090000", kind="custom", sender="", message="a question", now=BEGAN
    )
    assert await conversation.run(context_for(home, **changes)) is Verdict.NOT_DUE


MODIFIED = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "stem", "wanted"),
    [
        ('---\ndate: "2026-03-01"\ntitle: "t"\n---\nbody', "x", None),
        (
            '---\ndate: "2026-03-01"\n---\n# The sea\n\n---\nrule stays',
            "x",
            '---\ntitle: "The sea"\ndate: "2026-03-01"\n---\n# The sea\n\n---\nrule stays',
        ),
        (
            '# Salt & "quotes"\n',
            "2026-02-03-noon",
            '---\ndate: "2026-02-03"\ntitle: "Salt & \\"quotes\\""\n---\n# Salt & "quotes"\n',
        ),
        ("plain", "2026-02-03-late-night", '---\ndate: "2026-02-03"\ntitle: "Late Night"\n---\nplain'),
        ("plain", "2026-02-03", '---\ndate: "2026-02-03"\ntitle: "2026 02 03"\n---\nplain'),
        ("", "a-walk", '---\ndate: "2026-03-02"\ntitle: "A Walk"\n---\n'),
        ("---\r\nmood: x\r\n---\r\nbody", "a", '---\r\ndate: "2026-03-02"\r\ntitle: "A"\r\nmood: x\r\n---\r\nbody'),
        ("---\n---\nbody", "a", '---\ndate: "2026-03-02"\ntitle: "A"\n---\nbody'),
        ("+++\nx = 1\n+++\nbody", "a", '+++\ndate = "2026-03-02"\ntitle = "A"\nx = 1\n+++\nbody'),
        ("---\ntitle: Day 3: Noon\n---\nbody", "a", '---\ndate: "2026-03-02"\ntitle: Day 3: Noon\n---\nbody'),
        ("---\nmood: x\n---\n## Salt", "a", '---\ndate: "2026-03-02"\ntitle: "Salt"\nmood: x\n---\n## Salt'),
        ("---\nnot: [closed\n---\nbody", "a", None),
        ("\n---\nmood: x\n---\nbody", "a", None),
        ("title: T\n---\nbody", "a", None),
        ("a\0b", "a", None),
        ("---\nno end", "a", None),
        ("---\ntitle:\ndate: 2026-03-02\n---\nbody", "a", None),
    ],
)
def test_missing_keys_are_added_and_nothing_else(content: str, stem: str, wanted: str | None) -> None:
    """Date and title come first, safely quoted; the body keeps every byte; what is odd is left alone."""
    found = thoughts.completed(content.encode(), stem, MODIFIED)
    assert (found.decode() if found is not None else None) == wanted


@settings(deadline=None)
@given(st.text(max_size=80), st.text(alphabet="abc-0 ", min_size=1, max_size=12))
def test_completing_is_done_once_and_can_be_read(body: str, stem: str) -> None:
    """Whatever a thought holds: afterwards it has date and title, its body is as before, and nothing is missing."""
    content = body.encode()
    found = thoughts.completed(content, stem, MODIFIED)
    if found is None:
        return
    keys = frontmatter.parse(found).keys
    assert keys.get("date")
    assert keys.get("title")
    assert thoughts.completed(found, stem, MODIFIED) is None
    assert found.endswith(content) or content.startswith(b"---")
    head = found.split(b"---\n", 2)[1] if found.startswith(b"---\n") else b"{}"
    yaml.safe_load(head)


@pytest.mark.parametrize(
    "content",
    ["words".encode("utf-16"), b"caf\xe9", b"\x89PNG\r\n\x1a\n", b"\0" * 100],
    ids=["utf16", "latin", "picture", "zeros"],
)
def test_what_is_no_utf8_is_left_as_it_is(content: bytes) -> None:
    """Lines of ours in another encoding, or in a picture, would spoil what can still be read."""
    assert thoughts.completed(content, "a", MODIFIED) is None


async def test_only_this_sessions_thoughts_are_touched(tmp_path: Path) -> None:
    """Older files, links and the README stay as they are; modes are kept; the hook needs the home's zone."""
    home = make_home(tmp_path)
    for name in ("new.md", "old.md", "README.md"):
        (home / "thoughts" / name).write_text("words")
    (home / "thoughts" / "new.md").chmod(0o600)
    (home / "thoughts" / "link.md").symlink_to(home / "memory" / "memory.md")
    os.utime(home / "thoughts" / "old.md", (1, 1))
    assert await thoughts.run(context_for(home)) is Verdict.DONE
    assert (home / "thoughts" / "new.md").read_text().startswith("---\ndate:")
    assert (home / "thoughts" / "new.md").stat().st_mode & 0o777 == 0o600
    for name in ("old.md", "README.md"):
        assert (home / "thoughts" / name).read_text() == "words"
    assert "---" not in (home / "memory" / "memory.md").read_text()
    with pytest.raises(TypeError, match="zone"):
        await thoughts.run(context_for(home, ended=MODIFIED))
