"""Programs run for a purpose: what they are given, and how they end when their time is over."""

from pathlib import Path

import pytest
import trio

from runner.children.run import Commands, CommandTimeoutError
from tests.runner.session.stage import clean_environment, in_thread

TIDY = "trap 'rm lock; exit 1' TERM; touch lock begun; while :; do sleep 0.05; done"


async def test_a_program_is_given_its_input_and_its_bytes_come_back(tmp_path: Path) -> None:
    """More than a pipe holds goes in and out, and bytes that are no text are not changed."""
    commands = Commands(tmp_path, clean_environment(tmp_path), in_thread)
    given = bytes(range(256)) * 4096
    found = await commands.run(("cat",), within=20, given=given)
    assert (found.code, found.raw) == (0, given)
    assert (await commands.run(("cat",), within=20)).out == ""


async def test_a_program_whose_time_is_over_can_take_back_what_it_began(tmp_path: Path) -> None:
    """It is told to end before it is killed, so that a lock of git's does not outlive it."""
    commands = Commands(tmp_path, clean_environment(tmp_path), in_thread)
    with trio.fail_after(20), pytest.raises(CommandTimeoutError, match="took longer than 1 s"):
        await commands.run(("sh", "-c", TIDY), within=1)
    assert (tmp_path / "begun").exists()
    assert not (tmp_path / "lock").exists()
