import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.content import Markdown, reading_minutes

MARKDOWN = Markdown()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One\n\n## Two", "<h2>One</h2>\n<h3>Two</h3>\n"),
        ("~~gone~~ **b** *e*", "<p><s>gone</s> <strong>b</strong> <em>e</em></p>\n"),
        ("![alt](pic.png)", '<p><img src="pic.png" alt="alt" loading="lazy"></p>\n'),
    ],
)
def test_what_is_rendered(text: str, html: str) -> None:
    """Markdown becomes the HTML that people expect of it, a step below the page's own heading."""
    assert MARKDOWN.html(text) == html


def test_tables_and_task_lists() -> None:
    """GFM's tables and boxes with their state are there."""
    html = MARKDOWN.html("| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- [ ] not\n")
    assert "<table>" in html
    assert html.count('type="checkbox"') == 2
    assert html.count('checked="checked"') == 1


def test_links_out_are_marked() -> None:
    """A link to another site is marked and gives nothing away; one of our own is plain."""
    html = MARKDOWN.html("[a](https://example.org/) [b](/thoughts)")
    assert 'href="https://example.org/" class="external"' in html
    assert 'rel="noopener noreferrer"' in html
    assert html.count("external") == 1


@pytest.mark.parametrize("source", ["https://example.org/a.png", "//example.org/a.png"])
def test_other_sites_images_are_links(source: str) -> None:
    """A picture from elsewhere is not loaded: its owner would learn who reads."""
    html = MARKDOWN.html(f"![alt]({source})")
    assert "<img" not in html
    assert ">alt</a>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        '<img src=x onerror="alert(1)">',
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="x" style="x" onclick="x">y</a>',
    ],
)
def test_nothing_harmful_is_left(text: str) -> None:
    """Raw HTML is text, and an address that runs something is none."""
    html = MARKDOWN.html(text)
    assert not re.search(r"<(script|img|style)|<[^>]*(on\w+=|javascript:|data:)", html)


@given(st.text(max_size=200))
def test_only_allowed_tags_come_out(text: str) -> None:
    """Whatever is written, no tag outside the list is in the page."""
    tags = set(re.findall(r"<([a-z0-9]+)", MARKDOWN.html(text)))
    assert tags <= {
        *("a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "img", "input", "li"),
        *("ol", "p", "pre", "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }


def test_verse_is_set_as_written() -> None:
    """Indentation and spacing of poetry and ASCII stay, markup in them is text."""
    assert MARKDOWN.verse("  a\n    <b>*\n") == '<pre class="verse">  a\n    &lt;b&gt;*\n</pre>'


@pytest.mark.parametrize(("words", "minutes"), [(0, 1), (200, 1), (500, 2), (1000, 5)])
def test_reading_time(words: int, minutes: int) -> None:
    """Two hundred words are a minute, and nothing is read in less than one."""
    assert reading_minutes("word " * words) == minutes
