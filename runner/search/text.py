"""The words of a markdown text, without its marks, for the index and for snippets."""

import html
import re
import unicodedata

from runner.content import Entry

OPEN, CLOSE = "\x01", "\x02"
"""What stands around a hit until the text between is escaped; no indexed text holds them."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$", re.MULTILINE)
# two, because a pattern that begins with one certain letter is found several times sooner
_LINK = re.compile(r"\[([^\[\]\n]*)\]\([^()\n]*\)")
_LINK_OR_IMAGE = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)")
_LINE_START = re.compile(r"[ \t]*(?:#{1,6}[ \t]+|(?:>[ \t]?)+|[-*+][ \t]+|\d{1,9}[.)][ \t]+)")
_RULE = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}")
_NUMBER = re.compile(r"\n[ \t]*\d")
_UNDERSCORES = re.compile("__*")
_UNDERSCORES_AND_STRIKES = re.compile("__*|~~")


def line(text: str) -> str:
    """Composed, on one line, without control characters and halves of characters; what a title needs."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = text.replace("\n", " ")
    while "  " in text:
        text = text.replace("  ", " ")
    if text.isprintable():
        return text.strip()
    text = " ".join(text.split())
    return text if text.isprintable() else " ".join(_CONTROL.sub(" ", text).split())


def searchable(markdown: str) -> str:
    """The text as it reads: no fences, rules, bullets or emphasis, of links and images the words."""
    text = markdown
    if "```" in text or "~~~" in text:
        text = _FENCE.sub("", text)
    text = "\n".join([_without_start(row) for row in _without_links(text).split("\n")])
    return line(_without_marks(text))


def as_read(entry: Entry) -> tuple[str, str]:
    """Title and text of an entry as they are indexed and shown."""
    return line(entry.title) or entry.slug, searchable(entry.body)


def said(entry: Entry, key: str) -> str | None:
    """What the entry says of itself under this key, if that is a word."""
    value = entry.meta.get(key)
    return value if isinstance(value, str) else None


def nearly_read(entry: Entry) -> tuple[str, str, bool]:
    """Title and text in a fraction of the time, good for looking for words; whether they have none that is not read.

    What is no word may be left in it: it is not on one line, and has fences, bullets and rules.
    """
    text = _without_links(entry.body)
    certain = "```" not in text and "~~~" not in text and not _NUMBER.search("\n" + text)
    text = _without_marks(text)
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return line(entry.title) or entry.slug, text, certain


def marked(text: str) -> str:
    """Escape first, then our own markers: nothing that was in a text can be a tag."""
    return html.escape(text, quote=False).replace(OPEN, "<mark>").replace(CLOSE, "</mark>")


def _without_links(text: str) -> str:
    if "](" not in text:
        return text
    return (_LINK_OR_IMAGE if "![" in text else _LINK).sub(r"\1", text)


def _without_marks(text: str) -> str:
    if "~~" in text:
        text = _UNDERSCORES_AND_STRIKES.sub(_kept_mark, text)
    elif "_" in text:
        text = _UNDERSCORES.sub(_kept_mark, text)
    return text.replace("*", "").replace("`", "")


def _without_start(row: str) -> str:
    first = row[:1]
    if first in " \t-*_" and _RULE.fullmatch(row):
        return ""
    start = _LINE_START.match(row) if first in "# \t>-*+" or first.isdecimal() else None
    return row[start.end() :] if start else row


def _kept_mark(mark: re.Match[str]) -> str:
    """Underscores within a word are part of it."""
    begin, end = mark.span()
    before, after = mark.string[max(begin - 1, 0) : begin], mark.string[end : end + 1]
    return mark[0] if mark[0] != "~~" and before.isalnum() and after.isalnum() else ""
