"""The folders of a home."""

import os
import stat
from pathlib import Path

import pytest

from runner.errors import HomeMissing, UnusableHome
from runner.home import FOLDERS, make_tree, require_home
from runner.settings import Paths

PRIVATE = {"memory", "prompt", "inner-thread", "visitors", "mailbox", "telegram", "conversations", "transcripts"}
PRIVATE |= {"moderation", "logs", "data", "runner"}


def test_whole_tree(tmp_path: Path) -> None:
    """Every folder is made once, private state closed to others; a second time nothing is left to do."""
    made = make_tree(Paths(home=tmp_path))
    assert made == tuple(folder.name for folder in FOLDERS)
    assert make_tree(Paths(home=tmp_path)) == ()
    for folder in FOLDERS:
        mode = stat.S_IMODE((tmp_path / folder.name).stat().st_mode)
        assert mode == (0o700 if folder.name.split("/")[0] in PRIVATE else 0o755), folder.name


def test_what_is_there_stays(tmp_path: Path) -> None:
    """An existing folder keeps its permissions and its content."""
    (tmp_path / "thoughts").mkdir(mode=0o750)
    (tmp_path / "thoughts/a.md").write_text("x")
    assert "thoughts" not in make_tree(Paths(home=tmp_path))
    assert stat.S_IMODE((tmp_path / "thoughts").stat().st_mode) == 0o750
    assert (tmp_path / "thoughts/a.md").read_text() == "x"


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """A file where a folder belongs is named."""
    (tmp_path / "dreams").write_text("x")
    with pytest.raises(UnusableHome, match="dreams can't be made: something that is not a folder"):
        make_tree(Paths(home=tmp_path))


def test_require_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing home names init; a file, and a folder this user can't use, are told apart from it."""
    with pytest.raises(HomeMissing, match=f"{tmp_path}/h does not exist; make one with: claude-runner init --home"):
        require_home(tmp_path / "h")
    (tmp_path / "f").write_text("")
    with pytest.raises(UnusableHome, match="is not a folder"):
        require_home(tmp_path / "f")
    require_home(tmp_path)
    # asked of the system, because for the superuser no permission would make a difference
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UnusableHome, match="can't be read and written by this user"):
        require_home(tmp_path)
