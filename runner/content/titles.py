"""What an entry is called that says no title: its first heading, else its file's name made readable."""

import re

LONGEST = 200
_ATX = re.compile(r" {0,3}#{1,6}(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
_KEY = re.compile(r"[\w-]+:\s")
_CODE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BLOCK = re.compile(r" {0,3}(?:[>#|]|[-*+][ \t]|\d{1,9}[.)][ \t])|[ \t]*\Z|(?: {4}|\t)")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_MARK = re.compile(r"(\*\*|\*|`|~~|(?<!\w)__?)(?=\S)(.+?)(?<=\S)\1(?!\w)")
_DATED = re.compile(r"^(\d{4}-\d{1,2}-\d{1,2})(?:[-_ ]+(.*))?$")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Without line ends and control characters; spaces within a line stay."""
    if text.isprintable():
        return text.strip()
    return " ".join(words for part in _CONTROLS.split(text) if (words := part.strip()))


def heading(body: str) -> str | None:
    """The words of the first heading that has some, outside of code."""
    last, fence = "", ""
    for row in body.split("\n"):
        code = _CODE.match(row)
        if fence:
            if code is not None and code[1].startswith(fence) and not row.strip().strip(fence[0]):
                fence = ""
            continue
        if code is not None:
            fence, last = code[1], ""
            continue
        match = _ATX.fullmatch(row)
        words = (match[1] or "") if match else last if last and _UNDERLINE.fullmatch(row) else ""
        found = _plain(words)
        if found:
            return found
        # a key above a line of dashes is what is left of a frontmatter
        last = "" if _BLOCK.match(row) or _KEY.match(row) else row.strip()
    return None


def from_name(stem: str) -> str:
    """`2026-02-03-late_night` as `Late Night`; of a name that is only a date the numbers."""
    dated = _DATED.match(stem)
    words = (dated[2] if dated and dated[2] else stem).replace("-", " ").replace("_", " ").split()
    return one_line(" ".join(word[:1].upper() + word[1:] for word in words)) or one_line(stem) or "Untitled"


def _plain(words: str) -> str:
    words = words[: 4 * LONGEST]  # nothing is gained by taking marks out of what is cut off
    return one_line(_MARK.sub(r"\2", _LINK.sub(r"\1", words)))[:LONGEST].strip()
