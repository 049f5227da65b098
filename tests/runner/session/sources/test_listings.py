"""What a session learns about files: the newest of each folder, counts, and the table of folders."""

from datetime import timedelta
from pathlib import Path

import pytest

from runner.home.tree import FOLDERS
from runner.session.sources import (
    compiled_memory,
    directories,
    file_summary,
    gifts_check,
    memory_echoes,
    news_check,
    recent_thought,
)
from runner.session.sources.base import MissingError, entries
from tests.runner.session.asking import NOON, ask_for, write


async def test_the_newest_files_are_listed(tmp_path: Path) -> None:
    """Five of each folder, newest first whatever their names; no README, hidden file, link or folder."""
    for number in range(7):
        write(tmp_path / "dreams" / f"{9 - number}.md", "x", mtime=NOON + timedelta(minutes=number))
    write(tmp_path / "dreams" / "README.md", "x")
    write(tmp_path / "dreams" / ".hidden.md", "x")
    (tmp_path / "dreams" / "link.md").symlink_to(tmp_path / "dreams" / "9.md")
    write(tmp_path / "sandbox" / "deep" / "a.py", "x")
    write(tmp_path / "gifts" / "two\n<b>lines\u202e.md", "x")
    told = await file_summary.gather(ask_for(tmp_path))
    assert told == "Newest files:\n  /dreams: 3.md, 4.md, 5.md, 6.md, 7.md\n  /gifts: two b lines[U+202E].md"


async def test_an_empty_home_has_a_heading_and_no_counts(tmp_path: Path) -> None:
    """Missing folders are empty ones."""
    ask = ask_for(tmp_path)
    assert await file_summary.gather(ask) == "Newest files:"
    assert await news_check.gather(ask) == ""
    assert await gifts_check.gather(ask) == ""
    assert await recent_thought.gather(ask) == "(no thought has been written yet)"
    assert entries(tmp_path / "nowhere") == []


async def test_news_and_gifts_are_counted(tmp_path: Path) -> None:
    """All of them, and those of the last day apart; a gift's description is no gift, and news are markdown."""
    old, new = NOON - timedelta(days=3), NOON - timedelta(hours=2)
    write(tmp_path / "news" / "a.md", "x", mtime=old)
    write(tmp_path / "news" / "b.md", "x", mtime=new)
    write(tmp_path / "news" / "c.txt", "x", mtime=new)
    write(tmp_path / "gifts" / "p.png", "x", mtime=old)
    write(tmp_path / "gifts" / "p.png.meta.md", "x", mtime=new)
    ask = ask_for(tmp_path)
    assert await news_check.gather(ask) == "news/ holds 2; 1 of them came in the last day."
    assert await gifts_check.gather(ask) == "gifts/ holds 1; none of them came in the last day."


async def test_the_newest_thought_is_told_with_its_name(tmp_path: Path) -> None:
    """By the time of writing, not by name; the whole text within its limit."""
    write(tmp_path / "thoughts" / "2026-03-09-z.md", "older", mtime=NOON - timedelta(days=1))
    write(tmp_path / "thoughts" / "2026-03-01-a.md", "newer", mtime=NOON)
    assert await recent_thought.gather(ask_for(tmp_path)) == "2026-03-01-a.md\n\nnewer"
    write(tmp_path / "thoughts" / "2026-03-01-a.md", "t" * 30_000, mtime=NOON)
    told = await recent_thought.gather(ask_for(tmp_path))
    assert len(told) < 20_200
    assert "cut here" in told


async def test_the_digest_is_told_when_there_is_one(tmp_path: Path) -> None:
    """A missing digest is an absent file; a blank one is nothing."""
    with pytest.raises(FileNotFoundError):
        await compiled_memory.gather(ask_for(tmp_path))
    write(tmp_path / "data" / "compiled-memory.md", " \n")
    assert await compiled_memory.gather(ask_for(tmp_path)) == ""
    write(tmp_path / "data" / "compiled-memory.md", "# People\nMira.\n")
    assert await compiled_memory.gather(ask_for(tmp_path)) == "# People\nMira."


async def test_echoes_say_why_there_are_none(tmp_path: Path) -> None:
    """The reason is part of the answer."""
    with pytest.raises(MissingError, match="the semantic index is not built yet"):
        await memory_echoes.gather(ask_for(tmp_path))


async def test_the_folders_are_the_homes_folders(tmp_path: Path) -> None:
    """Each folder that is told exists in every home, and those the resident writes are all there."""
    told = dict(await directories.gather(ask_for(tmp_path)))
    assert set(told) <= {folder.name for folder in FOLDERS}
    assert {"essays", "letters", "scores", "inner-thread", "prompt", "telegram", "bookshelf"} <= set(told)
    assert {f"{name}-description" for name in ("essays", "letters", "scores")} <= set(told)
    assert not {"mailbox", "visitor-greeting", "landing-summary", "data", "logs", "moderation"} & set(told)
