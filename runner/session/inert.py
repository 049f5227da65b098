"""Making words of others harmless to read: every line marked, nothing invisible, nothing that turns the writing round.

The text stays what it is wherever it is kept; this is only how it is shown to the model.
"""

import re
import unicodedata

# In emoji and in several scripts these two join what belongs together; all else that is invisible is shown by number.
_JOINERS = {"\u200c", "\u200d"}
_SUSPECT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c-\uffff\U00010000-\U0010ffff]+")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_SHOWN_AT_ONCE = 3
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def visible(text: str) -> str:
    """Control, formatting and direction characters, and those that no font shows, by their numbers."""
    return _SUSPECT.sub(_named, text)


def _named(run: re.Match[str]) -> str:
    shown: list[str] = []
    hidden: list[str] = []

    def tell() -> None:
        if len(hidden) > _SHOWN_AT_ONCE:
            shown.append(f"[{len(hidden)} invisible characters]")
        else:
            shown.extend(f"[U+{ord(char):04X}]" for char in hidden)
        hidden.clear()

    for char in run[0]:
        if unicodedata.category(char) in _HIDDEN and char not in _JOINERS:
            hidden.append(char)
        else:
            tell()
            shown.append(char)
    tell()
    return "".join(shown)


def quoted(text: str) -> str:
    """Every line marked as somebody else's, so that none can pass for a border or a heading of ours."""
    lines = [visible(line) for line in _LINE_ENDS.split(text.rstrip())]
    return "\n".join(f"> {line}" for line in lines) if text.strip() else "> (nothing)"


def one_line(text: str) -> str:
    """Short, on one line and without brackets: fit to stand in a border."""
    return re.sub(r"[\s<>|]+", " ", visible(text)).strip()[:80]


def name_of(text: str) -> str:
    """Somebody's name, fit to stand in a sentence of ours: letters, digits and what names have between them."""
    kept = "".join(char if char.isalnum() or char in " -_.'" else " " for char in text)
    return " ".join(kept.split())[:40]
