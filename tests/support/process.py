"""The shipped process, started as its users start it, in a home and an environment of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.control.client import ask

READY_WITHIN = 60.0
STOP_WITHIN = 30.0
COMMAND_WITHIN = 60.0


def scrubbed(home: Path, **more: str) -> dict[str, str]:
    """An environment that holds nothing of the machine's own: no keys, a private HOME."""
    user_home = home.parent / "user"
    user_home.mkdir(exist_ok=True)
    kept = {
        k: v for k, v in os.environ.items() if k in {"PATH", "LANG", "LC_ALL", "TMPDIR"} or k.startswith("COVERAGE_")
    }
    return {
        **kept,
        "HOME": str(user_home),
        "CLAUDE_HOME": str(home),
        "CLAUDE_BIN": "",
        "WEATHER_URL": "",
        "KP_URL": "",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@attrs.define(eq=False)
class Running:
    """A process that said it is ready."""

    home: Path
    environ: dict[str, str]
    process: trio.Process
    host: str
    port: int
    stderr: list[str]

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://{self.host}:{self.port}"

    async def command(self, *argv: str, within: float = COMMAND_WITHIN) -> subprocess.CompletedProcess[str]:
        """Run one `claude-runner` command beside it, in the same environment."""
        return await command(self.environ, *argv, within=within)

    async def json(self, *argv: str) -> Any:
        """What one command prints with `--json`."""
        done = await self.command(*argv, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    async def ask(self, command: str, params: object | None = None, within: float = COMMAND_WITHIN) -> Any:
        """What the control socket answers, as JSON; the way of the commands, without a program start for each."""
        answer = await ask(self.home / "data" / "control.sock", command, params, within=within)
        return answer.result

    async def actor(self, name: str) -> dict[str, Any]:
        """One row of `ps`."""
        rows: list[dict[str, Any]] = await self.ask("ps")
        return next(row for row in rows if row["name"] == name)

    async def wake(self, kind: str, message: str = "") -> dict[str, Any]:
        """Ask for a wake and wait for its end."""
        result: dict[str, Any] = await self.ask("wake", {"type": kind, "message": message, "wait": 60.0})
        return result

    async def stop(self, sign: int = signal.SIGTERM) -> int:
        """Ask it to end and wait for it."""
        if self.process.returncode is None:
            self.process.send_signal(sign)
        with trio.fail_after(STOP_WITHIN):
            return await self.process.wait()


async def command(
    environ: Mapping[str, str], *argv: str, within: float = COMMAND_WITHIN
) -> subprocess.CompletedProcess[str]:
    """Run `claude-runner` with this environment and give back what it printed; a non-zero exit is an answer."""
    with trio.fail_after(within):
        done = await trio.run_process(
            [sys.executable, "-m", "runner", *argv],
            env=dict(environ),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            stdin=b"",
        )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


async def start(
    nursery: trio.Nursery,
    home: Path,
    *,
    argv: Sequence[str] = (),
    program: Sequence[str] = ("-m", "runner"),
    expect_ready: bool = True,
    **environ: str,
) -> Running:
    """Start the process; when the nursery ends it is killed if it still runs.

    `program` is what Python is asked to run: a test's own entry point may stand there to hand in faults.
    """
    env = scrubbed(home, **environ)
    lines: list[str] = []
    found: list[tuple[str, int]] = []
    ready = trio.Event()

    async def live(task_status: trio.TaskStatus[trio.Process]) -> None:
        process = await trio.lowlevel.open_process(
            [sys.executable, *program, "up", "--home", str(home), "--port", "0", *argv],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        task_status.started(process)
        try:
            await listen(process)
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
            with trio.move_on_after(STOP_WITHIN, shield=True):
                await process.wait()

    async def listen(process: trio.Process) -> None:
        assert process.stderr is not None
        rest = b""
        async for chunk in process.stderr:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                lines.append(line.decode("utf-8", "replace"))
                if match := re.match(r"ready http://([^:]+):(\d+)", lines[-1]):
                    found.append((match[1], int(match[2])))
                    ready.set()
        ready.set()

    process = await nursery.start(live)
    with trio.move_on_after(READY_WITHIN):
        await ready.wait()
    if expect_ready:
        assert found, "the process did not become ready:\n" + "\n".join(lines)
    host, port = found[0] if found else ("", 0)
    return Running(home, env, process, host, port, lines)
