"""Markdown as the words it reads as."""

import pytest

from runner.search.text import CLOSE, OPEN, line, searchable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("# Heading\n\n> quoted\n> twice", "Heading quoted twice"),
        ("- one\n* two\n+ three\n1. four", "one two three four"),
        ("*soft* **loud** ~~gone~~ `code` _under_ snake_case", "soft loud gone code under snake_case"),
        ("see [the tide](https://example.org/x_y) and ![a boat](boat.png)", "see the tide and a boat"),
        ("above\n\n---\n\nbelow", "above below"),
        ("```python\nprint(1)\n```\nafter", "print(1) after"),
        ("___\n* * *\n~~~\nleft __over__ a__b _ ~", "left over a__b ~"),
        ("say [what [it] is](x) ![ and](y)!", "say [what [it] is](x) and!"),
        ("  two   blanks\u00a0here \t", "two blanks here"),
        (f"a{OPEN}b{CLOSE}c\x00d", "a b c d"),
        ("half \ud83c of a character", "half of a character"),
    ],
)
def test_marks_go_and_words_stay(written: str, read: str) -> None:
    """Headings, quotes, lists, emphasis, links, rules and fences leave their words alone."""
    assert searchable(written) == read


def test_letters_are_composed() -> None:
    """A letter with a separate accent is the same as the composed one."""
    assert line("cafe\u0301s") == "cafés"
