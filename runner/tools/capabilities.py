"""What a session is able to do: its tools, and the resident's commands it may call. Prompts name nothing else."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs


@attrs.frozen(kw_only=True)
class ToolCommand:
    """One of the resident's commands: `claude-runner NAME …` in a shell, a tool of the same name elsewhere."""

    about: str
    outward: bool = False
    """Carries words out of the house: lost by a session that reads strangers' words, unless granted."""
    by_shell: str
    """How it is called there, as prompts say it."""
    by_tool: str
    takes: Mapping[str, str]
    """The tool's members with their meaning; all of them texts."""
    needs: tuple[str, ...] = ()


COMMANDS: Mapping[str, ToolCommand] = MappingProxyType(
    {
        "letter": ToolCommand(
            about="Send a letter to one of your correspondents.",
            outward=True,
            by_shell='`claude-runner letter --to USER --reply-to ID "the text"`, or with `--file PATH` in place of the '
            "text when it is long",
            by_tool="the tool `letter` (to: USER, reply_to: ID, text)",
            takes={
                "to": "The correspondent's user name.",
                "text": "What the letter says.",
                "reply_to": "The id of the message that this answers.",
            },
            needs=("to", "text"),
        ),
        "schedule": ToolCommand(
            about="Set a wake of your own, see what is set, or cancel it.",
            by_shell='`claude-runner schedule --at HH:MM --reason "..."` or `--in 2h`; `--status` tells what is '
            "planned, `--cancel` unsets it",
            by_tool="the tool `schedule` (at: HH:MM or in: 2h, and reason); with action: status it tells what is "
            "planned, with action: cancel it unsets it",
            takes={
                "action": "set (when nothing is said), status or cancel.",
                "at": "HH:MM on the home's clock.",
                "in": "A span from now, such as 2h, 45m or 1h30m.",
                "reason": "Why; you will read it then.",
            },
        ),
        "impulse": ToolCommand(
            about="Keep a short wish for later, see those that live, or let go of one.",
            by_shell='`claude-runner impulse add "the wish"`, `impulse list`, `impulse drop ID`',
            by_tool="the tool `impulse` (action: add with words, list, or drop with id)",
            takes={
                "action": "add, list or drop.",
                "words": "The wish, 280 characters at most.",
                "urgency": "How much it presses; low when nothing is said.",
                "id": "The one to let go of.",
            },
            needs=("action",),
        ),
    }
)
"""The resident's commands that exist. What else is said of them anywhere is made from this table."""
OUTWARD = frozenset({"telegram", "web", *(name for name, command in COMMANDS.items() if command.outward)})
OUTWARD_TOOLS = ("WebFetch", "WebSearch")
_RULE = re.compile(r"Bash(?:\((?P<command>.*)\))?", re.DOTALL)
_CALL = re.compile(r"claude-runner(?:[ :]+(?P<name>[a-z-]+))?(?:[ :].*|\*)?", re.DOTALL)


@attrs.frozen
class Grant:
    """Which of the resident's commands one session may call, and to whom it may write."""

    commands: tuple[str, ...] = ()
    letters_to: tuple[str, ...] | None = None
    """User names; None is everybody."""
    letters_of: tuple[str, ...] | None = None
    """Whose letters it may read; None is everybody's, and with them chats, conversations and records of sessions."""
    shown: tuple[str, ...] = ()
    """Single files, relative to the home, that came with what was said to it."""


@attrs.frozen
class Capabilities:
    """Tools by name, or all of them; and commands."""

    tools: tuple[str, ...] = ()
    everything: bool = False
    """The operator gave every tool without asking."""
    commands: frozenset[str] = frozenset()
    by_shell: bool = False
    """Commands are called through a shell, and not as tools."""
    pictures: bool = False
    """Its Read shows pictures too."""

    def has(self, tool: str) -> bool:
        return self.everything or tool in self.tools

    def without(self, withheld: Iterable[str]) -> "Capabilities":
        """The same less some commands and tools."""
        names = frozenset(withheld)
        tools = tuple(tool for tool in self.tools if tool not in names)
        return attrs.evolve(self, tools=tools, commands=self.commands - names)

    def usage(self) -> Mapping[str, str]:
        """How each command is called here, in the table's order."""
        return {
            name: command.by_shell if self.by_shell else command.by_tool
            for name, command in COMMANDS.items()
            if name in self.commands
        }


def of_cli(
    tools: Iterable[str], allow: Iterable[str], commands: Iterable[str] = (), *, dangerous: bool
) -> Capabilities:
    """What the CLI lets a session do: its tools, what the operator's permission rules add, and the commands."""
    if dangerous:
        return Capabilities((), everything=True, commands=frozenset(COMMANDS), by_shell=True, pictures=True)
    rules = [rule.strip() for rule in allow]
    named = [rule.partition("(")[0].strip() for rule in rules]
    offered = tuple(dict.fromkeys([*tools, *(name for name in named if name)]))
    able = frozenset([*commands, *(name for rule in rules for name in _allowed(rule))])
    return Capabilities(offered, commands=able, by_shell=True, pictures="Read" in offered)


def cli_rules(commands: Iterable[str]) -> list[str]:
    """The CLI's permission rules that make commands callable."""
    return [f"Bash(claude-runner {name}:*)" for name in commands]


def _allowed(rule: str) -> Iterable[str]:
    found = _RULE.fullmatch(rule)
    if found is None:
        return ()
    if found["command"] is None or found["command"] in {"*", ":*"}:
        return COMMANDS
    call = _CALL.fullmatch(found["command"])
    if call is None:
        return ()
    if call["name"] is None:
        return COMMANDS if "*" in found["command"] else ()
    return tuple(name for name in COMMANDS if name == call["name"])


def withheld(kind: str, granted: Iterable[str]) -> tuple[str, ...]:
    """What a session loses for reading strangers' words: outward commands and tools, less the operator's grants.

    A session for letters keeps the way to answer them.
    """
    given = set(granted)
    kept = {"letter"} if kind == "correspondence" or "letter" in given else set()
    kept |= {"telegram"} & given
    kept |= {"web"} if {"web-search", "web-read"} <= given else set()
    tools = [tool for tool, grant in zip(OUTWARD_TOOLS, ("web-read", "web-search"), strict=True) if grant not in given]
    return (*sorted(OUTWARD - kept), *tools)


def letters_to(kind: str, granted: Iterable[str], held: Iterable[str]) -> tuple[str, ...] | None:
    """To whom a session may write: one for letters only to those whose letters it holds, unless more is granted."""
    return tuple(held) if kind == "correspondence" and "letter" not in set(granted) else None
