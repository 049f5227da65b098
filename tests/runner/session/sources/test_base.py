"""What sources share: one finding for several of them, files told by what they are, times that are times."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
import trio
import trio.testing

from runner.session.sources.base import Letter, Letters, Memo, MissingError, entries, instant, one_line
from tests.runner.session.asking import NOON, ask_for, write


async def test_what_two_need_is_found_once(autojump_clock: trio.testing.MockClock) -> None:
    """The first finds, the others wait and have the same; another key does not wait."""
    memo, found = Memo(), []

    async def slow() -> str:
        found.append("slow")
        await trio.sleep(5)
        return "sky"

    async def quick() -> str:
        return "letters"

    async def check(key: str, wanted: str, by: float) -> None:
        assert await memo.once(key, slow if key == "a" else quick) == wanted
        assert trio.current_time() - start == by

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for key, wanted, by in (("a", "sky", 5), ("a", "sky", 5), ("b", "letters", 0)):
            nursery.start_soon(check, key, wanted, by)
    assert found == ["slow"]


async def test_a_failure_is_shared_and_not_tried_again() -> None:
    """Whoever asks for it later gets the same reason."""
    memo, tried = Memo(), []

    async def fails() -> str:
        tried.append(1)
        raise OSError("the roof leaks")

    with pytest.raises(OSError, match="roof"):
        await memo.once("a", fails)
    with pytest.raises(MissingError, match="roof"):
        await memo.once("a", fails)
    assert tried == [1]


async def test_a_finder_that_is_cut_off_leaves_the_work_to_the_next(autojump_clock: trio.testing.MockClock) -> None:
    """A deadline of one source is not the other's failure."""
    memo, asked = Memo(), []

    async def slow_at_first() -> str:
        asked.append(1)
        await trio.sleep(10 if len(asked) == 1 else 0)
        return "there"

    got: list[str] = []

    async def patient() -> None:
        await trio.sleep(1)
        got.append(await memo.once("a", slow_at_first))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(patient)
        with trio.move_on_after(2) as scope:
            await memo.once("a", slow_at_first)
    assert scope.cancelled_caught
    assert got == ["there"]


def test_only_plain_files_are_entries(tmp_path: Path) -> None:
    """Newest first, equal times by name; hidden files, links, folders and the README don't count."""
    for name in ("b.md", "a.md", "README.md", ".x.md", "c.txt"):
        write(tmp_path / name, "x", mtime=NOON)
    write(tmp_path / "new.md", "x", mtime=NOON + timedelta(seconds=1))
    (tmp_path / "d.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "e.md").mkdir()
    assert [entry.name for entry in entries(tmp_path, suffix=".md")] == ["new.md", "a.md", "b.md"]
    assert [entry.name for entry in entries(tmp_path)] == ["new.md", "a.md", "b.md", "c.txt"]
    assert entries(tmp_path / "a.md") == []


async def test_a_file_that_is_no_file_is_no_text(tmp_path: Path) -> None:
    """A link out of the home is not followed, a pipe is not waited for, bad bytes are replaced."""
    ask = ask_for(tmp_path)
    write(tmp_path / "secret", "x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(OSError):
            await ask.text_of(tmp_path / name, 10)
    (tmp_path / "bytes").write_bytes(b"a\xffb")
    assert await ask.text_of(tmp_path / "bytes", 10) == "a\ufffdb"


def test_small_helpers() -> None:
    """Lines are single and bounded, times have an offset, letters know their size."""
    assert one_line(" a\n\tb ") == "a b"
    assert one_line("x" * 300) == "x" * 197 + "..."
    assert instant("2026-03-02T12:05:00-05:00") == NOON
    for text in ("2026-03-02T12:05:00", "noon", None, 5):
        with pytest.raises(MissingError):
            instant(text)
    letters = Letters((Letter("a", "12"), Letter("b", "345")))
    assert len(letters) == 5
    assert letters
    assert not Letters((), 3)
