"""The block of keys that opens a content file, read as a person would: scalars as they are written, never an error.

An ordinary block is taken line by line. Any other goes through YAML's events, not its objects: an unquoted date stays
the text it is, and nothing is built that a file could make huge. What is no YAML is read by its lines, so that one odd
value costs neither itself nor the others. `Page.guessed` says what had to be guessed.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

import attrs

from runner.content import decoding
from runner.content.languages import read_toml, read_yaml
from runner.content.lines import end_of_keys, looks_like_key, read_lines
from runner.content.values import Value

_OPENING = re.compile(r"(?:[ \t\f\v]*\n)*(---|\+\+\+)[ \t]*(?:\n|\Z)")
_CLOSING = {"---": re.compile(r"(?:---|\.\.\.)[ \t]*(?:\n|\Z)"), "+++": re.compile(r"\+\+\+[ \t]*(?:\n|\Z)")}
_NEXT = {"---": re.compile(r"\n(?=---|\.\.\.)"), "+++": re.compile(r"\n(?=\+\+\+)")}
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)+")
_NO_CONTENT = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*")
_FIRST_LINE = re.compile(r"[^\n]*")
MOST_LINES_UNOPENED = 100
"""Lines of a block without an opening fence; a page that begins with a word and a colon is a page nearly always."""

USUAL = frozenset({"title", "date"})
"""Keys that tell a block which is no YAML, or lacks a fence, from a text that begins with a word and a colon."""

UNCLOSED = "the closing --- of the frontmatter is missing"
UNOPENED = "the opening --- of the frontmatter is missing"
BLANK_BEFORE = "there are blank lines before the opening --- of the frontmatter"


@attrs.frozen
class ParsedPage:
    """A file's keys and its text. No frontmatter, or none that can be read, is no keys and the whole file as text."""

    keys: Mapping[str, Value]
    body: str
    guessed: tuple[str, ...] = attrs.field(default=(), eq=False)
    """Sentences on what had to be guessed to find the keys."""
    odd: tuple[tuple[str, str], ...] = attrs.field(default=(), eq=False)
    """Keys whose value was guessed, each with a sentence on it."""
    fence: str = attrs.field(default="", eq=False)
    """The line that opens the block, at the very beginning; empty where there is none."""

    def text(self, key: str) -> str | None:
        """The value as words; of a list all of them, with commas between. None where there is none."""
        value = self.keys.get(key)
        return ", ".join(value) if isinstance(value, tuple) else value


def parse(data: bytes, names: AbstractSet[str] = USUAL) -> ParsedPage:
    """Read a file's bytes, whatever they are."""
    return parse_text(decoding.anyhow(data), names)


def parse_text(text: str, names: AbstractSet[str] = USUAL) -> ParsedPage:
    """Read a text that has LF at the ends of its lines. `names` are the keys that the reader knows."""
    opening = _OPENING.match(text)
    if opening is None:
        return _unopened(text, names) or ParsedPage({}, text)
    fence, start = opening[1], opening.end()
    before = (BLANK_BEFORE,) if opening.start(1) else ()
    closing = _closing(text, fence, start)
    if closing is None:
        page = _unclosed(text, fence, start, names)
    else:
        page = _closed(text, fence, text[start : closing.start()], closing, names)
    if page is None:
        return ParsedPage({}, text)
    return attrs.evolve(page, guessed=before + page.guessed, fence="") if before else page


def _closing(text: str, fence: str, start: int) -> re.Match[str] | None:
    """The line that ends the block: a fence and nothing else, where `----` is none."""
    found = _CLOSING[fence].match(text, start)
    if found is not None:
        return found
    for line in _NEXT[fence].finditer(text, max(start - 1, 0)):
        found = _CLOSING[fence].match(text, line.end())
        if found is not None:
            return found
    return None


def _closed(text: str, fence: str, block: str, closing: re.Match[str], names: AbstractSet[str]) -> ParsedPage | None:
    body = _without_blank_lines(text, closing.end())
    read = read_toml(block) if fence == "+++" else read_yaml(block)
    if read.keys is not None:
        return ParsedPage(read.keys, body, (), read.odd, fence)
    if _NO_CONTENT.fullmatch(block):
        return ParsedPage({}, body, fence=fence)
    lines = read_lines(block)
    if not lines.is_header or names.isdisjoint(lines.keys):
        return None
    if lines.end < len(block):  # prose follows: that fence is a line across the text, which stays
        return ParsedPage(
            lines.keys, _without_blank_lines(text, closing.start() - len(block) + lines.end), (UNCLOSED,), (), fence
        )
    name = "TOML" if fence == "+++" else "YAML"
    guess = f"the frontmatter is no valid {name} ({read.problem}); it was read line by line (put such a text in quotes)"
    return ParsedPage(lines.keys, body, (guess,), lines.odd, fence)


def _unclosed(text: str, fence: str, start: int, names: AbstractSet[str]) -> ParsedPage | None:
    """The lines that look like keys, up to the first that doesn't; none of them is a line across the text's top."""
    end = end_of_keys(text, start)
    block = text[start:end]
    lines = read_lines(block)
    if not lines.is_header or names.isdisjoint(lines.keys):
        return None
    read = read_toml(block) if fence == "+++" else read_yaml(block)
    body = _without_blank_lines(text, end)
    keys = lines.keys if read.keys is None else read.keys
    return ParsedPage(keys, body, (UNCLOSED.replace("---", fence),), lines.odd, fence)


def _unopened(text: str, names: AbstractSet[str]) -> ParsedPage | None:
    """A block that lacks its first line: nothing but keys, one of them a known one, and then a fence."""
    start = len(text) - len(text.lstrip("\n")) if text.startswith("\n") else 0
    if not looks_like_key(_first_line(text, start)):
        return None
    end = start
    for number, line in enumerate(_lines(text, start)):
        if number > MOST_LINES_UNOPENED or not line.strip():
            return None
        closing = _CLOSING["---"].match(text, end)
        if closing is not None:
            break
        if not (looks_like_key(line) or line[0] in " \t-"):
            return None
        end += len(line) + 1
    else:
        return None
    lines = read_lines(text[start:end])
    if names.isdisjoint(lines.keys):
        return None
    read = read_yaml(text[start:end])
    keys = lines.keys if read.keys is None else read.keys
    return ParsedPage(keys, _without_blank_lines(text, closing.end()), (UNOPENED,), lines.odd)


def _first_line(text: str, start: int) -> str:
    match = _FIRST_LINE.match(text, start)
    return match[0] if match else ""


def _lines(text: str, start: int) -> Iterator[str]:
    while start < len(text):
        line = _first_line(text, start)
        yield line
        start += len(line) + 1


def _without_blank_lines(text: str, start: int) -> str:
    """The rest of it without empty lines at its start; the indentation of the first line with text stays."""
    blank = _BLANK_LINES.match(text, start)
    return text[blank.end() if blank else start :]
