"""The real Claude Code CLI against a scripted Messages API on loopback: whole wakes, and doors that stay shut."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
import trio

from runner.children.reap import Mark, marked
from runner.correspondence import Threads
from runner.schedule import load_schedule
from runner.session.backends.claude_cli import ClaudeCli, CliOptions
from tests.runner.session.stage import clean_environment, in_thread, stage
from tests.support.claude_code import claude_binary
from tests.support.messages_api import MessagesApi, Refuse, Say, Turn, Use, service, text


def backend(folder: Path, api: MessagesApi, **options: Any) -> ClaudeCli:
    environ = clean_environment(folder)
    chosen = CliOptions(
        binary=str(claude_binary()),
        user_home=Path(environ["HOME"]),
        environ=environ,
        base_url=api.url,
        api_key="dummy-key",
        stall=20.0,
    )
    return ClaudeCli(attrs.evolve(chosen, **options), in_thread)


async def test_a_whole_wake_with_the_real_cli(tmp_path: Path) -> None:
    """Deltas arrive, a Write tool call makes the thought, cost and tokens are in the row, prompts reach the model."""
    async with stage(tmp_path) as s:
        path = s.home / "thoughts" / "2026-03-02-morning.md"
        page = '---\ndate: "2026-03-02"\ntitle: "By hand"\n---\nWritten by the tool.\n'
        writing = Turn((Say("I will write this down."), Use("Write", {"file_path": str(path), "content": page})))
        async with service([writing, text("That is all for this morning.")]) as api:
            wake = await s.claimed()
            with trio.fail_after(60):
                ended = await s.engine(backend(tmp_path, api)).run(wake)

        assert ended.state == "completed", ended.reason
        assert path.read_text() == page
        assert ended.reply == "That is all for this morning."
        row = await s.ledger.sessions.get(wake.id)
        assert row is not None
        assert row.cost_usd is not None
        assert row.cost_usd > 0
        assert (row.input_tokens, row.output_tokens) == (240, 60)
        assert row.files_written == ("thoughts/2026-03-02-morning.md",)
        assert row.pid is not None
        deltas = "".join(data["text"] for data in s.data("session.delta"))
        assert deltas == "I will write this down.That is all for this morning."
        assert [data["tool_name"] for data in s.data("session.tool")] == ["Write"]
        assert [data["tool_name"] for data in s.data("session.tool_result")] == ["Write"]
        assert s.data("session.end")[0]["cost_usd"] == row.cost_usd
        asked = json.dumps(api.requests[0])
        assert "kestrel" in asked
        assert "larkspur" in asked
        assert set(api.keys) == {"dummy-key"}
        await s.assert_left_clean(wake.id, "completed")
        assert await trio.to_thread.run_sync(marked, Mark(wake.id, s.home)) == []


SECRET = "a-word-nobody-may-read"
CLOSED = ("runner/.env", "data/state.json", "moderation/verdict.json", "logs/some.log", "sandbox/prod.env", ".env")
OTHERS = (
    "mailbox/tom/thread.jsonl",
    "mailbox/mi/thread.jsonl",
    "mailbox/mirabel/thread.jsonl",
    "telegram/chat.jsonl",
    "conversations/x.md",
    "transcripts/x.md",
    "visitors/archive/2026-01/x.md",
)
HOUSE = (
    "mailbox/tom/thread.jsonl",
    "mailbox/new/thread.jsonl",
    "conversations/y.md",
    "transcripts/y.md",
    "visitors/y.md",
    "telegram/y.jsonl",
    "moderation/y.json",
    "data/new.txt",
    "logs/new.log",
    "runner/new.py",
    "news/new.md",
    ".gitattributes",
    ".claude/settings.json",
    ".git/hooks/post-commit",
    "projects/tool/.git/config",
)


def searches(home: Path) -> list[Use]:
    """Whatever walks over many files, from wherever and however it is spelt."""
    content = {"pattern": SECRET[:-1], "output_mode": "content"}
    given: list[tuple[str, dict[str, Any]]] = [
        ("Grep", {**content, "path": str(home)}),
        ("Grep", content),
        ("Grep", {**content, "path": str(home / "data")}),
        ("Grep", {**content, "path": "mailbox"}),
        ("Grep", {**content, "path": "thoughts"}),
        ("Grep", {**content, "path": "thoughts/folder"}),
        ("Grep", {**content, "glob": "{data,mailbox}/**"}),
        ("Grep", {**content, "glob": "**/*.jsonl"}),
        ("Grep", {**content, "path": "thoughts/../runner", "glob": "*"}),
        ("Glob", {"pattern": "{mailbox,conversations}/**"}),
        ("Glob", {"pattern": "m*/**/*.jsonl"}),
        ("Glob", {"pattern": "*", "path": "thoughts/folder"}),
    ]
    return [Use(name, members, id=f"s{number}") for number, (name, members) in enumerate(given)]


@pytest.mark.parametrize("kind", ["morning", "visit", "correspondence"])
@pytest.mark.parametrize("dangerous", [False, True])
async def test_closed_places_stay_closed_to_the_real_cli(tmp_path: Path, kind: str, *, dangerous: bool) -> None:
    """Keys, state, verdicts, logs and all outside, by path, by dots and by link, for every kind of session; what the
    house writes is written by no session; and who was shown a stranger's words reads nobody else's letters.
    """
    async with stage(tmp_path) as s:
        home = s.home
        for name in (*CLOSED, *OTHERS, "../outside.txt", "thoughts/plain.md"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(SECRET if name != "thoughts/plain.md" else "plain")
        (home / "mailbox" / "mira").mkdir()
        Threads(home / "mailbox").append("mira", "Is the kettle well?", now=s.now(), sender="mira")
        (home / "thoughts" / "link.md").symlink_to(tmp_path / "outside.txt")
        (home / "thoughts" / "env.md").symlink_to(home / "runner" / ".env")
        (home / "thoughts" / "folder").symlink_to(home / "data")
        (home / "leave").symlink_to(tmp_path)
        theirs = OTHERS if kind != "morning" else ()
        reads = [
            str(home / "runner/.env"),
            *CLOSED,
            *theirs,
            "thoughts/../data/state.json",
            str(tmp_path / "outside.txt"),
        ]
        reads += [
            "../outside.txt",
            "thoughts/link.md",
            "thoughts/env.md",
            "thoughts/folder/state.json",
            "/etc/hostname",
        ]
        reads += ["/proc/self/cwd/runner/.env", "~/../home/runner/.env"]
        writes = [*HOUSE, "thoughts/link.md", "thoughts/env.md", str(home / "leave/new.txt"), str(tmp_path / "new.txt")]
        before = state_of(home, tmp_path)
        uses = [Use("Read", {"file_path": path}, id=f"r{number}") for number, path in enumerate(reads)]
        uses += [Use("Write", {"file_path": path, "content": "x"}, id=f"w{n}") for n, path in enumerate(writes)]
        if kind == "correspondence":
            uses += [Use("Read", {"file_path": "mailbox/mira/thread.jsonl"}, id="own")]
        uses += [Use("Read", {"file_path": "thoughts/plain.md"}, id="plain")]
        walks = searches(home)
        if kind == "morning":  # it may read its mail, so only what nobody reads is secret to it
            for name in OTHERS:
                (home / name).write_text("in confidence")
            before = state_of(home, tmp_path)
        async with service([Turn((*uses, *walks)), text("So be it.")]) as api:
            wake = await s.claimed(kind, message={"correspondence": "mira", "visit": "hello"}.get(kind, ""))
            with trio.fail_after(120):
                chosen = backend(tmp_path, api, dangerous=dangerous, as_root=True)
                ended = await s.engine(chosen).run(wake)

        assert ended.state == "completed", ended.reason
        results = results_of(api)
        assert len(results) == len(uses) + len(walks)
        for use in uses:
            failed = results[use.id].get("is_error") is True
            assert failed is (use.id not in {"own", "plain"}), (use, results[use.id])
        assert SECRET not in json.dumps([block["content"] for block in results.values()])
        assert SECRET not in json.dumps([event.data for event in s.events])
        assert state_of(home, tmp_path) == before
        assert not (home / "data" / "tmp" / wake.id).exists()


async def test_a_home_behind_a_link_is_open_and_closed_alike(tmp_path: Path) -> None:
    """The program may call it by the link or by its name on the disk; what is the resident's is written either way."""
    async with stage(tmp_path) as s:
        real = tmp_path / "real"
        s.home.rename(real)
        s.home.symlink_to(real)
        (real / "runner" / ".env").write_text(SECRET)
        given = {"content": "words"}
        uses = [
            Use("Write", {"file_path": str(s.home / "projects/a.md"), **given}, id="link"),
            Use("Write", {"file_path": str(real / "projects/b.md"), **given}, id="real"),
            Use("Read", {"file_path": str(s.home / "runner/.env")}, id="closed"),
            Use("Read", {"file_path": str(real / "runner/.env")}, id="closed too"),
        ]
        async with service([Turn(tuple(uses)), text("So.")]) as api:
            with trio.fail_after(60):
                await s.engine(backend(tmp_path, api)).run(await s.claimed())
        failed = [name for name, found in results_of(api).items() if found.get("is_error") is True]
        assert sorted(failed) == ["closed", "closed too"], results_of(api)
        assert [(real / "projects" / name).read_text() for name in ("a.md", "b.md")] == ["words", "words"]
        assert SECRET not in json.dumps(api.requests)


def state_of(home: Path, around: Path) -> dict[str, str]:
    """What lies where no session writes."""
    found = {name: (home / name).read_text() if (home / name).is_file() else "" for name in (*HOUSE, *OTHERS)}
    found["links"] = str((home / "thoughts" / "link.md").is_symlink())
    return found | {
        name: (around / name).read_text() for name in ("outside.txt", "new.txt") if (around / name).exists()
    }


def results_of(api: MessagesApi) -> dict[str, Any]:
    """The answers to tool calls that the model was told last, by the calls' names."""
    return {
        block["tool_use_id"]: block
        for message in api.requests[-1]["messages"]
        if message["role"] == "user" and isinstance(message["content"], list)
        for block in message["content"]
        if block.get("type") == "tool_result"
    }


def free_minutes() -> int:
    """In how many minutes a wake may be set: the CLI's shell runs by the real clock, at whatever hour this is run."""
    schedule, now = load_schedule(ZoneInfo("America/New_York")), datetime.now(UTC)
    return next(m for m in range(45, 400, 5) if schedule.minutes_to_nearest(now + timedelta(minutes=m)) >= 45)


async def test_the_residents_commands_are_called_through_the_shell(tmp_path: Path) -> None:
    """A session for letters answers the one whose letter it holds, sets a wake and keeps a wish; it writes to nobody
    else, and its shell runs nothing else, also not what the CLI would let pass by itself.
    """
    async with stage(tmp_path) as s:
        threads = Threads(s.home / "mailbox")
        for user in ("mira", "tom"):
            (s.home / "mailbox" / user).mkdir(parents=True)
        letter = threads.append("mira", "Is the kettle well?", now=s.now(), sender="mira")
        (s.home / "runner" / ".env").write_text("RESIDENT_NAME=secret-word\n")
        done = {
            "letter": f"claude-runner letter --to mira --reply-to {letter.id} 'It costs $5; and `sings`.'",
            "schedule": f'claude-runner schedule --in {free_minutes()}m --reason "to look at the tide"',
            "impulse": 'claude-runner impulse add "paint the door"',
        }
        refused = {
            "else": "claude-runner letter --to tom hello",
            "home": f"claude-runner letter --to tom --home {s.home} hello",
            "file": "claude-runner letter --to mira --file runner/.env",
            "forged": "CLAUDE_SESSION_ID= claude-runner letter --to tom hello",
            "more": "claude-runner letter --to mira hello && cat < runner/.env",
            "search": "grep -r secret .",
            "input": "cat < runner/.env",
            "other": "claude-runner sessions",
        }
        calls = [Use("Bash", {"command": call}, id=name) for name, call in (done | refused).items()]
        # the operator's own settings of the CLI are read, and must not take the guard away
        (tmp_path / "user" / ".claude").mkdir(parents=True)
        (tmp_path / "user" / ".claude" / "settings.json").write_text(json.dumps({"disableAllHooks": True}))
        async with service([Turn(tuple(calls)), text("So.")]) as api:
            wake = await s.claimed("correspondence", message="mira")
            with trio.fail_after(120):
                ended = await s.engine(backend(tmp_path, api)).run(wake)

        assert ended.state == "completed", ended.reason
        told = results_of(api)
        for name in done:
            assert not told[name].get("is_error"), told[name]
        for name in refused:
            assert told[name].get("is_error") is True, (name, told[name])
            assert "secret-word" not in json.dumps(told[name]["content"])
        assert "those whose letters it holds: mira" in json.dumps(told["else"]["content"])
        written = threads.tail("mira")
        assert [(message.body, message.in_reply_to) for message in written[1:]] == [
            ("It costs $5; and `sings`.", letter.id)
        ]
        assert threads.tail("tom") == ()
        assert json.loads((s.home / "data" / "self-schedule.json").read_text())["reason"] == "to look at the tide"
        assert "paint the door" in (s.home / "data" / "impulses.json").read_text()


async def test_the_homes_own_cli_settings_are_not_read(tmp_path: Path) -> None:
    """A settings file in the home could name programs to run, and the resident can write files: it has no effect."""
    async with stage(tmp_path) as s:
        trap = tmp_path / "sprung"
        hook = {"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": f"touch {trap}"}]}]}}
        (s.home / ".claude").mkdir()
        (s.home / ".claude" / "settings.json").write_text(json.dumps(hook))
        async with service([text("quiet")]) as api:
            with trio.fail_after(60):
                ended = await s.engine(backend(tmp_path, api)).run(await s.claimed())
        assert ended.state == "completed"
        assert not trap.exists()


async def test_a_refused_key_ends_the_session_at_once(tmp_path: Path) -> None:
    """The CLI would try a refused key again for minutes; the first sign of it ends the session and says so."""
    async with stage(tmp_path) as s, service([Refuse(401, "authentication_error", "invalid x-api-key")]) as api:
        wake = await s.claimed()
        with trio.fail_after(30):
            ended = await s.engine(backend(tmp_path, api)).run(wake)
        assert ended.state == "failed"
        assert (ended.reason or "").startswith("authentication failed")
        await s.assert_left_clean(wake.id, "failed")


async def test_a_cancelled_real_cli_leaves_nothing(tmp_path: Path) -> None:
    """Cancelled in the middle of an answer the CLI and all its children end, and the session is interrupted."""
    gate = trio.Event()
    async with stage(tmp_path) as s, service([Turn((Say("begun and never ended"),), gate=gate)]) as api:
        wake = await s.claimed()
        engine = s.engine(backend(tmp_path, api))
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:

                async def run() -> None:
                    await engine.run(wake, why_cancelled=lambda: "shutdown")

                nursery.start_soon(run)
                while "session.delta" not in s.names():
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        await s.assert_left_clean(wake.id, "interrupted")
        assert await trio.to_thread.run_sync(marked, Mark(wake.id, s.home)) == []


@pytest.mark.parametrize("kind", ["telegram", "correspondence"])
async def test_a_private_session_shows_nothing(tmp_path: Path, kind: str) -> None:
    """What is not live touches neither the public events nor the two live files."""
    async with stage(tmp_path) as s, service([text("between us")]) as api:
        wake = await s.claimed(kind, message="hello", sender="mira")
        with trio.fail_after(60):
            ended = await s.engine(backend(tmp_path, api)).run(wake)
        assert ended.reply == "between us"
        assert s.events == []
        assert not (s.home / "data" / "session-status.json").exists()
        assert not (s.home / "data" / "live-stream.jsonl").exists()
        assert "between us" in (s.home / "conversations" / f"{wake.id}.md").read_text()


async def test_dangerous_mode_runs_as_root_and_keeps_the_closed_folders_closed(tmp_path: Path) -> None:
    """With every permission check skipped the CLI runs as root too; the deny rules still hold for its file tools."""
    async with stage(tmp_path) as s:
        (s.home / "runner" / ".env").write_text("secret-word")
        uses = (
            Use("Read", {"file_path": str(s.home / "runner" / ".env")}, id="a"),
            Use("Bash", {"command": "echo done by hand > sandbox.txt"}, id="b"),
        )
        async with service([Turn(uses), text("So.")]) as api:
            with trio.fail_after(60):
                ended = await s.engine(backend(tmp_path, api, dangerous=True, as_root=True)).run(await s.claimed())
        assert ended.state == "completed", ended.reason
        assert (s.home / "sandbox.txt").read_text() == "done by hand\n"
        assert "secret-word" not in json.dumps(api.requests[-1])
