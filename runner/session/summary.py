"""Adding up a session from its records: figures, tools, files, and the last words."""

import posixpath
from collections import Counter
from pathlib import Path

import attrs

from runner.session.records import Ended, Record, Said, Started, TextBlock, ToolUse, Usage

SUMMARY_LIMIT = 200
_WRITES = {"write", "edit", "multiedit", "notebookedit"}
MOST_FILES = 1000


@attrs.define(eq=False)
class Summary:
    """What the records said so far."""

    home: Path
    claude_session_id: str | None = None
    model: str | None = None
    end: Ended | None = None
    """The last `result`; there may be none, and some runs write several."""
    result_lines: list[bytes] = attrs.field(factory=list)
    tools: Counter[str] = attrs.field(factory=Counter)
    written: dict[str, None] = attrs.field(factory=dict)
    read: dict[str, None] = attrs.field(factory=dict)
    last_text: str = ""

    def feed(self, record: Record | None, line: bytes) -> None:
        match record:
            case Started():
                self.claude_session_id = record.session_id or None
                self.model = record.model or None
            case Said():
                for block in record.blocks:
                    self._block(block)
            case Ended():
                self.end = record
                self.result_lines.append(line)
            case _:
                return

    @property
    def usage(self) -> Usage:
        return self.end.usage if self.end is not None else Usage()

    @property
    def failed(self) -> bool:
        return self.end is not None and (self.end.is_error or self.end.subtype not in {"success", ""})

    def reply(self) -> str:
        """The session's final text: what the model ended with, else the last thing it said, marked as cut short."""
        if self.end is not None and self.end.result and not self.failed:
            return self.end.result
        return f"{self.last_text}\n\n(cut short here)" if self.last_text else ""

    def headline(self) -> str:
        """The reply's beginning on one line, for lists."""
        return " ".join(self.reply().split())[:SUMMARY_LIMIT]

    def _block(self, block: TextBlock | ToolUse) -> None:
        if isinstance(block, TextBlock):
            self.last_text = block.text or self.last_text
            return
        self.tools[block.name[:100]] += 1
        path = block.input.get("file_path", block.input.get("notebook_path"))
        if isinstance(path, str) and path:
            files = self.written if block.name.lower() in _WRITES else self.read
            if len(files) < MOST_FILES:
                files[self._relative(path)] = None

    def _relative(self, path: str) -> str:
        whole = posixpath.normpath(posixpath.join(str(self.home), path))
        return whole.removeprefix(str(self.home).rstrip("/") + "/")
