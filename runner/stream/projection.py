"""The public side of a session: raw records in, the few events that viewers may have out.

Pure and in order: the same bytes give the same events however they were cut into chunks. A session that is not live
gives none at all.
"""

import json
from pathlib import Path
from typing import Any

import attrs

from runner.home.tree import Visibility
from runner.stream.events import PublicEvent
from runner.stream.records import (
    Answered,
    BlockClosed,
    BlockOpened,
    MessageOpened,
    Record,
    ResultRecord,
    Said,
    Started,
    TextArrived,
    TextBlock,
    ToolResult,
    ToolUse,
    Usage,
)
from runner.stream.redact import Redactor
from runner.stream.visibility import VisibilityJudge

INPUT_LIMIT = 500
RESULT_LIMIT = 2000
END_LIMIT = 500
TEXT_LIMIT = 8 * 1024 * 1024
LOOKED_AT = 64 * 1024
"""Of what is shown only in part, so much is redacted before it is cut: enough for any secret to be seen whole."""
HOLD_LIMIT = 8192
CUT_MARK = "\n[cut: longer than 8 MiB]"


@attrs.frozen
class _Call:
    name: str
    visibility: Visibility


@attrs.define(eq=False)
class Projection:
    """One session's. Feed records in the order in which they arrived."""

    session_id: str
    home: Path
    redactor: Redactor
    private: bool
    started: bool = attrs.field(default=False, init=False)
    ended: bool = attrs.field(default=False, init=False)
    _calls: dict[str, _Call] = attrs.field(factory=dict, init=False)
    _open: dict[int, str] = attrs.field(factory=dict, init=False)
    _shown: int = attrs.field(default=0, init=False)
    _viewer: VisibilityJudge = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._viewer = VisibilityJudge(self.home)

    def feed(self, record: Record | None) -> list[PublicEvent]:
        """The events this record gives, in order; often none."""
        if self.private or record is None:
            return []
        match record:
            case Started():
                return self._start(record)
            case MessageOpened() | BlockOpened():
                self._begin(record)
            case TextArrived():
                return self._arrived(record)
            case BlockClosed():
                return self._delta(self._open.pop(record.index, ""))
            case Said():
                return [event for block in record.blocks for event in self._block(block)]
            case Answered():
                return [event for result in record.results for event in self._result(result)]
            case ResultRecord():
                return self._end(record)
        return []

    def close(self, *, model: str, duration_ms: float, num_turns: int, cost_usd: float) -> list[PublicEvent]:
        """What viewers still miss when the process is gone: the end is always delivered, and never without a start."""
        if self.private or self.ended:
            return []
        opening = [] if self.started else self._start(Started(self.session_id, model))
        ending = ResultRecord("", False, "", "", duration_ms, num_turns, cost_usd, usage=Usage(), model=model)
        return opening + self._end(ending)

    def _start(self, record: Started) -> list[PublicEvent]:
        if self.started:
            return []
        self.started = True
        return [self._event("session.start", session_id=record.session_id, model=record.model, turn=0)]

    def _begin(self, record: MessageOpened | BlockOpened) -> None:
        if isinstance(record, MessageOpened):
            self._open.clear()  # blocks of an answer that broke off are void
        elif record.kind == "text":
            self._open[record.index] = ""

    def _arrived(self, record: TextArrived) -> list[PublicEvent]:
        waiting = self._open.get(record.index)
        if waiting is None:
            return []
        waiting += record.text
        settled = self.redactor.settled(waiting)
        if len(waiting) - settled > HOLD_LIMIT:
            del self._open[record.index]  # one endless word: its pieces are given up, the whole block follows anyway
            return []
        self._open[record.index] = waiting[settled:]
        return self._delta(waiting[:settled])

    def _delta(self, text: str) -> list[PublicEvent]:
        if not text or self._shown > TEXT_LIMIT:
            return []
        self._shown += len(text)
        return [self._event("session.delta", text=self.redactor.text(text))]

    def _block(self, block: TextBlock | ToolUse) -> list[PublicEvent]:
        if isinstance(block, TextBlock):
            self._shown = 0
            text = self.redactor.clipped(block.text, TEXT_LIMIT) + (CUT_MARK if len(block.text) > TEXT_LIMIT else "")
            return [self._event("session.text", text=text)] if text else []
        visibility = self._viewer.judge(block.name, block.input)
        self._calls[block.id] = _Call(block.name, visibility)
        if visibility is Visibility.HIDDEN:
            return []
        shown = _compact(self.redactor.value(block.input)) if visibility is Visibility.SHOWN else "{}"
        return [
            self._event(
                "session.tool",
                tool_name=self.redactor.text(block.name),
                summary=self.redactor.text(self._viewer.summary(block.name, block.input, visibility))[:INPUT_LIMIT],
                input=self.redactor.text(shown)[:INPUT_LIMIT],
            )
        ]

    def _result(self, result: ToolResult) -> list[PublicEvent]:
        call = self._calls.pop(result.tool_use_id, None)
        if call is None or call.visibility is Visibility.HIDDEN:
            return []  # an answer to nothing we saw asked could be an answer to anything
        start = result.content[:LOOKED_AT]
        shown = call.visibility is Visibility.SHOWN and self._viewer.shows_result(start)
        content = self.redactor.clipped(start, LOOKED_AT)[:RESULT_LIMIT] if shown else ""
        name = self.redactor.text(call.name)
        return [self._event("session.tool_result", tool_name=name, content=content, is_error=result.is_error)]

    def _end(self, record: ResultRecord) -> list[PublicEvent]:
        if self.ended:
            return []
        self.ended = True
        rest = [event for index in sorted(self._open) for event in self._delta(self._open[index])]
        self._open.clear()
        end = self._event(
            "session.end",
            duration_ms=record.duration_ms,
            num_turns=record.num_turns,
            cost_usd=record.cost_usd,
            result=self.redactor.clipped(record.result, LOOKED_AT)[:END_LIMIT],
        )
        return [*rest, end]

    def _event(self, name: str, **data: Any) -> PublicEvent:
        return PublicEvent(self.session_id, name, data)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
