"""The words of a markdown text, without its marks, for the index and for snippets."""

import re
import unicodedata

OPEN, CLOSE = "\x01", "\x02"
"""What stands around a hit until the text between is escaped; no indexed text holds them."""

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n`]*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\[\]\n]*)\]\([^()\n]*\)")
_LINE_START = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|(?:>[ \t]?)+|[-*+][ \t]+|\d{1,9}[.)][ \t]+)", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$", re.MULTILINE)
_MARKS = re.compile(r"\*+|~~|`+|(?<!\w)_+|_+(?!\w)")


def line(text: str) -> str:
    """Composed, on one line, without control characters; what a title needs."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    text = " ".join(text.split())
    return text if text.isprintable() else " ".join(_CONTROL.sub(" ", text).split())


def searchable(markdown: str) -> str:
    """The text as it reads: no fences, rules, bullets or emphasis, of links and images the words."""
    text = markdown
    if "```" in text or "~~~" in text:
        text = _FENCE.sub("", text)
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "---" in text or "***" in text or "___" in text or "- -" in text or "* *" in text:
        text = _RULE.sub("", text)
    text = _LINE_START.sub("", text)
    if any(mark in text for mark in "*~`_"):
        text = _MARKS.sub("", text)
    return line(text)
