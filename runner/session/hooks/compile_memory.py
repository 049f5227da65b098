"""Condenses the memory files into data/compiled-memory.md, by a small model; only when they have changed."""

import hashlib
import importlib
from pathlib import Path
from typing import Any

import attrs
import trio

from runner.ledger import SpendEntry, SpendLimits
from runner.resources import prompts_dir
from runner.session.backends.prices import cost_usd
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Verdict
from runner.storage import files
from runner.stream.records import Usage

PURPOSE = "compile_memory"
SEEN = "compile_memory.input"
"""Where the ledger keeps what the digest was made of."""
MAX_TOKENS = 8000
ROOM = 32_000
"""Characters of a digest; beyond 1.2 times as many it is cut at a line."""
LEFT_OUT = frozenset({"identity.md", "README.md"})
WINDOW = 480_000
"""Characters of input that surely fit into the model's window."""
FILE_LIMIT = 4 * 1024 * 1024
WITHIN = 80.0
"""Seconds for the model: the hook has ninety."""


@attrs.frozen
class _Note:
    name: str
    text: str
    mtime: float


async def run(context: HookContext) -> Verdict:
    anthropic, model = context.settings.anthropic, context.settings.memory.compile_model
    if not anthropic.api_key:
        raise NotDueError("ANTHROPIC_API_KEY is not set")
    instructions, notes = await context.run_sync(lambda: _read(context.paths.memory))
    if not notes:
        raise NotDueError("there are no memory files to condense")
    path = context.paths.compiled_memory
    mark = hashlib.sha256(f"{model}\n{instructions}\n{notes}".encode("utf-8", "replace")).hexdigest()
    if await context.ledger.meta.get(SEEN) == mark and await context.run_sync(path.is_file):
        raise NotDueError("the memory files are as they were")
    await _reserve(context, model, len(instructions) + len(notes))
    try:
        answer = await _ask(context, model, instructions, notes)
        await _book(context, model, answer)
    finally:
        with trio.CancelScope(shield=True):
            await context.ledger.spend.forget(context.session_id, PURPOSE)  # what was booked stays
    digest = _digest(answer)
    await context.run_sync(lambda: _write(path, digest))
    await context.ledger.meta.put(SEEN, mark)
    return Verdict.DONE


def _read(folder: Path) -> tuple[str, str]:
    """The instructions, and all notes as one text."""
    notes = []
    for path in sorted(folder.glob("*.md")) if folder.is_dir() else []:
        if path.name not in LEFT_OUT and path.is_file() and not path.is_symlink():
            text = files.read_text(path, limit=FILE_LIMIT).strip()
            notes += [_Note(path.name, text, path.stat().st_mtime)] if text else []
    chosen, room = [], WINDOW
    for note in sorted(notes, key=lambda note: (-note.mtime, note.name)):  # what was written last matters most
        text = note.text[:room]
        room -= len(text)
        chosen += [attrs.evolve(note, text=text)] if text else []
    parts = [f"## {note.name} ({len(note.text)} characters)\n\n{note.text}" for note in chosen]
    instructions = (prompts_dir() / "compile_memory.md").read_text(encoding="utf-8")
    return instructions, "\n\n".join(sorted(parts))


async def _reserve(context: HookContext, model: str, characters: int) -> None:
    budget = context.settings.budget
    limits = SpendLimits(
        day_usd=budget.day_usd,
        month_usd=budget.month_usd,
        day_tokens=budget.day_tokens,
        month_tokens=budget.month_tokens,
    )
    most = Usage(input_tokens=characters // 3, output_tokens=MAX_TOKENS)
    entry = SpendEntry(
        ref=context.session_id,
        purpose=PURPOSE,
        at=context.ended,
        model=model,
        input_tokens=most.input_tokens,
        output_tokens=most.output_tokens,
        cost_usd=cost_usd(model, most),
    )
    refusal = await context.ledger.spend.reserve(entry, limits)
    if refusal is not None:
        raise NotDueError(refusal)


async def _ask(context: HookContext, model: str, instructions: str, notes: str) -> Any:
    sdk, transport = await context.run_sync(
        lambda: (importlib.import_module("anthropic"), importlib.import_module("httpx2"))
    )
    options = context.settings.anthropic
    client = sdk.AsyncAnthropic(api_key=options.api_key, base_url=options.base_url, max_retries=1, timeout=WITHIN)
    try:
        with trio.fail_after(WITHIN):
            return await client.messages.create(
                model=model,
                max_tokens=MAX_TOKENS,
                system=instructions,
                messages=[{"role": "user", "content": notes}],
            )
    except trio.TooSlowError:
        raise HookFailedError(f"{model} did not answer within {WITHIN:g} s; the old digest stays") from None
    except (sdk.APIError, transport.HTTPError) as error:
        raise HookFailedError(f"{model} could not be asked: {type(error).__name__}: {error}"[:500]) from None
    finally:
        with trio.move_on_after(2, shield=True):
            await client.close()


async def _book(context: HookContext, model: str, answer: Any) -> None:
    used = Usage(input_tokens=answer.usage.input_tokens, output_tokens=answer.usage.output_tokens)
    await context.ledger.spend.record(
        SpendEntry(
            ref=context.session_id,
            purpose=PURPOSE,
            at=context.ended,
            model=model,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cost_usd=cost_usd(model, used),
        )
    )


def _digest(answer: Any) -> str:
    if answer.stop_reason == "max_tokens":
        raise HookFailedError(f"the digest did not fit into {MAX_TOKENS} tokens; the old one stays")
    text = "".join(block.text for block in answer.content if block.type == "text").strip()
    if answer.stop_reason != "end_turn" or not text:
        raise HookFailedError(
            f"the model ended with {answer.stop_reason} and {len(text)} characters; the old one stays"
        )
    return text if len(text) <= ROOM * 1.2 else text[: text.rfind("\n", 0, ROOM) + 1 or ROOM].rstrip()


def _write(path: Path, digest: str) -> None:
    files.make_folder(path.parent, mode=0o750)
    files.write_atomic(path, f"{digest}\n", mode=0o640)
