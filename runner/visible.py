"""Text that acts on nothing: what a terminal would obey, or hide, is shown as its escape."""

import re

__all__ = ["visible", "visible_json"]

_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Characters that act instead of being seen: controls but for newline and tab, line separators, orders of writing."""


def visible(text: str, *, lines: bool = True) -> str:
    """The text with nothing in it that acts on a terminal; without `lines` it stays on one line."""
    text = _UNSEEN.sub(_escape, text)
    return text if lines else text.replace("\n", "\\n")


def visible_json(text: str) -> str:
    """The same for a text of JSON, which stays JSON and means what it meant."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
