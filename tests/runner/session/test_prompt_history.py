"""Keeping what a session may spoil, and saying when it has."""

from pathlib import Path

import pytest

from runner.session.prompt_history import KEPT, keep_life, keep_prompt, lost_share, memory_loss
from tests.runner.session.stage import make_home, settings_for


def test_the_three_life_files_are_kept_for_sixty_sessions(tmp_path: Path) -> None:
    """Private copies by session, the oldest gone; a file that is not there has none."""
    home = make_home(tmp_path)
    paths = settings_for(home).paths
    for number in range(KEPT + 5):
        keep_life(paths, f"20260302-0900{number:02}")
        keep_prompt(paths.prompt_history, f"20260302-0900{number:02}", "x")
    kept = sorted(path.name for path in (home / "data" / "backup" / "life").iterdir())
    assert (len(kept), kept[0]) == (KEPT, "20260302-090005")
    assert len(list(paths.prompt_history.iterdir())) == KEPT
    copies = {path.name: path.read_text() for path in (home / "data" / "backup" / "life" / kept[0]).iterdir()}
    assert copies == {"memory.md": "The kettle is called kestrel.\n", "prompt.md": "Remember the word larkspur.\n"}
    assert (home / "data" / "backup" / "life").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        ("a b c d", "a b c d e", 0.0),
        ("a b c d", "d c, b. A!", 0.0),
        ("a b c d", "a b c", 0.25),
        ("a b c d", "", 1.0),
        ("a a b", "a", pytest.approx(2 / 3)),
        ("", "a", 0.0),
    ],
)
def test_what_is_lost_is_counted_in_words(before: str, now: str, share: float) -> None:
    """Moving and adding lose nothing; each use of a word counts."""
    assert lost_share(before, now) == share


def test_a_quarter_may_go_and_more_is_told(tmp_path: Path) -> None:
    """With where the old text is; a deleted file is a loss, a session without a copy has nothing to say."""
    home = make_home(tmp_path)
    paths = settings_for(home).paths
    assert memory_loss(paths, "s") == ""
    paths.memory_md.write_text("a b c d")
    keep_life(paths, "s")
    paths.memory_md.write_text("a b c")
    assert memory_loss(paths, "s") == ""
    paths.memory_md.write_text("a b")
    assert memory_loss(paths, "s") == "memory.md lost 50% of its words; as it was: data/backup/life/s/memory.md"
    paths.memory_md.unlink()
    assert "100%" in memory_loss(paths, "s")
