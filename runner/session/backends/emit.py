"""Writing the CLI's record shapes, for the backends that are no CLI."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from runner.session.backends.base import RunListener, as_line
from runner.stream.records import Usage


@attrs.define(eq=False)
class Recorder:
    """One run's records, in the order in which things happen."""

    listener: RunListener
    model: str
    session_id: str = attrs.field(factory=lambda: str(uuid.uuid4()))

    async def started(self, tools: Sequence[str], *, cwd: str) -> None:
        await self._emit(
            {
                "type": "system",
                "subtype": "init",
                "cwd": cwd,
                "tools": list(tools),
                "model": self.model,
                "mcp_servers": [],
            }
        )

    async def retrying(self, attempt: int, delay: float, status: int | None, error: str) -> None:
        await self._emit(
            {
                "type": "system",
                "subtype": "api_retry",
                "attempt": attempt,
                "retry_delay_ms": round(delay * 1000),
                "error_status": status,
                "error": error,
            }
        )

    async def event(self, event: Mapping[str, Any]) -> None:
        """A piece of an answer that is still being written."""
        await self._emit({"type": "stream_event", "event": event, "parent_tool_use_id": None})

    async def said(self, block: Mapping[str, Any]) -> None:
        """One finished block: the CLI, too, writes a record for each."""
        message = {"type": "message", "role": "assistant", "model": self.model, "content": [block]}
        await self._emit({"type": "assistant", "message": message, "parent_tool_use_id": None})

    async def answered(self, results: Sequence[Mapping[str, Any]]) -> None:
        message = {"role": "user", "content": list(results)}
        await self._emit({"type": "user", "message": message, "parent_tool_use_id": None})

    async def ended(
        self,
        *,
        subtype: str,
        is_error: bool,
        result: str | None,
        duration_ms: int,
        num_turns: int,
        cost_usd: float,
        usage: Usage,
    ) -> None:
        record: dict[str, Any] = {
            "type": "result",
            "subtype": subtype,
            "is_error": is_error,
            "duration_ms": duration_ms,
            "num_turns": num_turns,
            "total_cost_usd": cost_usd,
            "usage": {
                "input_tokens": usage.input_tokens,
                "output_tokens": usage.output_tokens,
                "cache_read_input_tokens": usage.cache_read_tokens,
                "cache_creation_input_tokens": usage.cache_creation_tokens,
            },
            "modelUsage": {self.model: {"costUSD": cost_usd}},
        }
        if result is not None:
            record["result"] = result
        await self._emit(record)

    async def _emit(self, record: Mapping[str, Any]) -> None:
        await self.listener.line(as_line({**record, "session_id": self.session_id}))
