"""Visitors' letters: put away when they were shown, by the sessions that show them, and never otherwise."""

import os
from pathlib import Path
from typing import Any

import pytest

from runner.session.hooks import visitors_archive
from runner.session.hooks.base import HookContext, NotDueError, Verdict
from runner.session.kinds import kind_of
from tests.runner.session.hooks.context import context_for, files_of
from tests.runner.session.stage import make_home

LATE_ON_THE_31ST = 1769907600 + 3600  # 2026-01-31 21:00 in New York, February elsewhere


def letter(home: Path, name: str, text: str = "hello") -> Path:
    path = home / "visitors" / name
    path.write_text(text)
    os.utime(path, (LATE_ON_THE_31ST, LATE_ON_THE_31ST))
    return path


def shown(home: Path, *names: str, **changes: Any) -> HookContext:
    context = context_for(home, **{"kind": kind_of("noon"), **changes})
    context.before.keep(home, names)
    return context


async def test_what_was_shown_is_put_away_by_the_month_it_was_written(tmp_path: Path) -> None:
    """Only the shown ones move, to the month of the home's calendar; a second run leaves all as it is."""
    home = make_home(tmp_path)
    letter(home, "a.md")
    context = shown(home, "a.md")
    letter(home, "came-later.md")
    assert await visitors_archive.run(context) is Verdict.DONE
    after = files_of(home / "visitors")
    assert set(after) == {"archive/2026-01/a.md", "came-later.md"}
    assert await visitors_archive.run(context) is Verdict.DONE
    assert files_of(home / "visitors") == after


async def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    """Nothing in the archive is overwritten, and nothing stays in the inbox for ever."""
    home = make_home(tmp_path)
    archive = home / "visitors" / "archive" / "2026-01"
    archive.mkdir(parents=True)
    (archive / "a.md").write_text("older")
    letter(home, "a.md", "newer")
    assert await visitors_archive.run(shown(home, "a.md")) is Verdict.DONE
    assert files_of(archive) == {"a.md": b"older", "a-2.md": b"newer"}
    assert not (home / "visitors" / "a.md").exists()


async def test_a_crash_between_the_two_steps_leaves_one_letter(tmp_path: Path) -> None:
    """Linked and not yet unlinked: the next run only takes the old name away."""
    home = make_home(tmp_path)
    path = letter(home, "a.md")
    context = shown(home, "a.md")
    archive = home / "visitors" / "archive" / "2026-01"
    archive.mkdir(parents=True)
    os.link(path, archive / "a.md")
    assert await visitors_archive.run(context) is Verdict.DONE
    assert set(files_of(home / "visitors")) == {"archive/2026-01/a.md"}


async def test_a_new_letter_of_the_same_name_stays(tmp_path: Path) -> None:
    """What was written into the place of a shown letter has not been seen."""
    home = make_home(tmp_path)
    context = shown(home, letter(home, "a.md").name)
    (home / "visitors" / "a.md").write_text("unseen")
    assert await visitors_archive.run(context) is Verdict.DONE
    assert files_of(home / "visitors") == {"a.md": b"unseen"}


@pytest.mark.parametrize(
    "changes", [{"exit_code": 1}, {"exit_code": None}, {"kind": kind_of("telegram")}, {"kind": kind_of("custom")}]
)
async def test_after_a_failure_or_another_type_all_stay(tmp_path: Path, changes: dict[str, Any]) -> None:
    """A session that did not end well, or that shows no letters, puts none away."""
    home = make_home(tmp_path)
    letter(home, "a.md")
    with pytest.raises(NotDueError):
        await visitors_archive.run(shown(home, "a.md", **changes))
    with pytest.raises(NotDueError, match="no visitor's letter"):
        await visitors_archive.run(shown(home))
    assert set(files_of(home / "visitors")) == {"a.md"}
