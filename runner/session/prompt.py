"""Rendering the two prompts of a session. A template that asks for something unknown fails loudly."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import jinja2

from runner.session import inert
from runner.session.context import Context
from runner.session.errors import PromptError
from runner.session.kinds import SessionKind
from runner.session.sources import company
from runner.session.sources.base import Ask, Letters
from runner.tools import capabilities as able
from runner.tools.access import Access
from runner.tools.capabilities import Capabilities, Grant
from runner.tools.grants import access_of

SYSTEM_LIMIT = 180_000
_GIVES_WAY = (
    ("memory_echoes", False),
    ("file_summary", False),
    ("recent_thought", True),
    ("compiled_memory", True),
    ("house_notes", True),
    ("memory_content", True),
)
"""What gives way, in this order, when the system prompt is over its limit: whole, or from its tail (true)."""
_LEFT_OUT = "\n[... left out: the prompt would be too long]"


@attrs.frozen
class PromptInput:
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
    withheld: tuple[str, ...] = ()
    """Commands and tools this session must not have, because it reads strangers' words."""
    grant: Grant = attrs.field(factory=Grant)
    """The resident's commands that it has."""


@attrs.define(eq=False)
class Prompter:
    """Holds the templates. `fence` gives the word in the borders of other people's text; nobody can guess it."""

    folder: Path
    capabilities: Capabilities = attrs.field(factory=Capabilities)
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
        self._environment.filters |= {"quoted": inert.quoted, "one_line": inert.one_line}

    def render(self, ask: Ask, context: Context, wanted: PromptInput) -> Prompts:
        """Both prompts for this wake. Blocking (templates are read from disk), and pure beside that."""
        fence = self.fence()
        while any(fence in str(words) for words in (wanted, *context.values.values())):
            fence = self.fence()
        strangers = _holds_strangers_words(ask, context, wanted)
        grant = self._grant(ask, context, wanted, strangers=strangers)
        lost = _lost(ask, strangers=strangers)
        values: dict[str, Any] = {**context.values, **self._facts(ask, context, wanted, lost, grant), "fence": fence}
        system, cuts = self._system(values)
        user = self._render(f"{ask.kind.template}.md.j2", values)
        sections = {name: _size(value) for name, value in context.values.items()}
        sections |= {"message": len(wanted.message), "system": len(system), "user": len(user)}
        shown = tuple(letter.file for letter in context.letters("visitors").shown)
        return Prompts(system, user, sections, shown, tuple(cuts), lost, grant)

    def _grant(self, ask: Ask, context: Context, wanted: PromptInput, *, strangers: bool) -> Grant:
        granted = ask.settings.session.outward_with_strangers
        held = tuple(letter.file for letter in context.letters("letters_context").shown)  # by their writers' user names
        return Grant(
            tuple(self.capabilities.without(_lost(ask, strangers=strangers)).usage()),
            able.letters_to(ask.kind.name, granted, held),
            held if strangers else None,
            _inside(ask.settings.home, wanted.image),
        )

    def _facts(
        self, ask: Ask, context: Context, wanted: PromptInput, lost: tuple[str, ...], grant: Grant
    ) -> dict[str, Any]:
        kind: SessionKind = ask.kind
        resident = ask.settings.resident
        capabilities = self.capabilities.without(lost)
        return {
            "session_header_style": kind.header.value,
            "reminder": kind.reminder,
            "resident": resident.name,
            "owner": resident.owner,
            "claude_home": str(ask.settings.home),
            "directories": _open_to_it(context, access_of(grant, ask.settings.home)),
            "tools": capabilities.tools,
            "commands": capabilities.usage(),
            "able": capabilities,
            "letters_to_all": "letter" in ask.settings.session.outward_with_strangers,
            "visitor_msg": "" if wanted.image else wanted.message,
            "caption": wanted.message.strip() if wanted.image else "",
            "sender_display": inert.name_of(wanted.sender[:1].upper() + wanted.sender[1:]),
            "image_path": inert.visible(wanted.image).replace("\n", " "),
        }

    def _system(self, values: dict[str, Any]) -> tuple[str, list[str]]:
        system = self._render("system.md.j2", values)
        cuts: list[str] = []
        for name, tail_only in _GIVES_WAY:
            over = len(system) - SYSTEM_LIMIT
            if over <= 0:
                break
            length = len(values[name])
            kept = max(0, length - over - 2 * len(_LEFT_OUT)) if tail_only else 0
            if kept == length:
                continue
            cuts.append(f"{name}: {length - kept} of {length} characters left out")
            values = {**values, name: values[name][:kept] + _LEFT_OUT if kept else ""}
            system = self._render("system.md.j2", values)
        return system, cuts

    def _render(self, name: str, values: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(**values)
        except jinja2.TemplateError as error:
            raise PromptError(f"the prompt template {name} can't be used: {error.message or error}") from error


def _holds_strangers_words(ask: Ask, context: Context, wanted: PromptInput) -> bool:
    held = [letter for value in context.values.values() if isinstance(value, Letters) for letter in value.shown]
    return any(letter.stranger for letter in held) or (
        bool(wanted.message) and company.is_a_strangers(ask.kind, wanted.sender, owner=ask.settings.resident.owner)
    )


def _lost(ask: Ask, *, strangers: bool) -> tuple[str, ...]:
    return able.withheld(ask.kind.name, ask.settings.session.outward_with_strangers) if strangers else ()


def _inside(home: Path, image: str) -> tuple[str, ...]:
    inside = Access(str(home)).relative(image) if image else None
    return (inside,) if inside else ()


def _open_to_it(context: Context, access: Access) -> tuple[tuple[str, str], ...]:
    """The folders that this session can look into, and what each is for."""
    return tuple((name, about) for name, about in context.values["directories"] if name not in access.closed)


def _size(value: object) -> int:
    """Characters of a part."""
    if isinstance(value, str | Letters):
        return len(value)
    return sum(_size(part) for part in value) if isinstance(value, tuple) else 0
