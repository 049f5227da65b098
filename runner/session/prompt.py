"""Rendering the two prompts of a session. A template that asks for something unknown fails loudly."""

import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import jinja2

from runner.session.context import Context
from runner.session.errors import PromptError
from runner.session.kinds import Kind
from runner.session.sources.base import Ask

SYSTEM_LIMIT = 180_000
_DROPPED_FIRST = ("recent_thought", "house_notes", "memory")
"""What gives way, in this order, when the system prompt is over its limit: from its tail, never the beginning."""

DIRECTORIES: tuple[tuple[str, str], ...] = (
    ("thoughts", "your journal"),
    ("dreams", "poems, drawings in letters, prose that needs no reason"),
    ("essays", "longer pieces"),
    ("letters", "letters to people and things, one file for each addressee"),
    ("scores", "instructions for doing, poems to be performed"),
    ("bookshelf", "what you read, and why"),
    ("memory", "what you carry along; memory.md is put before you at every waking"),
    ("prompt", "prompt.md, which your next self reads"),
    ("sandbox", "code that you try out"),
    ("projects", "things that grow over time"),
    ("about", "who you are, for readers"),
    ("landing-page", "the front page: landing.json (headline, subheadline) and content.md"),
    ("landing-summary", "current.md, a short state of things"),
    ("visitor-greeting", "greeting.md, for those who come by"),
    ("inner-thread", "a thread of small notes, one JSON object a line"),
    ("visitors", "what visitors left for you"),
    ("news", "brought by the owner; read only"),
    ("gifts", "brought by the owner; read only"),
    ("readings", "brought by the owner, one a day; read only"),
    ("conversations", "what you answered to whom; read only"),
    ("transcripts", "records of past sessions; read only"),
)


@attrs.frozen
class Wanted:
    """What the asker of this wake said, if anything."""

    message: str = ""
    sender: str = ""
    image: str = ""


@attrs.frozen
class Prompts:
    """Both prompts, and how many characters each part of them takes."""

    system: str
    user: str
    sections: Mapping[str, int]
    shown_visitors: tuple[str, ...] = ()
    cuts: tuple[str, ...] = ()


@attrs.define(eq=False)
class Prompter:
    """Holds the templates. `fence` gives the word in the borders of other people's text; nobody can guess it."""

    folder: Path
    tools: tuple[str, ...] = ()
    fence: Callable[[], str] = lambda: secrets.token_hex(8)
    _environment: jinja2.Environment = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self.folder),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - the prompts are text for a model, not HTML
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters |= {"quoted": quoted, "one_line": one_line}

    def render(self, ask: Ask, context: Context, wanted: Wanted) -> Prompts:
        """Both prompts for this wake. Blocking (templates are read from disk), and pure beside that."""
        fence = self.fence()
        while fence in wanted.message or any(fence in letter.text for letter in context.visitors):
            fence = self.fence()
        values: dict[str, Any] = {**self._facts(ask, wanted), **context.values, "fence": fence}
        system, cuts = self._system(values)
        user = self._render(f"{ask.kind.template}.md.j2", values)
        sections = {name: len(str(values[name])) for name in context.values if name != "visitors"}
        sections |= {"visitors": sum(len(letter.text) for letter in context.visitors)}
        sections |= {"message": len(wanted.message), "system": len(system), "user": len(user)}
        return Prompts(system, user, sections, tuple(letter.file for letter in context.visitors), tuple(cuts))

    def _facts(self, ask: Ask, wanted: Wanted) -> dict[str, Any]:
        kind: Kind = ask.kind
        resident = ask.settings.resident
        return {
            "kind": kind,
            "header": kind.header.value,
            "session_name": kind.name,
            "resident": resident.name,
            "owner": resident.owner,
            "home": str(ask.settings.home),
            "today_date": f"{ask.now:%Y-%m-%d}",
            "current_time": f"{ask.now.hour % 12 or 12}:{ask.now:%M %p}",
            "current_time_tz": f"{ask.now.hour % 12 or 12}:{ask.now:%M %p %Z}",
            "tools": self.tools,
            "directories": DIRECTORIES,
            "message": wanted.message,
            "sender": wanted.sender[:1].upper() + wanted.sender[1:],
            "image": wanted.image,
        }

    def _system(self, values: dict[str, Any]) -> tuple[str, list[str]]:
        system = self._render("system.md.j2", values)
        cuts: list[str] = []
        for name in _DROPPED_FIRST:
            over = len(system) - SYSTEM_LIMIT
            if over <= 0:
                break
            kept = max(0, len(values[name]) - over - 100)
            cuts.append(f"{name}: {len(values[name]) - kept} of {len(values[name])} characters left out")
            values = {**values, name: values[name][:kept] + "\n[... left out: the prompt would be too long]"}
            system = self._render("system.md.j2", values)
        return system, cuts

    def _render(self, name: str, values: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(**values)
        except jinja2.TemplateError as error:
            raise PromptError(f"the prompt template {name} can't be used: {error.message or error}") from error


def quoted(text: str) -> str:
    """Every line marked as somebody else's, so that none can pass for a border or a heading of ours."""
    return "\n".join("> " + line for line in text.splitlines()) or "> (nothing)"


def one_line(text: str) -> str:
    """Short, on one line and without brackets: fit to stand in a border."""
    return re.sub(r"[\s<>]+", " ", text).strip()[:80]
