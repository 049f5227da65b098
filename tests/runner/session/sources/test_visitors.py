"""Visitors' letters: which are shown, how much of each, and the line that counts them."""

from datetime import timedelta
from pathlib import Path

from runner.session.kinds import KINDS
from runner.session.sources import visitor_check, visitors
from runner.session.sources.base import Letters
from tests.runner.session.asking import NOON, ask_for, write


async def shown(home: Path, kind: str = "noon") -> Letters:
    return await visitors.gather(ask_for(home, kind))


async def test_a_letter_is_told_with_file_sender_date_and_text(tmp_path: Path) -> None:
    """The frontmatter becomes two lines before the text; a file without any is text alone; empty keys make no line."""
    write(
        tmp_path / "visitors" / "2026-02-06-0910-mira.md",
        '---\ndate: "2026-02-06"\nfrom: "Mira"\n---\n\nI walked past a lighthouse.\n',
    )
    write(tmp_path / "visitors" / "2026-02-07-0910-x.md", "bare words\n")
    write(tmp_path / "visitors" / "2026-02-08-0910-y.md", '---\nfrom: ""\n---\n')
    first, second, third = (await shown(tmp_path)).shown
    assert (first.source, first.file) == ("visitors/2026-02-06-0910-mira.md", "2026-02-06-0910-mira.md")
    assert first.text == "from: Mira\ndate: 2026-02-06\n\nI walked past a lighthouse."
    assert second.text == "bare words"
    assert third.text == ""


async def test_whatever_still_lies_there_is_unread(tmp_path: Path) -> None:
    """A letter of last year is shown like one of today, oldest first by the date in its name, or else by its time."""
    write(tmp_path / "visitors" / "2026-03-01-1200-b.md", "second", mtime=NOON - timedelta(days=400))
    write(tmp_path / "visitors" / "2025-01-01-1200-z.md", "first", mtime=NOON)
    write(tmp_path / "visitors" / "dropped-in.md", "third", mtime=NOON)
    write(tmp_path / "visitors" / "archive" / "2026-02" / "old.md", "archived")
    write(tmp_path / "visitors" / "README.md", "about")
    assert [letter.text for letter in (await shown(tmp_path)).shown] == ["first", "second", "third"]


async def test_a_long_letter_is_cut_and_a_letter_too_many_waits_whole(tmp_path: Path) -> None:
    """2,000 characters of each, 12,000 in all; the first that does not fit waits for another time, and is counted."""
    for number in range(9):
        write(tmp_path / "visitors" / f"2026-03-0{number + 1}-a.md", f"{number}" + "x" * 2_500)
    found = await shown(tmp_path)
    assert len(found.shown) == 5
    assert found.more == 4
    assert len(found) <= visitors.TOTAL_LIMIT
    assert all(letter.text.endswith("[... cut here]") for letter in found.shown)
    assert found.shown[0].text.startswith("0xxx")


async def test_twenty_letters_are_shown_at_most(tmp_path: Path) -> None:
    """The rest is counted; a file that can't be read is neither shown nor counted, and loses no other."""
    for number in range(25):
        write(tmp_path / "visitors" / f"2026-03-01-00{number:02}-a.md", "hi")
    write(tmp_path / "visitors" / "2026-01-01-huge.md", "x" * (visitors.FILE_LIMIT + 1))
    found = await shown(tmp_path)
    assert len(found.shown) == 20
    assert found.more == 5


async def test_only_some_types_see_visitors(tmp_path: Path) -> None:
    """Scheduled, visit and self sessions do; private ones and tasks see neither letters nor their number."""
    write(tmp_path / "visitors" / "2026-03-01-a.md", "hi")
    for name, kind in KINDS.items():
        ask = ask_for(tmp_path, name)
        assert bool(await visitors.gather(ask)) == kind.shows_visitors
        assert bool(await visitor_check.gather(ask)) == kind.shows_visitors


async def test_the_line_counts_and_the_folder_is_read_once(tmp_path: Path) -> None:
    """Singular and plural, how many more wait, and nothing when nobody was there."""
    assert await visitor_check.gather(ask_for(tmp_path)) == ""
    write(tmp_path / "visitors" / "2026-03-01-a.md", "hi")
    ask = ask_for(tmp_path)
    assert (await visitor_check.gather(ask)).startswith("Visitors left 1 letter that")
    for number in range(25):
        write(tmp_path / "visitors" / f"2026-03-02-00{number:02}-a.md", "hi")
    assert len((await visitors.gather(ask)).shown) == 1
    told = await visitor_check.gather(ask_for(tmp_path))
    assert "20 letters" in told
    assert "6 more will be shown" in told
