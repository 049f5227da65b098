"""The web server restarted again and again under a hammer of requests."""

from collections import Counter
from functools import partial
from pathlib import Path

import h11
import trio

from tests.support.fixtures import Join
from tests.support.http_client import Connection, get
from tests.support.process import Running, command, scrubbed, start

RESTARTS = 20
"""In the suite; the soak raises it to 200."""

HAMMERS = 4


async def hammer(up: Running, counted: Counter[str], stop: trio.Event, *, keep: bool) -> None:
    """Ask for health as fast as answers come, on fresh connections or on kept ones."""
    connection: Connection | None = None
    while not stop.is_set():
        try:
            if connection is None:
                connection = await Connection.open(up.host, up.port)
        except OSError:
            counted["refused"] += 1
            continue
        try:
            with trio.fail_after(10):
                await connection.send("GET", "/api/v1/health/live")
                head = await connection.head()
                while isinstance(await connection.event(), h11.Data):
                    pass
            counted[str(head.status_code)] += 1
            over = not keep or (b"connection", b"close") in [(k.lower(), v.lower()) for k, v in head.headers]
        except (h11.RemoteProtocolError, AssertionError, OSError, trio.BrokenResourceError):
            # a kept connection that was silent may be closed at any time; a client sends such a request again
            counted["idle closed" if keep and connection.answered else "cut"] += 1
            over = True
        if over:
            await trio.aclose_forcefully(connection.stream)
            connection = None
        else:
            connection.next_request()
    if connection is not None:
        await trio.aclose_forcefully(connection.stream)


def descriptors(up: Running) -> int:
    """How many the process holds."""
    return sum(1 for _ in Path(f"/proc/{up.process.pid}/fd").iterdir())


async def restart_under_fire(home: Path, nursery: trio.Nursery, restarts: int) -> Counter[str]:
    """Restart the web server that often while clients hammer, connect and say nothing, or read slowly."""
    done = await command(scrubbed(home), "init", "--demo", "--home", str(home))
    assert done.returncode == 0, done.stderr
    up = await start(nursery, home)
    await up.ask("restart", {"name": "web"})
    with trio.fail_after(10):  # the index opens a reader when it is first asked, or has rested; no restart does
        while not (await get(up.host, up.port, "/api/v1/search?q=a&type=everything")).json()["total"]:
            await trio.sleep(0.05)
    before = descriptors(up)
    counted: Counter[str] = Counter()
    stop = trio.Event()
    silent = [await trio.open_tcp_stream(up.host, up.port) for _ in range(3)]
    async with trio.open_nursery() as clients:
        for index in range(HAMMERS):
            clients.start_soon(partial(hammer, up, counted, stop, keep=bool(index % 2)))
        for _ in range(restarts):
            began = trio.current_time()
            result = await up.ask("restart", {"name": "web"})
            counted["slow stops"] += trio.current_time() - began > 1.5
            assert result["state"] == "running", result
        stop.set()
    for stream in silent:
        await trio.aclose_forcefully(stream)
    with trio.fail_after(10):
        while descriptors(up) > before:
            await trio.sleep(0.05)
    assert (await up.actor("web"))["restarts"] == restarts + 1
    assert (await get(up.host, up.port, "/api/v1/health/ready")).status == 200
    assert await up.stop() == 0
    return counted


def check(counted: Counter[str]) -> None:
    """Nothing was refused, nothing that had been asked was cut."""
    assert counted["200"] > 100
    assert counted["refused"] == 0
    assert counted["cut"] == 0
    assert counted["slow stops"] == 0
    assert not {status for status in counted if status.isdigit() and status != "200"}


async def test_web_restarts_under_a_hammer_refuse_and_cut_nothing(tmp_path: Path, nursery: trio.Nursery) -> None:
    """Fresh, kept and silent connections: none refused, none cut, each stop quick, as many descriptors as before."""
    check(await restart_under_fire(tmp_path / "home", nursery, RESTARTS))


async def test_the_models_process_holds_no_listening_socket(
    demo_home: Path, nursery: trio.Nursery, tmp_path: Path, join: Join
) -> None:
    """What a wake spawns inherits none of the listening sockets."""
    from tests.end_to_end.test_start_and_stop import marked
    from tests.support import fake_cli

    program = fake_cli.install(tmp_path, "stuck_silent")
    up = await start(
        nursery, demo_home, SESSION_BACKEND="claude-cli", CLAUDE_BIN=str(program), ANTHROPIC_API_KEY="dummy-key"
    )
    async with trio.open_nursery() as waking:
        waking.start_soon(up.wake, "noon")
        await (await join(up)).until("session.text")
        pids = marked(demo_home)
        assert pids
        for pid in pids:
            links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
            assert not [link for link in links if link.startswith("socket:")]
        waking.cancel_scope.cancel()
    assert await up.stop() == 0
