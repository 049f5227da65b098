"""Adding up a session from its records: figures, tools, files, and the last words."""

import posixpath
from collections import Counter
from pathlib import Path

import attrs

from runner.stream.records import Record, ResultRecord, Said, Started, TextBlock, ToolUse, Usage

SUMMARY_LIMIT = 200
MOST_TOOLS = 200
MOST_LINES = 100
PATH_LIMIT = 4096
_WRITES = {"write", "edit", "multiedit", "notebookedit"}
MOST_FILES = 1000


@attrs.define(eq=False)
class Summary:
    """What the records said so far."""

    home: Path
    claude_session_id: str | None = None
    model: str | None = None
    end: ResultRecord | None = None
    """The `result` that counts, with the greatest figures of all: a program that goes on after one writes another, and
    its figures are of the whole run so far. There may be none.
    """
    excused: bool = False
    """An empty error came behind a success: neither it nor the exit code that follows from it counts."""
    result_lines: list[bytes] = attrs.field(factory=list)
    tools: Counter[str] = attrs.field(factory=Counter)
    written: dict[str, None] = attrs.field(factory=dict)
    read: dict[str, None] = attrs.field(factory=dict)
    last_text: str = ""
    _said_since: list[str] = attrs.field(factory=list)
    """Texts that came behind the last result."""
    _went_on: bool = False
    """Something was said or done behind the last result."""

    def feed(self, record: Record | None, line: bytes) -> None:
        match record:
            case Started():
                self.claude_session_id = record.session_id or self.claude_session_id
                self.model = record.model or self.model
            case Said():
                self._went_on = True
                for block in record.blocks:
                    self._block(block)
            case ResultRecord():
                self._ended(record)
                self.result_lines.append(line)
                del self.result_lines[:-MOST_LINES]
            case _:
                return

    @property
    def usage(self) -> Usage:
        return self.end.usage if self.end is not None else Usage()

    @property
    def failed(self) -> bool:
        return self.end is not None and _is_failure(self.end)

    @property
    def ended_well(self) -> bool:
        """The model has come to its own end, whatever became of its process or of us."""
        return self.end is not None and not self.failed

    def reply(self) -> str:
        """The session's final text: what the model ended with, else the last thing it said, marked as cut short."""
        if self.end is not None and self.end.result and not self.failed:
            return "\n\n".join([self.end.result, *self._said_since])
        return f"{self.last_text}\n\n(cut short here)" if self.last_text else ""

    def headline(self) -> str:
        """The reply's beginning on one line, for lists."""
        return " ".join(self.reply().split())[:SUMMARY_LIMIT]

    def _ended(self, record: ResultRecord) -> None:
        before, went_on = self.end, self._went_on
        self._said_since, self._went_on = [], False
        if before is None:
            self.end = record
            return
        self.excused = _is_empty_error(record) and not _is_failure(before) and not went_on
        counts = before if self.excused else record
        self.end = attrs.evolve(
            counts,
            duration_ms=max(before.duration_ms, record.duration_ms),
            num_turns=max(before.num_turns, record.num_turns),
            cost_usd=max(before.cost_usd, record.cost_usd),
            usage=Usage(*map(max, attrs.astuple(before.usage), attrs.astuple(record.usage))),
        )

    def _block(self, block: TextBlock | ToolUse) -> None:
        if isinstance(block, TextBlock):
            self.last_text = block.text or self.last_text
            if self.end is not None and block.text.strip():
                self._said_since.append(block.text)
            return
        if block.name in self.tools or len(self.tools) < MOST_TOOLS:
            self.tools[block.name] += 1
        path = block.input.get("file_path", block.input.get("notebook_path"))
        if isinstance(path, str) and path:
            files = self.written if block.name.lower() in _WRITES else self.read
            if len(files) < MOST_FILES:
                files[self._relative(path[:PATH_LIMIT])] = None

    def _relative(self, path: str) -> str:
        whole = posixpath.normpath(posixpath.join(str(self.home), path))
        return whole.removeprefix(str(self.home).rstrip("/") + "/")


def _is_failure(record: ResultRecord) -> bool:
    return record.is_error or record.subtype not in {"success", ""}


def _is_empty_error(record: ResultRecord) -> bool:
    """Says that something went wrong, and not a word of what."""
    return record.subtype == "error_during_execution" and not record.result.strip()
