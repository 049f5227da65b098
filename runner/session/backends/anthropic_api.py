"""The Messages API by the `anthropic` SDK: a streaming conversation with file tools and the resident's commands.

The SDK is imported at the first session and in a thread: it takes over a second. It is built on httpx2, whose errors
come through raw when a stream breaks, so both families are caught.
"""

import contextlib
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import trio

from runner.offload import RunSync
from runner.session.backends.base import DEADLINE_EXIT, RunListener, RunOrder, RunResult
from runner.session.backends.emit import Recorder
from runner.session.backends.prices import cost_usd
from runner.storage.storable import cleaned, encodable
from runner.stream.records import Usage, usage_of
from runner.tools.commands import ResidentCommands
from runner.tools.dispatch import SessionTools
from runner.tools.files import HomeTools

MAX_TOKENS = 16_000
LONGEST_ASKED = 300.0
"""Seconds: no service may send us to sleep for longer by its `retry-after`."""
_REFUSED = {401, 403}
_AGAIN = {408, 409, 429, 500, 502, 503, 504, 529}
_FINAL = frozenset(
    {
        "authentication_error",
        "billing_error",
        "invalid_request_error",
        "not_found_error",
        "permission_error",
        "request_too_large",
    }
)
"""Errors inside a stream that say the same at every attempt; it carries the status 200 of the answer that it broke."""
_CUT = {
    "max_tokens": f"an answer was longer than {MAX_TOKENS} tokens",
    "model_context_window_exceeded": "the conversation is longer than the model can hold",
}
"""Ends of an answer in its middle, and how they are told."""
_ENDS = frozenset({"end_turn", "stop_sequence", "tool_use"})
_KINDS = {401: "authentication_failed", 403: "authentication_failed", 429: "rate_limit", 529: "overloaded"}


@attrs.frozen
class ApiOptions:
    """How the service is reached; all of it comes from the settings."""

    api_key: str = attrs.field(repr=False)
    base_url: str
    stall: float = 120.0
    retry_for: float = 300.0
    """Seconds of unbroken failure after which a session is given up."""
    first_pause: float = 1.0
    longest_pause: float = 30.0


class _BrokenError(Exception):
    """The answer ended before its end. Nothing of it was done, so it may be asked for again."""


class _OverBudgetError(Exception):
    """The session's money is spent."""


class _GivenUpError(Exception):
    """The conversation can't go on; the text says why."""

    def __init__(self, reason: str, exit_code: int = 1) -> None:
        super().__init__(reason)
        self.exit_code = exit_code


@attrs.frozen
class AnthropicApi:
    """The backend `anthropic-api`."""

    options: ApiOptions
    tools: HomeTools
    run_sync: RunSync
    resident_commands: ResidentCommands | None = None
    """Without them no session has the resident's commands."""
    name: str = "anthropic-api"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        sdk, transport = await self.run_sync(
            lambda: (importlib.import_module("anthropic"), importlib.import_module("httpx2"))
        )
        await listener.spawning()
        await listener.spawned(None, None)
        client = sdk.AsyncAnthropic(
            api_key=self.options.api_key, base_url=self.options.base_url, max_retries=0, timeout=self.options.stall
        )
        recorder = Recorder(listener, order.model)
        tools = SessionTools.of(self.tools, self.resident_commands, order.grant)
        # an answer that is no JSON or no text is as broken as one that stops
        failures = (sdk.APIError, transport.HTTPError, _BrokenError, json.JSONDecodeError, UnicodeDecodeError)
        talk = _Talk(order, recorder, self.options, tools, self.run_sync, client, failures)
        try:
            return await talk.hold()
        finally:
            with trio.move_on_after(2, shield=True):
                await client.close()


@attrs.define(eq=False)
class _Talk:
    order: RunOrder
    recorder: Recorder
    options: ApiOptions
    tools: SessionTools
    run_sync: RunSync
    client: Any
    failures: tuple[type[Exception], ...]
    usage: Usage = attrs.field(factory=Usage)
    turns: int = 0
    last: str = ""
    paused: list[str] = attrs.field(factory=list)
    """The words of this turn so far, when the service has paused it."""
    messages: list[dict[str, Any]] = attrs.field(factory=list)
    answer: "_Answer" = attrs.field(init=False)
    """The one that is being written, or was written last."""

    def __attrs_post_init__(self) -> None:
        self.answer = _Answer(self.recorder)

    async def hold(self) -> RunResult:
        began = trio.current_time()
        await self.recorder.started(self.tools.names(), cwd=str(self.order.home))
        subtype, result, reason, code = "error_during_execution", None, None, 1
        with trio.move_on_after(self.order.deadline) as deadline:
            try:
                subtype = await self._converse()
                result = self.last if subtype == "success" else None
                code = 0 if subtype == "success" else 1
                reason = None if subtype == "success" else subtype.removeprefix("error_").replace("_", " ")
            except _GivenUpError as given_up:
                reason, code = str(given_up), given_up.exit_code
            except _OverBudgetError:
                subtype, reason = "error_max_budget_usd", "max budget usd"
            finally:
                with trio.move_on_after(2, shield=True):  # what it had said belongs into the record, however it ended
                    await self.answer.tell(words_only=True)
        if deadline.cancelled_caught:
            reason, code = f"over its deadline of {self.order.deadline:g} s", DEADLINE_EXIT
        await self.recorder.ended(
            subtype=subtype,
            is_error=code != 0,
            result=result,
            duration_ms=round((trio.current_time() - began) * 1000),
            num_turns=self.turns,
            cost_usd=cost_usd(self.order.model, self.usage),
            usage=self.usage,
        )
        return RunResult(code, reason)

    async def _converse(self) -> str:
        self.messages.append({"role": "user", "content": encodable(self.order.user)})
        while self.turns < self.order.max_turns:
            self.turns += 1
            blocks, stop = await self._turn()
            uses = [block for block in blocks if block["type"] == "tool_use"]
            if stop == "refusal":
                raise _GivenUpError("the model declined to go on")
            if stop in _CUT and not (uses and stop == "max_tokens"):
                raise _GivenUpError(_CUT[stop])
            if stop == "pause_turn" and not uses:
                self._go_on_from(blocks)
                continue
            if not uses:
                if stop not in _ENDS:
                    raise _GivenUpError(f"the answer ended for a reason that is not known here: {stop[:100]}")
                return "success"
            self.messages.append({"role": "assistant", "content": blocks})
            self.messages.append({"role": "user", "content": await self._use(uses, cut=stop == "max_tokens")})
            self._heed_budget()
        return "error_max_turns"

    def _go_on_from(self, blocks: list[dict[str, Any]]) -> None:
        """A long turn that the service has paused: what there is of it is sent back, for the model to go on from."""
        self._heed_budget()
        if not blocks:
            raise _GivenUpError("the turn was paused before a word of it was written")
        # the service refuses a last word with white space at its end
        last = {**blocks[-1], "text": blocks[-1]["text"].rstrip()}
        self.messages.append({"role": "assistant", "content": [*blocks[:-1], last]})
        self.paused += [self.last]

    def _heed_budget(self) -> None:
        if self.order.budget_usd is not None and cost_usd(self.order.model, self.usage) >= self.order.budget_usd:
            raise _OverBudgetError

    async def _use(self, uses: Sequence[Mapping[str, Any]], *, cut: bool) -> list[dict[str, Any]]:
        """Every call answered, in order; a refused one with an error, because the service wants one answer for each."""
        results = []
        for use in uses:
            if cut and use is uses[-1]:
                content, is_error = "the call was cut off before it was complete; nothing was done", True
            else:
                found = await self.run_sync(partial(self.tools.call, use["name"], use["input"]))
                content, is_error = found.content, found.is_error
            # names of files may be no UTF-8
            text = encodable(content)
            results.append({"type": "tool_result", "tool_use_id": use["id"], "content": text, "is_error": is_error})
        await self.recorder.answered(results)
        return results

    async def _turn(self) -> tuple[list[dict[str, Any]], str]:
        """One answer of the model, asked for again while the service is only busy or breaks off: as long as it is not
        whole, none of its tools has run.
        """
        give_up_at: float | None = None
        attempt = 0
        while True:
            answer = self.answer = _Answer(self.recorder)
            try:
                await self._stream(answer)
            except self.failures as failure:
                attempt += 1
                give_up_at = give_up_at or trio.current_time() + self.options.retry_for
                pause = self._pause(failure, attempt)
                self._heed_budget()
                status = getattr(failure, "status_code", None)
                await self.recorder.retrying(attempt, pause, status, _KINDS.get(status or 0, type(failure).__name__))
                if trio.current_time() + pause > give_up_at:
                    raise _GivenUpError(
                        f"the service did not answer for {self.options.retry_for:g} s: {_said(failure)}"
                    ) from failure
                await trio.sleep(pause)
            else:
                await answer.tell()
                self.last = answer.text() or self.last
                if answer.stop != "pause_turn" and self.paused:
                    self.last, self.paused = "\n\n".join([*self.paused, answer.text()]).rstrip(), []
                return answer.blocks, answer.stop

    def _pause(self, failure: Exception, attempt: int) -> float:
        """How long to wait before the next attempt; raises when there is no point in one."""
        status = getattr(failure, "status_code", None)
        if status in _REFUSED:
            raise _GivenUpError("authentication failed: the model's service refuses the key") from failure
        kind = _kind(failure) if status == 200 else ""
        if kind == "authentication_error":
            raise _GivenUpError("authentication failed: the model's service refuses the key") from failure
        if kind in _FINAL or (status is not None and status not in _AGAIN and status != 200):
            raise _GivenUpError(f"the service refuses the request: {_said(failure)}") from failure
        pause: float = min(self.options.longest_pause, self.options.first_pause * 2.0 ** (attempt - 1))
        with contextlib.suppress(ValueError):
            headers: Mapping[str, str] = getattr(getattr(failure, "response", None), "headers", {})
            pause = max(pause, min(float(headers.get("retry-after", "")), LONGEST_ASKED))
        return pause

    async def _stream(self, answer: "_Answer") -> None:
        given: dict[str, Any] = {"tools": self.tools.definitions()} if self.tools.names() else {}
        with self._counted(answer), trio.move_on_after(self.options.stall) as silence:
            stream = await self.client.messages.create(
                model=self.order.model,
                max_tokens=MAX_TOKENS,
                system=[{"type": "text", "text": encodable(self.order.system), "cache_control": {"type": "ephemeral"}}],
                messages=self.messages,
                stream=True,
                **given,
            )
            async with stream:
                async for event in stream:
                    silence.deadline = trio.current_time() + self.options.stall
                    # "python": the other mode fails at half a pair of surrogates
                    await answer.take(event.model_dump(mode="python", exclude_none=True, warnings=False))
        if silence.cancelled_caught:
            raise _GivenUpError(f"stalled: nothing came for {self.options.stall:g} s", DEADLINE_EXIT)
        if not answer.stop:
            raise _BrokenError("the answer ended without saying why")

    @contextlib.contextmanager
    def _counted(self, answer: "_Answer") -> Iterator[None]:
        """What an answer used is paid for, however it ended."""
        try:
            yield
        finally:
            self._count(answer)

    def _count(self, answer: "_Answer") -> None:
        used, more = self.usage, answer.usage()
        self.usage = Usage(
            used.input_tokens + more.input_tokens,
            used.output_tokens + more.output_tokens,
            used.cache_read_tokens + more.cache_read_tokens,
            used.cache_creation_tokens + more.cache_creation_tokens,
        )


@attrs.define(eq=False)
class _Answer:
    """One streamed answer, put together from its events; each event is passed on as it comes.

    Its finished blocks are told when it is whole: one that breaks off and is begun anew would be told twice.
    """

    recorder: Recorder
    _told: int = 0
    blocks: list[dict[str, Any]] = attrs.field(factory=list)
    stop: str = ""
    _counts: dict[str, Any] = attrs.field(factory=dict)
    _open: dict[str, Any] = attrs.field(factory=dict)
    _json: str = ""

    async def take(self, event: Mapping[str, Any]) -> None:
        await self.recorder.event(event)
        match event["type"]:
            case "message_start":
                self._counted(event["message"].get("usage", {}))
            case "content_block_start":
                self._open, self._json = dict(event["content_block"]), ""
            case "content_block_delta":
                self._delta(event["delta"])
            case "content_block_stop":
                self._closed()
            case "message_delta":
                self._counted(event.get("usage", {}))
                self.stop = event["delta"].get("stop_reason") or self.stop

    def _delta(self, delta: Mapping[str, Any]) -> None:
        if delta["type"] == "text_delta":
            self._open["text"] = self._open.get("text", "") + delta["text"]
        elif delta["type"] == "input_json_delta":
            self._json += delta["partial_json"]

    async def tell(self, *, words_only: bool = False) -> None:
        """The blocks there are, as records, each once. Of a broken answer, whose calls were not done, its words."""
        rest, self._told = self.blocks[self._told :], len(self.blocks)
        for block in rest:
            if block["type"] == "text" or not words_only:
                await self.recorder.said(block)

    def _closed(self) -> None:
        block, self._open = self._open, {}
        if block.get("type") == "tool_use":
            try:
                given = json.loads(self._json or "{}")
            except ValueError:
                given = {}  # cut off in the middle: the tool will say what is missing
            wanted = given if isinstance(given, dict) else {}
            block = cleaned({"type": "tool_use", "id": block["id"], "name": block["name"], "input": wanted})
        elif block.get("type") == "text" and block.get("text", "").strip():
            # halves of a pair may have come in two pieces: only the whole can be judged
            block = {"type": "text", "text": encodable(block["text"])}
        else:
            return  # the service sends blocks of white space, and refuses to be sent one
        self.blocks.append(block)

    def _counted(self, usage: Mapping[str, Any]) -> None:
        self._counts |= {name: value for name, value in usage.items() if value is not None}

    def usage(self) -> Usage:
        return usage_of(self._counts)

    def text(self) -> str:
        return "\n\n".join(block["text"] for block in self.blocks if block["type"] == "text")


def _kind(failure: Exception) -> str:
    body = getattr(failure, "body", None)
    error = body.get("error") if isinstance(body, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) else ""


def _said(failure: Exception) -> str:
    return " ".join(str(failure).split())[:300] or type(failure).__name__
