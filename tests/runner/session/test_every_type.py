"""One wake of each type, with the rehearsal and with the real CLI: what it leaves on disk, and what it must not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio

from runner.ledger import SessionRow, Wake
from runner.session.backends.rehearsal import Rehearsal
from runner.session.kinds import KINDS, WAKE_TYPES
from runner.tools.files import HomeTools
from tests.runner.session.backends.test_real_cli import backend as cli
from tests.runner.session.stage import Stage, in_thread, stage
from tests.support.messages_api import service, text

MESSAGE = "A word from outside: osprey-5521."
ANSWER = "Scripted answer: plover-8834."
OVER_WITHIN = 60.0
EXIT = re.compile(r"=== Session ended: .+, exit code: 0 ===")


async def lived(s: Stage, backend: Any, kind: str) -> tuple[Wake, SessionRow]:
    """A completed wake of this type, with a message where the type takes one."""
    wake = await s.claimed(kind, message="" if KINDS[kind].prompt_file else MESSAGE, sender="mira")
    with trio.fail_after(OVER_WITHIN):
        ended = await s.engine(backend).run(wake)
    assert ended.state == "completed", ended.reason
    row = await s.ledger.sessions.get(wake.id)
    assert row is not None
    return wake, row


def check_artefacts(s: Stage, wake: Wake, row: SessionRow) -> None:
    """The files of filesystem.md §4 and §5, in the formats that other programs read."""
    kind = KINDS[wake.type]
    log = (s.home / "logs" / f"session-{wake.id}.log").read_text().splitlines()
    assert re.fullmatch(r"=== Session started: .+ ===", log[0])
    assert log[1] == f"Type: {wake.type}"
    assert log[2] == f"Log: {s.home}/logs/session-{wake.id}.log"
    assert EXIT.fullmatch(log[-1])
    assert [line for line in log if '"type":"result"' in line.replace(" ", "")]

    conversation = s.home / "conversations" / f"{wake.id}.md"
    assert conversation.exists() == (kind.saves and bool(wake.message))
    if conversation.exists():
        content = conversation.read_text()
        assert content.startswith('---\ndate: "')
        assert f'\ntype: "{wake.type}"\n' in content
        assert f"\n---\n\n## Message\n\n{wake.message}\n\n## Response\n\n" in content

    assert not list((s.home / "data" / "tmp").iterdir())
    assert row.ended
    assert all(hook.verdict for hook in row.hooks)
    if kind.reduced_hooks:
        assert {hook.name for hook in row.hooks} <= {"revalidation", "git"}
    else:
        transcript = (s.home / "transcripts" / f"session-{wake.id}.md").read_text()
        assert transcript.startswith("---\n")
        assert "num_turns:" in transcript


def check_privacy(s: Stage, wake: Wake) -> None:
    """What is live is seen and shown as over; what is private left no trace where the public looks."""
    stream = s.home / "data" / "live-stream.jsonl"
    status = s.home / "data" / "session-status.json"
    if KINDS[wake.type].live:
        names = s.names()
        assert names[0] == "session.start"
        assert names[-1] == "session.end"
        assert stream.stat().st_size > 0
        said = json.loads(status.read_text())
        assert said["active"] is False
        assert said["last"]["session_id"] == wake.id
        assert said["last"]["exit_code"] == 0
    else:
        assert s.events == []
        assert not stream.exists() or stream.stat().st_size == 0
        assert not status.exists() or wake.id not in status.read_text()


@pytest.mark.parametrize("kind", WAKE_TYPES)
async def test_with_the_rehearsal(tmp_path: Path, kind: str) -> None:
    """Every type completes offline and leaves its files; private ones leave nothing public."""
    async with stage(tmp_path) as s:
        rehearsal = Rehearsal(HomeTools(s.home, ("Read", "Write", "List")), in_thread, 0.0)
        wake, row = await lived(s, rehearsal, kind)
        check_artefacts(s, wake, row)
        check_privacy(s, wake)


@pytest.mark.parametrize("kind", WAKE_TYPES)
async def test_with_the_real_cli(tmp_path: Path, kind: str) -> None:
    """Every type completes with the real CLI; what was said reached the model, and its answer the conversation."""
    async with stage(tmp_path) as s, service([text(ANSWER)]) as api:
        wake, row = await lived(s, cli(tmp_path, api), kind)
        check_artefacts(s, wake, row)
        check_privacy(s, wake)
        if KINDS[kind].saves and kind != "correspondence":  # which is given letters, not a message
            assert MESSAGE in json.dumps(api.requests[0])
        if KINDS[kind].saves:
            assert (s.home / "conversations" / f"{wake.id}.md").read_text().endswith(f"{ANSWER}\n")
