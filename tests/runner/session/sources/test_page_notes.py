"""The resident is told which of its pages are not as they should be, shortly, until it has mended them."""

import os
from pathlib import Path

from runner.resources import prompts_dir
from runner.session.context import gather
from runner.session.prompt import Prompter, PromptInput
from runner.session.sources import page_notes, recent_thought
from runner.tools.capabilities import Capabilities
from tests.runner.session.asking import ask_for, write


async def test_the_newest_are_named_with_what_to_mend(tmp_path: Path) -> None:
    """A few by name, of the rest the number; nothing at all where every page is well."""
    write(tmp_path / "thoughts" / "good.md", "---\ndate: 2026-02-03\ntitle: T\n---\n")
    assert await page_notes.gather(ask_for(tmp_path)) == ""
    for number in range(page_notes.MOST + 3):
        path = write(tmp_path / "essays" / f"{number}.md", f"---\ndate: 2026-02-03\ntitle: Part {number}: Salt\n---\n")
        os.utime(path, (number, number))
    intro, *lines, more = (await page_notes.gather(ask_for(tmp_path))).split("\n")
    assert intro == page_notes.INTRO
    assert [line.partition(":")[0] for line in lines] == [f"- essays/{number}.md" for number in (7, 6, 5, 4, 3)]
    assert all("put such a text in quotes" in line for line in lines)
    assert more == "- and 3 more"


async def test_names_and_values_are_harmless_on_their_line(tmp_path: Path) -> None:
    """Whatever a file is called and says, its note is one visible line of bearable length."""
    turned = "x\u202e" * 400
    write(tmp_path / "thoughts" / "a\u202e\n# b.md", f"---\ntitle: T\ndate: {turned}\n---\n")
    (line,) = (await page_notes.gather(ask_for(tmp_path))).split("\n")[1:]
    assert len(line) <= page_notes.LINE_LIMIT + 2
    assert line.isprintable()


async def test_the_next_prompt_has_them(tmp_path: Path) -> None:
    """The section stands in the system prompt while there is something to mend, and is gone afterwards."""
    path = write(tmp_path / "thoughts" / "odd.md", "---\ndate: soon\ntitle: T\n---\nwords")
    prompter = Prompter(prompts_dir(), Capabilities(("Read", "Write")))
    ask = ask_for(tmp_path)
    system = prompter.render(ask, await gather(ask, offline=True), PromptInput()).system
    assert '<section name="house notes">' in system
    assert "- thoughts/odd.md: date 'soon' is no day; " in system
    write(path, "---\ndate: 2026-02-03\ntitle: T\n---\nwords")
    ask = ask_for(tmp_path)
    assert "house notes" not in prompter.render(ask, await gather(ask, offline=True), PromptInput()).system


async def test_the_newest_thought_is_read_as_it_is_served(tmp_path: Path) -> None:
    """In whatever encoding it was saved; a picture among the thoughts is none."""
    path = write(tmp_path / "thoughts" / "a.md", "")
    path.write_bytes("Grüße".encode("utf-16"))
    (tmp_path / "thoughts" / "b.md").write_bytes(b"\x89PNG\r\n\x1a\n")
    os.utime(path, (5, 5))
    assert await recent_thought.gather(ask_for(tmp_path)) == "a.md\n\nGrüße"
