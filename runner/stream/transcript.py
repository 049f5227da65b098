"""The readable record of a session: everything that was said and done, in order, as one markdown page."""

import json
import re
from collections.abc import Iterable

import attrs

from runner.stream.records import Answered, ResultRecord, Said, Started, TextBlock, ToolResult, ToolUse, parse

RESULT_LIMIT = 500


def transcript(lines: Iterable[bytes], *, date: str) -> str:
    """The page made from a session's raw lines."""
    page = _Page()
    for line in lines:
        page.take(line)
    head = (
        f'---\ndate: "{date}"\nsession_id: "{page.session_id}"\nnum_turns: {page.turns}\n---\n\n# Session transcript\n'
    )
    final = f"\n## Final response\n\n{page.final.strip()}\n" if page.final.strip() else ""
    return head + "".join(page.parts) + final


@attrs.define(eq=False)
class _Page:
    session_id: str = ""
    turns: int = 0
    final: str = ""
    parts: list[str] = attrs.field(factory=list)
    _names: dict[str, str] = attrs.field(factory=dict)

    def take(self, line: bytes) -> None:
        match parse(line):
            case Started(session_id=session_id):
                self.session_id = _plain(session_id)
            case Said(blocks=blocks):
                for block in blocks:
                    self._said(block)
            case Answered(results=results):
                self.parts += [self._answered(result) for result in results]
            case ResultRecord() as ended:
                self.turns = ended.num_turns
                self.final = ended.result
            case _:
                return

    def _said(self, block: TextBlock | ToolUse) -> None:
        if isinstance(block, TextBlock):
            self.parts.append(f"\n{block.text.strip()}\n")
            return
        self._names[block.id] = block.name
        given = json.dumps(dict(block.input), ensure_ascii=False, indent=2)
        self.parts.append(f"\n## {_plain(block.name)}\n\n{fenced(given, 'json')}\n")

    def _answered(self, result: ToolResult) -> str:
        shown = result.content[:RESULT_LIMIT]
        cut = "" if shown == result.content else f"\n\n(cut: {len(result.content)} characters in all)"
        name = _plain(self._names.get(result.tool_use_id, "tool"))
        return f"\n**{name}{' failed' if result.is_error else ''}:**\n\n{fenced(shown)}{cut}\n\n---\n"


def fenced(text: str, language: str = "") -> str:
    """The text in a code block whose fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _plain(text: str) -> str:
    return re.sub(r"[^\w .:-]", "", text)
