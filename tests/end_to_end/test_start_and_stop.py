"""How the process begins and ends: bad input is one clear line and an exit code, an end loses and leaves nothing."""

import os
import signal
from pathlib import Path

import pytest
import trio

from tests.support import fake_cli
from tests.support.fixtures import Join
from tests.support.http_client import get
from tests.support.process import Running, command, scrubbed, start


def marked(home: Path) -> list[int]:
    """Every live process that carries this home's session mark."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            environ = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if b"CLAUDE_SESSION_ID=" in environ and os.fsencode(home) in environ and state != "Z":
            found.append(int(folder.name))
    return found


async def one_line(environ: dict[str, str], *argv: str) -> tuple[int, str]:
    """Exit code and what a failing command said, which must be one line."""
    done = await command(environ, *argv)
    said = done.stderr.strip().splitlines()
    assert len(said) == 1, done.stderr
    return done.returncode, said[0]


async def test_a_missing_home_names_init(tmp_path: Path) -> None:
    """Without a home `up` says which one and how to make it, and makes nothing."""
    home = tmp_path / "nowhere"
    code, said = await one_line(scrubbed(home), "up")
    assert code == 78
    assert str(home) in said
    assert "init" in said
    assert not home.exists()


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"API_PORT": "eighty"}, ("API_PORT", "eighty")),
        ({"API_PORT": "70000"}, ("API_PORT", "70000")),
        ({"SESSION_BACKEND": "gpt"}, ("SESSION_BACKEND", "gpt", "rehearsal")),
        ({"API_HOST": "0.0.0.0"}, ("API_KEY",)),
        ({"SESSION_BACKEND": "anthropic-api"}, ("ANTHROPIC_API_KEY",)),
    ],
)
async def test_a_wrong_setting_stops_the_start(
    demo_home: Path, environ: dict[str, str], named: tuple[str, ...]
) -> None:
    """A malformed or contradictory setting ends the start with its name, its value and what is allowed; exit 78."""
    code, said = await one_line(scrubbed(demo_home, **environ), "up")
    assert code == 78
    for word in named:
        assert word in said


async def test_an_unknown_key_of_the_settings_file_is_refused(demo_home: Path) -> None:
    """A TOML key that nobody knows stops the start and names the nearest one."""
    (demo_home / "claude-runner.toml").write_text('[session]\nmodle = "x"\n')
    code, said = await one_line(scrubbed(demo_home), "up")
    assert code == 78
    assert "modle" in said
    assert "session.model" in said


async def test_a_port_in_use_is_named(demo_home: Path) -> None:
    """A port that another program holds is exit 75 with the port's number, and the home is free afterwards."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    code, said = await one_line(scrubbed(demo_home), "up", "--port", str(port))
    for listener in listeners:
        await listener.aclose()
    assert code == 75
    assert str(port) in said


async def test_a_second_server_on_the_home_leaves_the_first_alone(demo_home: Path, nursery: trio.Nursery) -> None:
    """The second process is exit 75 naming the first one's pid; the first one's socket and files stay."""
    up = await start(nursery, demo_home)
    code, said = await one_line(up.environ, "up", "--port", "0")
    assert code == 75
    assert str(up.process.pid) in said
    assert (await up.actor("web"))["state"] == "running"
    assert await up.stop() == 0


async def test_an_unknown_wake_type_is_refused(demo_home: Path) -> None:
    """`wake brunch` is a usage error that lists the types; nothing is queued."""
    code, said = await one_line(scrubbed(demo_home), "wake", "brunch")
    assert code == 2
    assert "brunch" in said
    assert "morning" in said


async def test_a_missing_cli_fails_the_wake_with_its_name(demo_home: Path, nursery: trio.Nursery) -> None:
    """With a CLI that is not there everything serves, and a wake fails naming the program; exit 127."""
    up = await start(
        nursery, demo_home, SESSION_BACKEND="claude-cli", CLAUDE_BIN="/nowhere/claude", ANTHROPIC_API_KEY="dummy-key"
    )
    done = await up.command("wake", "morning")
    assert done.returncode == 127, done.stderr
    row = (await up.json("sessions"))[0]
    assert row["state"] == "failed"
    assert "/nowhere/claude" in row["reason"]
    assert (await get(up.host, up.port, "/api/v1/session/status")).json() == {"active": False}
    assert await up.stop() == 0


async def until_text(join: Join, up: Running) -> None:
    viewer = await join(up)
    await viewer.until("session.text")


async def test_a_killed_process_is_put_right_at_the_next_start(
    demo_home: Path, nursery: trio.Nursery, tmp_path: Path, join: Join
) -> None:
    """After `kill -9` in mid-wake the next start ends the orphan, records `interrupted`, and the queue goes on."""
    program = fake_cli.install(tmp_path, "ignores_term")
    up = await start(
        nursery, demo_home, SESSION_BACKEND="claude-cli", CLAUDE_BIN=str(program), ANTHROPIC_API_KEY="dummy-key"
    )
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await until_text(join, up)
        waking.cancel_scope.cancel()
    with trio.fail_after(10):  # viewers are told first, and what is to be shown again is what is on the disk
        while b"I stay" not in (demo_home / "data" / "live-stream.jsonl").read_bytes():
            await trio.sleep(0.01)
    assert len(marked(demo_home)) >= 1
    assert await up.stop(signal.SIGKILL) == -signal.SIGKILL
    assert len(marked(demo_home)) >= 1

    again = await start(nursery, demo_home, REHEARSAL_SPEED="0", SESSION_BACKEND="rehearsal")
    told = [event.name for event in await (await join(again)).until("session.end")]
    assert told[0] == "session.start"
    assert "session.text" in told
    assert (await again.wake("dusk"))["state"] == "completed"
    assert marked(demo_home) == []
    rows = await again.json("sessions")
    assert [(row["type"], row["state"]) for row in rows] == [("dusk", "completed"), ("noon", "interrupted")]
    assert rows[1]["reason"]
    assert {hook["verdict"] for hook in rows[1]["hooks"]} <= {"done", "not_due", "failed"}
    assert await again.json("queue") == []
    assert await again.stop() == 0


async def test_an_end_in_mid_wake_takes_the_model_along(
    demo_home: Path, nursery: trio.Nursery, tmp_path: Path, join: Join
) -> None:
    """TERM in mid-wake, with a model that ignores TERM: exit 0 within 15 s, no process left, the row says shutdown."""
    program = fake_cli.install(tmp_path, "ignores_term")
    up = await start(
        nursery, demo_home, SESSION_BACKEND="claude-cli", CLAUDE_BIN=str(program), ANTHROPIC_API_KEY="dummy-key"
    )
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await until_text(join, up)
        waking.cancel_scope.cancel()
    began = trio.current_time()
    assert await up.stop() == 0
    assert trio.current_time() - began < 15
    assert marked(demo_home) == []
    row = (await up.json("sessions"))[0]
    assert (row["state"], row["reason"]) == ("interrupted", "shutdown")


async def test_with_drain_seconds_a_wake_may_end_first(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """With `session.drain_seconds` a TERM in mid-wake lets it complete, and only then the process ends."""
    up = await start(nursery, demo_home, REHEARSAL_SPEED="1500", SESSION_DRAIN_SECONDS="60")
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await until_text(join, up)
        up.process.send_signal(signal.SIGTERM)
    assert await up.stop() == 0
    assert (await up.json("sessions"))[0]["state"] == "completed"


async def test_idle_with_open_streams_the_end_is_quick(demo_home: Path, nursery: trio.Nursery, join: Join) -> None:
    """With viewers connected an idle process ends within two seconds, and their streams end cleanly."""
    up = await start(nursery, demo_home)
    viewers = [await join(up) for _ in range(20)]
    began = trio.current_time()
    assert await up.stop() == 0
    assert trio.current_time() - began < 2
    for viewer in viewers:
        assert await viewer.next() is None
    assert not (demo_home / "data" / "control.sock").exists()


async def test_two_signals_end_all_graces(demo_home: Path, nursery: trio.Nursery, tmp_path: Path, join: Join) -> None:
    """A second TERM does not wait for the model's own end any longer, and still leaves no process behind."""
    program = fake_cli.install(tmp_path, "ignores_term")
    up = await start(
        nursery, demo_home, SESSION_BACKEND="claude-cli", CLAUDE_BIN=str(program), ANTHROPIC_API_KEY="dummy-key"
    )
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await until_text(join, up)
        waking.cancel_scope.cancel()
    viewer = await join(up)
    up.process.send_signal(signal.SIGTERM)
    assert (await viewer.until("session.start"))[-1].name == "session.start"
    up.process.send_signal(signal.SIGTERM)
    assert await up.stop() in (0, 71)
    assert marked(demo_home) == []
