"""Markdown as HTML that can do no harm: raw HTML off, then an allow-list over what was rendered."""

from collections.abc import MutableMapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

import attrs
import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.tasklists import tasklists_plugin

TAGS = {
    *("a", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "input"),
    *("li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES = {
    "a": {"href", "title", "class"},
    "code": {"class"},
    "div": {"class"},
    "img": {"src", "alt", "title", "loading"},
    "input": {"type", "checked", "disabled", "class"},
    "li": {"class"},
    "ol": {"start"},
    "pre": {"class"},
    "span": {"class"},
    "td": {"align"},
    "th": {"align"},
    "ul": {"class"},
}
SCHEMES = {"http", "https", "mailto"}


def reading_minutes(text: str) -> int:
    """At 200 words a minute, never less than one."""
    return max(1, round(len(text.split()) / 200))


def _clean(html: str) -> str:
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="noopener noreferrer")


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.use(tasklists_plugin)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    return parser


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    if urlsplit(str(token.attrGet("href") or "")).netloc:
        token.attrSet("class", "external")
    return renderer.renderToken(tokens, index, options, environment)


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    token = tokens[index]
    source = str(token.attrGet("src") or "")
    parts = urlsplit(source)
    if parts.scheme or parts.netloc:  # the page would tell another site who reads it
        return f'<a class="external" href="{escape(source)}">{escape(token.content or source)}</a>'
    token.attrSet("loading", "lazy")
    return renderer.image(tokens, index, options, environment)


def _heading(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: MutableMapping[str, Any]
) -> str:
    """The page has its own h1: the text's headings go one down."""
    token = tokens[index]
    token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
    return renderer.renderToken(tokens, index, options, environment)


@attrs.define(eq=False)
class Markdown:
    """The renderer: built once, used from any thread, holds nothing of what it renders."""

    _parser: MarkdownIt = attrs.field(factory=_parser, init=False)

    def html(self, text: str) -> str:
        """GFM: tables, strikes, task lists. Links to other sites are marked; images only from this one."""
        return _clean(self._parser.render(text))

    def verse(self, text: str) -> str:
        """Poetry and ASCII: set exactly as it was written."""
        return _clean(f'<pre class="verse">{escape(text)}</pre>')
