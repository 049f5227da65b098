"""The home tools: useful inside, closed to everything else, and never an exception."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.tools import files as module
from runner.tools.files import HomeTools
from tests.runner.session.stage import make_home


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path)


def refused(home: Path, name: str, **given: Any) -> str:
    answer = HomeTools(home).call(name, given)
    assert answer.is_error, answer
    return answer.content


def done(home: Path, name: str, **given: Any) -> str:
    answer = HomeTools(home).call(name, given)
    assert not answer.is_error, answer
    return answer.content


def test_files_are_written_read_and_edited(home: Path) -> None:
    """Writing makes missing folders, reading gives the text back, editing replaces the one passage; modes are kept."""
    done(home, "Write", file_path="projects/sea/notes.md", content="low tide\n")
    (home / "projects" / "sea" / "notes.md").chmod(0o600)
    done(home, "Edit", file_path=str(home / "projects/sea/notes.md"), old_string="low", new_string="high")
    assert done(home, "Read", file_path="projects/sea/notes.md") == "high tide\n"
    assert (home / "projects" / "sea" / "notes.md").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (home / "projects" / "sea").iterdir()] == ["notes.md"]


def test_lists_and_searches_leave_closed_places_out(home: Path) -> None:
    """A listing of the home hides closed folders and hidden names; a search finds lines, never in closed places."""
    (home / "runner" / ".env").write_text("kestrel")
    (home / "data" / "x.md").write_text("kestrel")
    (home / "thoughts" / "a.md").write_text("one\na Kestrel flew\n")
    (home / "thoughts" / "binary").write_bytes(b"kestrel\0")
    (home / "thoughts" / "link.md").symlink_to(home / "data" / "x.md")
    (home / "thoughts" / "sub").mkdir()
    assert "data/" not in done(home, "List").splitlines()
    assert done(home, "List", path="thoughts") == "a.md\nbinary\nlink.md\nsub/"
    assert done(home, "List", path="thoughts/sub") == "(empty)"
    assert done(home, "Search", pattern="KESTREL").splitlines() == [
        "memory/memory.md:1: The kettle is called kestrel.",
        "thoughts/a.md:2: a Kestrel flew",
    ]
    assert done(home, "Search", pattern="nowhere at all", path="thoughts") == "nothing found"


def test_long_answers_are_cut_and_say_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings and searches have an end."""
    monkeypatch.setattr(module, "ENTRIES", 2)
    monkeypatch.setattr(module, "MATCHES", 2)
    for number in range(4):
        (home / "thoughts" / f"{number}.md").write_text("word\n")
    assert done(home, "List", path="thoughts").endswith("... and 2 more")
    assert done(home, "Search", pattern="word", path="thoughts").endswith("... and maybe more")


@pytest.mark.parametrize(
    "path",
    [
        "runner/.env",
        "data/x",
        "moderation/x",
        "logs/x",
        "../x",
        "/etc/hostname",
        "thoughts/../data/x",
        "./data/../data/x",
        "sessions.db",
        ".git/config",
        "sandbox/.git/config",
        ".claude/settings.json",
        "thoughts/.env",
        "keys.pem",
        "thoughts/a\0b",
        "",
        ".",
        "thoughts",
        "thoughts/leave/x",
        "thoughts/link",
        "thoughts/pipe",
        "thoughts/absent",
        "absent/absent",
        "memory/memory.md/x",
    ],
)
def test_what_is_closed_is_refused(home: Path, path: str) -> None:
    """Closed folders, keys, links, pipes and everything outside are refused for reading; nothing of them is told."""
    for name in ("runner/.env", "data/x", "moderation/x", "logs/x", "../x"):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("secret-word")
    (home / "thoughts" / "leave").symlink_to(home.parent)
    (home / "thoughts" / "link").symlink_to(home.parent / "x")
    os.mkfifo(home / "thoughts" / "pipe")
    assert "secret-word" not in refused(home, "Read", file_path=path)


@pytest.mark.parametrize(
    "path", ["data/x", "../x", "thoughts/leave/x", "thoughts/link", "thoughts", ".git/hooks/x", ""]
)
def test_nothing_is_written_where_it_should_not(home: Path, path: str) -> None:
    """Writing into closed places, through links or over a folder is refused and leaves no file, no half one either."""
    (home / "thoughts" / "leave").symlink_to(home.parent)
    (home / "thoughts" / "link").symlink_to(home.parent / "x")
    before = sorted(str(found) for found in home.parent.rglob("*"))
    refused(home, "Write", file_path=path, content="x")
    assert sorted(str(found) for found in home.parent.rglob("*")) == before


def test_wrong_calls_get_an_answer(home: Path) -> None:
    """An unknown tool, a missing argument, a wrong type, an ambiguous edit: an error to read, never a crash."""
    assert "you have" in refused(home, "Bash", command="ls")
    assert "file_path" in refused(home, "Read")
    assert "file_path" in refused(home, "Read", file_path=7)
    assert "content" in refused(home, "Write", file_path="thoughts/a.md", content=["x"])
    done(home, "Write", file_path="thoughts/a.md", content="aa")
    assert "2 times" in refused(home, "Edit", file_path="thoughts/a.md", old_string="a", new_string="b")
    assert "0 times" in refused(home, "Edit", file_path="thoughts/a.md", old_string="z", new_string="b")


def test_sizes_are_bounded(home: Path) -> None:
    """Too much to read or to write is refused with the limit named."""
    (home / "thoughts" / "big.md").write_text("x" * (module.READ_LIMIT + 1))
    assert "256 KiB" in refused(home, "Read", file_path="thoughts/big.md")
    refused(home, "Write", file_path="thoughts/b.md", content="x" * (module.WRITE_LIMIT + 1))


def test_the_tools_offered_follow_the_setting() -> None:
    """The CLI's names for looking around stand for ours; what is not allowed is neither offered nor done."""
    tools = HomeTools(Path("/nowhere"), ("Read", "Glob", "Grep"))
    assert tools.names() == ("Read", "List", "Search")
    assert [found["name"] for found in tools.definitions()] == ["Read", "List", "Search"]
    assert tools.call("Write", {"file_path": "a", "content": "b"}).is_error
    assert tools.call("Read", {"file_path": "a"}).is_error


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["..", ".", "thoughts", "leave", "data", "x", "", "/", "home"]), max_size=6))
def test_no_path_leads_out(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    """Whatever path is put together, only what lies inside the home can be read."""
    home = make_home(tmp_path_factory.mktemp("t"))
    (home.parent / "x").write_text("outside")
    (home / "data" / "x").write_text("outside")
    (home / "leave").symlink_to(home.parent)
    answer = HomeTools(home).call("Read", {"file_path": "/".join(parts)})
    assert "outside" not in answer.content or "outside your home" in answer.content
