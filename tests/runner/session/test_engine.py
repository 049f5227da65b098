"""The engine with the rehearsal: one wake from the lock to the last hook."""

import json
from pathlib import Path

import attrs

from runner.correspondence import Threads, unanswered
from runner.schedule import load_schedule
from runner.session.backends.rehearsal import Rehearsal
from runner.session.kinds import SCHEDULED, WAKE_TYPES, kind_of
from runner.tools.commands import ResidentCommands
from runner.tools.files import HomeTools
from tests.runner.session.stage import Stage, in_thread, stage


def rehearsal(s: Stage) -> Rehearsal:
    return Rehearsal(HomeTools(s.home), in_thread, speed=0)


async def test_a_rehearsed_wake_leaves_all_its_marks(tmp_path: Path) -> None:
    """A wake writes a thought and a prompt, is shown from start to end, leaves record, log, transcript and hooks."""
    async with stage(tmp_path) as s:
        wake = await s.claimed()
        ended = await s.engine(rehearsal(s)).run(wake)

        assert ended.state == "completed"
        assert set(ended.verdicts.values()) == {"done", "not_due"}
        await s.assert_left_clean(wake.id, "completed")
        thought = (s.home / "thoughts" / "2026-03-02-morning.md").read_text()
        assert "kestrel" in thought
        assert "larkspur" in thought
        assert "rehearsal" in thought.lower()
        assert s.names()[0] == "session.start"
        assert s.names()[-1] == "session.end"
        assert {"session.delta", "session.text", "session.tool", "session.tool_result"} < set(s.names())
        assert (s.home / "transcripts" / f"session-{wake.id}.md").exists()
        assert not (s.home / "data" / "tmp" / wake.id).exists()
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.backend == "rehearsal"
        assert row.model == "rehearsal"


async def test_a_rehearsal_for_letters_answers_each_correspondent(tmp_path: Path) -> None:
    """By the tool `letter`, to the last letter of each whose letters it holds; so no letter is offered for ever."""
    async with stage(tmp_path) as s:
        threads = Threads(s.home / "mailbox")
        for user in ("mira", "tom", "quiet"):
            (s.home / "mailbox" / user).mkdir(parents=True)
        for user in ("mira", "mira", "tom", "quiet"):
            threads.append(user, "(user name: quiet)", now=s.now(), sender=user)
        resident_commands = ResidentCommands(s.settings, load_schedule(s.settings.resident.zone), s.now)
        engine = s.engine(attrs.evolve(rehearsal(s), resident_commands=resident_commands))
        ended = await engine.run(await s.claimed("correspondence", message="mira,tom"))
        assert ended.state == "completed"
        assert unanswered(threads.tail("mira")) == ()
        assert unanswered(threads.tail("tom")) == ()
        assert [message.sender for message in threads.tail("mira")] == ["mira", "mira", "claudie"]
        assert [message.sender for message in threads.tail("quiet")] == ["quiet"]
        assert "rehearsal" in threads.tail("tom")[-1].body


async def test_the_next_session_quotes_what_this_one_left(tmp_path: Path) -> None:
    """The self-prompting loop closes: text written into prompt.md by one session is quoted by the next."""
    async with stage(tmp_path) as s:
        engine = s.engine(rehearsal(s))
        await engine.run(await s.claimed("morning"))
        left = (s.home / "prompt" / "prompt.md").read_text()
        assert "larkspur" not in left
        await engine.run(await s.claimed("noon"))
        quoted = (s.home / "thoughts" / "2026-03-02-noon.md").read_text()
        for line in left.strip().splitlines():
            assert line in quoted


async def test_every_wake_type_is_rehearsed_to_its_end(tmp_path: Path) -> None:
    """Whatever type is asked for, the wake completes; public ones write their thought under the type's own name."""
    async with stage(tmp_path) as s:
        engine = s.engine(rehearsal(s))
        for kind in WAKE_TYPES:
            ended = await engine.run(await s.claimed(kind, message="" if kind in SCHEDULED else "hello", sender="mira"))
            assert ended.state == "completed", (kind, ended.reason)
            assert ended.reply
            written = (s.home / "thoughts" / f"2026-03-02-{kind}.md").exists()
            assert written == kind_of(kind).live
        assert any((s.home / "dreams").iterdir())


async def test_files_on_disk_follow_the_contract(tmp_path: Path) -> None:
    """The log has its three lines, the raw result and the footer; the stream holds raw lines; the prompt is kept."""
    async with stage(tmp_path) as s:
        wake = await s.claimed("dusk")
        await s.engine(rehearsal(s)).run(wake)
        log = (s.home / "logs" / f"session-{wake.id}.log").read_text().splitlines()
        assert log[0].startswith("=== Session started: Mon Mar 02 09:")
        assert log[1] == "Type: dusk"
        assert log[2].startswith("Log: ")
        assert sum('"type":"result"' in line for line in log) == 1
        assert log[-1].endswith(", exit code: 0 ===")
        stream = s.home / "data" / "live-stream.jsonl"
        assert all(json.loads(line)["session_id"] for line in stream.read_text().splitlines())
        assert stream.stat().st_mode & 0o777 == 0o640
        kept = s.home / "data" / "prompt-history" / f"{wake.id}.md"
        assert kept.read_text() == "Remember the word larkspur."
        assert not any(path.name.endswith(".tmp") for path in s.home.rglob("*"))
