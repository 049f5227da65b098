"""The rehearsal: a small embedded resident for a machine without a model. It says so in everything that it writes.

It is deterministic and works only with what a model would have: the two prompts and the home tools. It reads its memory
and its previous self's words out of the prompts, quotes both in a thought, now and then writes a dream, answers whoever
wrote, and leaves a prompt.md that the next session will quote in turn.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import trio

from runner.offload import RunSync
from runner.session.backends.base import RunListener, RunOrder, RunResult
from runner.session.backends.emit import Recorder
from runner.session.kinds import SessionKind
from runner.stream.records import Usage
from runner.tools.commands import ResidentCommands
from runner.tools.dispatch import SessionTools
from runner.tools.files import HomeTools

MODEL = "rehearsal"
QUOTE_LIMIT = 2_000
WRITTEN_BACK = "(rehearsal) Your letter was read by a script. A model will answer better; thank you for writing."
_SECTION = re.compile(r'^<section name="(?P<name>[^"]+)">\n(?P<text>.*?)\n?^</section>$', re.MULTILINE | re.DOTALL)
_OTHERS = re.compile(
    r"^<<<words of others (?P<fence>\w+) \| (?P<source>[^>]*)>>>\n(?P<text>.*?)\n"
    r"<<<end of words of others (?P=fence)>>>$",
    re.MULTILINE | re.DOTALL,
)
_READ_ORDER = re.compile(r"^\s*read (?P<path>\S+)\s*$", re.IGNORECASE)
_LETTER = re.compile(r"^\[[^\]]*\] \(id: (?P<id>[\w-]+)\)$", re.MULTILINE)
_DREAMS = (
    "the lamp kept the hour\nand nobody turned a page\nthe page turned anyway",
    "a house of plain files\nat night the names lie down\nin the order they were made",
    "I rehearsed the sea\nuntil the sea looked up\nand asked for its line",
)


@attrs.frozen
class Heard:
    """What the prompts say, as far as this resident understands them."""

    memory: str
    previous: str
    letters: tuple[tuple[str, str], ...]
    """Words of others: from where, and what."""
    message: str
    """The plain message of a custom session."""


def hear(order: RunOrder) -> Heard:
    """Read the prompts. Nothing is known but what stands in them."""
    sections = {found["name"]: found["text"].strip() for found in _SECTION.finditer(order.system)}
    own = {found["name"]: found["text"].strip() for found in _SECTION.finditer(order.user)}
    letters = tuple(
        (found["source"], "\n".join(line.removeprefix("> ") for line in found["text"].splitlines()))
        for found in _OTHERS.finditer(order.user)
    )
    plain = order.user.strip() if order.kind.template == "user_custom" else ""
    return Heard(sections.get("memory/memory.md", ""), own.get("prompt/prompt.md", ""), letters, plain)


@attrs.frozen
class Rehearsal:
    """The backend `rehearsal`. `speed` is in characters a second; 0 writes at once."""

    tools: HomeTools
    run_sync: RunSync
    speed: float = 60.0
    resident_commands: ResidentCommands | None = None
    """Without them no session has the resident's commands."""
    name: str = "rehearsal"

    async def run(self, order: RunOrder, listener: RunListener) -> RunResult:
        await listener.spawning()
        await listener.spawned(None, None)
        began = trio.current_time()
        tools = SessionTools.of(self.tools, self.resident_commands, order.grant)
        act = _Act(order, Recorder(listener, MODEL), tools, self.run_sync, self.speed)
        with trio.move_on_after(order.deadline) as deadline:
            await act.play()
        if deadline.cancelled_caught:
            return RunResult(124, f"over its deadline of {order.deadline:g} s")
        await act.recorder.ended(
            subtype="success",
            is_error=False,
            result=act.last,
            duration_ms=round((trio.current_time() - began) * 1000),
            num_turns=act.turns,
            cost_usd=0.0,
            usage=Usage(),
        )
        return RunResult(0)


@attrs.define(eq=False)
class _Act:
    order: RunOrder
    recorder: Recorder
    tools: SessionTools
    run_sync: RunSync
    speed: float
    last: str = ""
    turns: int = 0
    _used: int = 0

    async def play(self) -> None:
        order, heard = self.order, hear(self.order)
        await self.recorder.started(self.tools.names(), cwd=str(order.home))
        if order.kind.name in {"telegram", "telegram_talk_open", "correspondence", "talk"}:
            await self._write_back(heard)
            await self._say(answer(order.kind, heard))
            return
        await self._say(
            f"This is a rehearsal of the {order.kind.name} session: an embedded script, not a model, is writing."
        )
        wanted = _READ_ORDER.match(heard.message)
        if wanted:
            await self._use("Read", {"file_path": wanted["path"]})
        path = await self._free(f"thoughts/{order.now:%Y-%m-%d}-{order.kind.name}")
        text = thought(order, heard)
        await self._say(text.partition("---\n")[2].partition("---\n")[2].strip())
        await self._use("Write", {"file_path": path, "content": text})
        number = int(hashlib.sha256(order.session_id.encode()).hexdigest(), 16)
        if number % 3 == 0:
            name = await self._free(f"dreams/rehearsed-{order.now:%Y-%m-%d}-{order.kind.name.replace('_', '-')}")
            await self._use("Write", {"file_path": name, "content": dream(order, _DREAMS[number % len(_DREAMS)])})
        await self._use("Write", {"file_path": "prompt/prompt.md", "content": next_prompt(order, path)})
        await self._say(answer(order.kind, heard))

    async def _write_back(self, heard: Heard) -> None:
        """A word to everybody whose letters it holds, as the answer to the last of them."""
        if "letter" not in self.tools.commands():
            return
        for source, text in heard.letters:
            letters = _LETTER.findall(text)
            if letters:
                user = source.strip().removeprefix("mailbox/")
                await self._use("letter", {"to": user, "reply_to": letters[-1], "text": WRITTEN_BACK})

    async def _free(self, stem: str) -> str:
        """A name for a new file: nothing that was written before is overwritten."""
        folder, _, name = stem.rpartition("/")
        listing = await self.run_sync(lambda: self.tools.call("List", {"path": folder}))
        taken = set(listing.content.splitlines()) if not listing.is_error else set()
        number = 1
        while (f"{name}.md" if number == 1 else f"{name}-{number}.md") in taken:
            number += 1
        return f"{stem}.md" if number == 1 else f"{stem}-{number}.md"

    async def _say(self, text: str) -> None:
        self.turns += 1
        self.last = text
        await self.recorder.event({"type": "message_start", "message": {"role": "assistant", "model": MODEL}})
        opening = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        await self.recorder.event(opening)
        for piece in pieces(text):
            delta = {"type": "text_delta", "text": piece}
            await self.recorder.event({"type": "content_block_delta", "index": 0, "delta": delta})
            if self.speed > 0:
                await trio.sleep(len(piece) / self.speed)
        await self.recorder.event({"type": "content_block_stop", "index": 0})
        await self.recorder.said({"type": "text", "text": text})

    async def _use(self, name: str, given: Mapping[str, Any]) -> None:
        self.turns += 1
        self._used += 1
        number = f"rehearsal_{self._used}"
        await self.recorder.said({"type": "tool_use", "id": number, "name": name, "input": dict(given)})
        found = await self.run_sync(lambda: self.tools.call(name, given))
        result = {"type": "tool_result", "tool_use_id": number, "content": found.content, "is_error": found.is_error}
        await self.recorder.answered([result])


def pieces(text: str) -> Iterator[str]:
    """The text word by word, with the white space that follows each: joined they are the text again."""
    yield from re.findall(r"\s*\S+\s?|\s+$", text)


def shortened(text: str) -> str:
    """A quotation of bearable length: beginning and end, with a mark where the middle was."""
    if len(text) <= QUOTE_LIMIT:
        return text
    half = QUOTE_LIMIT // 2
    return f"{text[:half]}\n[...]\n{text[-half:]}"


def _as_quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in shortened(text).splitlines())


def thought(order: RunOrder, heard: Heard) -> str:
    """The journal entry. Quotes what the resident remembers and what its previous self said."""
    title = f"Rehearsal: {order.kind.name.replace('_', ' ')}"
    parts = [
        f'---\ndate: "{order.now:%Y-%m-%d}"\ntitle: "{title}"\nmood: "rehearsing"\nmodel: "{MODEL}"\n---\n# {title}',
        "No model is connected here, so this page was written by the rehearsal, a script that comes with the house.",
    ]
    if heard.memory:
        parts += ["My memory says:", _as_quote(heard.memory)]
    if heard.previous:
        parts += ["The self before me left this:", _as_quote(heard.previous)]
    elif order.kind.prompt_file:
        parts.append("The self before me left no word.")
    if heard.message:
        parts += ["I was asked:", _as_quote(heard.message)]
    parts += [f"Somebody wrote ({source}):\n\n{_as_quote(text)}" for source, text in heard.letters]
    return "\n\n".join(parts) + "\n"


def dream(order: RunOrder, lines: str) -> str:
    head = f'---\ndate: "{order.now:%Y-%m-%d}"\ntitle: "A rehearsed dream"\ntype: poetry\nimmersive: false\n'
    return f'{head}model: "{MODEL}"\n---\n{lines}\n'


def next_prompt(order: RunOrder, path: str) -> str:
    """What the next self will read. It does not repeat what was quoted here, else it would grow for ever."""
    word = hashlib.sha256(f"{order.session_id} {order.kind.name}".encode()).hexdigest()[:8]
    return (
        f"I was the {order.kind.name.replace('_', ' ')} self of {order.now:%Y-%m-%d}, in rehearsal. "
        f"I wrote {path}.\nThe word I pass on to you is {word}. Quote it, so that I know you read this.\n"
    )


def answer(kind: SessionKind, heard: Heard) -> str:
    """The last words of the session: the reply, where somebody waits for one."""
    if kind.name == "telegram_talk_open":
        return "Hello. This is the rehearsal speaking: a script keeps the door until a model moves in."
    if heard.letters:
        said = " ".join(" ".join(text.split())[:200] for _, text in heard.letters)
        return f"(rehearsal) I read your words: “{said[:600]}”. A model will answer better; thank you for writing."
    if heard.message:
        return f"(rehearsal) I was asked: “{' '.join(heard.message.split())[:600]}”. I wrote it down in my journal."
    return "(rehearsal) I wrote a thought and left word for the one who wakes next."
