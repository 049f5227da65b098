"""What the service manager hears of the shipped process, and what a reload does; a datagram socket stands in for it."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from runner.clock import system_now
from runner.control.protocol import CommandError
from runner.ledger import Ledger, SpendEntry
from tests.support.ledger import inline
from tests.support.process import command, scrubbed, start

HEARD_WITHIN = 10.0


@contextmanager
def manager(path: Path) -> Iterator[trio.socket.SocketType]:
    """A socket that hears what is said to NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        yield trio.socket.from_stdlib_socket(listening)


async def hear(listening: trio.socket.SocketType, word: str) -> list[str]:
    """The first message with this word in it, as lines."""
    with trio.fail_after(HEARD_WITHIN):
        while True:
            lines = (await listening.recv(4096)).decode().splitlines()
            if any(line.startswith(word) for line in lines):
                return lines


async def test_the_manager_is_told_of_each_turn(demo_home: Path, nursery: trio.Nursery, tmp_path: Path) -> None:
    """READY when it serves, WATCHDOG while the loop beats, RELOADING and READY around a reload, STOPPING at the end."""
    with manager(tmp_path / "notify") as listening:
        up = await start(nursery, demo_home, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        ready = await hear(listening, "READY=1")
        assert f"STATUS=serving {up.url}" in ready
        for _ in range(3):
            await hear(listening, "WATCHDOG=1")
        up.process.send_signal(signal.SIGHUP)
        reloading = await hear(listening, "RELOADING=1")
        assert any(line.startswith("MONOTONIC_USEC=") for line in reloading)
        await hear(listening, "READY=1")
        up.process.send_signal(signal.SIGTERM)
        await hear(listening, "STOPPING=1")
        assert await up.stop() == 0


async def test_one_wrong_setting_changes_nothing_in_a_reload(demo_home: Path, nursery: trio.Nursery) -> None:
    """A reload with a wrong value is refused by its name; a right one restarts whom it concerns."""
    up = await start(nursery, demo_home)
    settings = demo_home / "claude-runner.toml"
    settings.write_text('[session]\nmax_turns = "many"\n[events]\ndebounce_ms = 80\n')
    refused = await up.command("reload")
    assert refused.returncode == 78
    assert "max_turns" in refused.stderr
    assert (await up.actor("watcher"))["restarts"] == 0
    settings.write_text("[events]\ndebounce_ms = 80\n[http]\nport = 8123\n")
    done = await up.json("reload")
    assert "http.port" not in done["live"]
    assert "watcher" in done["restarted"] or "events.debounce_ms" in done["live"]
    assert {row["state"] for row in await up.ask("ps")} <= {"running", "stopped"}
    assert await up.stop() == 0


async def test_a_budget_is_in_force_after_a_reload(demo_home: Path, nursery: trio.Nursery) -> None:
    """What is marked live needs no restart: the next wake is not taken in, and after a second reload one runs."""
    ledger = await Ledger.open(demo_home / "sessions.db", run_sync=inline)
    await ledger.spend.record(SpendEntry(ref="earlier", at=system_now(), output_tokens=50))
    await ledger.close()
    up = await start(nursery, demo_home, REHEARSAL_SPEED="0")
    settings = demo_home / "claude-runner.toml"
    settings.write_text("[budget]\nday_tokens = 10\n")
    done = await up.json("reload")
    assert (done["live"], done["restarted"]) == (["budget.day_tokens"], [])
    with pytest.raises(CommandError, match="budget of the day: 50 tokens of 10; raise the limit"):
        await up.wake("custom", "hello")
    assert await up.json("sessions") == []
    settings.write_text("[budget]\nday_tokens = 1000000\n")
    await up.json("reload")
    assert (await up.wake("custom", "hello"))["state"] == "completed"
    assert (await up.actor("session"))["restarts"] == 0
    assert await up.stop() == 0


async def test_doctor_says_what_is_wrong(demo_home: Path, nursery: trio.Nursery) -> None:
    """On a sound home every check passes; with a setting it can't use it is exit 1 or 78, and secrets never show."""
    secret = "sk-ant-very-secret-value-of-this-test"
    sound = await command(scrubbed(demo_home, ANTHROPIC_API_KEY=secret), "doctor", "--json")
    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert secret not in sound.stdout + sound.stderr
    (demo_home / "sessions.db").write_bytes(b"this is no database, it only looks like a file of one" * 100)
    broken = await command(scrubbed(demo_home), "doctor")
    assert broken.returncode == 1
    assert "sessions.db" in broken.stdout + broken.stderr
