"""The records a model process writes, one JSON object a line, read with tolerance for every shape.

All backends speak the `stream-json` dialect of the Claude Code CLI, so everything after this module is one for all.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from runner.storage.storable import cleaned, encodable

MOST_TOKENS = 10**12
MOST_TURNS = 10**9
MOST_USD = 1e6
MOST_MS = 1e12
"""More than any session can come to: a figure beyond is the sender's mistake, and is taken as this one."""
_DIGITS = 400
NAME_LIMIT = 200
"""Of what is a name, and no text: a model, an id, a tool."""


@attrs.frozen
class TextBlock:
    text: str


@attrs.frozen
class ToolUse:
    id: str
    name: str
    input: Mapping[str, Any]


@attrs.frozen
class ToolResult:
    tool_use_id: str
    content: str
    is_error: bool


@attrs.frozen
class Started:
    """The process has introduced itself."""

    session_id: str
    model: str


@attrs.frozen
class Notice:
    """Any other `system` record: retries, status changes, compaction."""

    subtype: str
    fields: Mapping[str, Any]


@attrs.frozen
class Said:
    """Finished blocks of an answer, in order; tool calls among them."""

    blocks: tuple[TextBlock | ToolUse, ...]
    error: str = ""
    """The CLI's own word for an answer that is really a failure, such as `authentication_failed`."""


@attrs.frozen
class Answered:
    """Results of tool calls, in order."""

    results: tuple[ToolResult, ...]


@attrs.frozen
class BlockOpened:
    index: int
    kind: str


@attrs.frozen
class TextArrived:
    """The next piece of a block that is still being written."""

    index: int
    text: str


@attrs.frozen
class BlockClosed:
    index: int


@attrs.frozen
class MessageOpened:
    """A new answer begins; blocks of an answer that broke off are void."""


@attrs.frozen
class Usage:
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_creation_tokens: int = 0


@attrs.frozen
class ResultRecord:
    """The `result` record."""

    subtype: str
    is_error: bool
    result: str
    session_id: str
    duration_ms: float
    num_turns: int
    cost_usd: float
    usage: Usage
    model: str


Record: TypeAlias = (
    Started | Notice | Said | Answered | MessageOpened | BlockOpened | TextArrived | BlockClosed | ResultRecord
)


def parse(line: bytes) -> Record | None:
    """The record on this line; None for what is no record of ours: plain text, half a line, an unknown type."""
    stripped = line.strip()
    if not stripped.startswith(b"{"):
        return None
    try:
        value = read(stripped)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    match value.get("type"):
        case "system":
            return _system(value)
        case "assistant":
            return Said(_said(_content(value)), _word(value.get("error")))
        case "user":
            results = tuple(_result(block) for block in _content(value) if block.get("type") == "tool_result")
            return Answered(results) if results else None
        case "stream_event":
            return _stream_event(value)
        case "result":
            return _ended(value)
    return None


def read(line: bytes) -> Any:
    """The JSON value of a line, with its texts encodable; broken bytes and numbers of any length are no fault.

    ValueError or RecursionError for what is no JSON at all.
    """
    text = line.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of more digits than Python likes to read
        value = json.loads(text, parse_int=_whole)
    # an escaped half of a pair is the only way in for one, now that the bytes are decoded
    return cleaned(value) if "\\ud" in text or "\\uD" in text else value


def _system(value: Mapping[str, Any]) -> Record:
    if value.get("subtype") == "init":
        return Started(_name(value.get("session_id")), _name(value.get("model")))
    return Notice(_name(value.get("subtype")), value)


def _content(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    message = value.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        return []
    return [block for block in content if isinstance(block, dict)]


def _said(content: list[Mapping[str, Any]]) -> tuple[TextBlock | ToolUse, ...]:
    blocks: list[TextBlock | ToolUse] = []
    for block in content:
        if block.get("type") == "text":
            blocks.append(TextBlock(_word(block.get("text"))))
        elif block.get("type") == "tool_use":
            given = block.get("input")
            blocks.append(
                ToolUse(_word(block.get("id")), _name(block.get("name")), given if isinstance(given, dict) else {})
            )
    return tuple(blocks)


def _result(block: Mapping[str, Any]) -> ToolResult:
    content = block.get("content")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = " ".join(part for part in parts if isinstance(part, str))
    return ToolResult(
        _word(block.get("tool_use_id")), content if isinstance(content, str) else "", block.get("is_error") is True
    )


def _stream_event(value: Mapping[str, Any]) -> Record | None:
    event = value.get("event")
    if not isinstance(event, dict) or value.get("parent_tool_use_id"):
        return None  # a helper of the resident's writes at the same time: its pieces would mix with the resident's own
    index = event.get("index")
    number = index if isinstance(index, int) else 0
    match event.get("type"):
        case "message_start":
            return MessageOpened()
        case "content_block_start":
            block = event.get("content_block")
            return BlockOpened(number, _word(block.get("type")) if isinstance(block, dict) else "")
        case "content_block_delta":
            delta = event.get("delta")
            if isinstance(delta, dict) and delta.get("type") == "text_delta":
                return TextArrived(number, _word(delta.get("text")))
        case "content_block_stop":
            return BlockClosed(number)
    return None


def _ended(value: Mapping[str, Any]) -> ResultRecord:
    usage = value.get("usage")
    counts: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    models = value.get("modelUsage")
    cost = value.get("total_cost_usd", value.get("cost_usd"))
    return ResultRecord(
        subtype=_word(value.get("subtype")),
        is_error=value.get("is_error") is True,
        result=_word(value.get("result")),
        session_id=_name(value.get("session_id")),
        duration_ms=bounded(value.get("duration_ms"), MOST_MS),
        num_turns=int(bounded(value.get("num_turns"), MOST_TURNS)),
        cost_usd=bounded(cost, MOST_USD),
        usage=usage_of(counts),
        model=_name(next(iter(models), "")) if isinstance(models, dict) else "",
    )


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """The four counts of an answer's `usage`; what is missing or no count is 0."""
    return Usage(
        input_tokens=int(bounded(counts.get("input_tokens"), MOST_TOKENS)),
        output_tokens=int(bounded(counts.get("output_tokens"), MOST_TOKENS)),
        cache_read_tokens=int(bounded(counts.get("cache_read_input_tokens"), MOST_TOKENS)),
        cache_creation_tokens=int(bounded(counts.get("cache_creation_input_tokens"), MOST_TOKENS)),
    )


def bounded(value: object, most: float) -> float:
    """A figure from outside, from 0 to *most*; 0 for what is no number.

    Figures are shown, added up and compared with a budget. NaN would poison all three, a negative one give money back,
    and one beyond any use is refused by the database.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    if isinstance(value, float) and not math.isfinite(value):
        return 0
    return max(0, min(value, most))


def _whole(digits: str) -> int:
    return int(digits) if len(digits) < _DIGITS else int(f"{digits[:2]}{'0' * _DIGITS}")


def _word(value: object) -> str:
    return encodable(value) if isinstance(value, str) else ""


def _name(value: object) -> str:
    """A word for a column: short, and nothing in it that can't be seen."""
    return "".join(filter(str.isprintable, _word(value)))[:NAME_LIMIT]
