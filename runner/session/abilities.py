"""What a session is able to do: its tools, and the resident's commands it may call. Prompts name nothing else."""

import re
from collections.abc import Iterable

import attrs

COMMANDS = ("impulse", "letter", "schedule")
"""The resident's commands that exist; each is called as `claude-runner NAME …`."""
OUTWARD = frozenset({"letter", "telegram", "web"})
"""Commands that carry words out of the house: lost by a session that reads strangers' words, unless granted."""
OUTWARD_TOOLS = ("WebFetch", "WebSearch")
_RULE = re.compile(r"Bash(?:\((?P<command>.*)\))?", re.DOTALL)
_CALL = re.compile(r"claude-runner(?:[ :]+(?P<name>[a-z-]+))?(?:[ :].*|\*)?", re.DOTALL)


@attrs.frozen
class Abilities:
    """Tools by name, or all of them; and commands."""

    tools: tuple[str, ...] = ()
    everything: bool = False
    """The operator gave every tool without asking."""
    commands: frozenset[str] = frozenset()
    pictures: bool = False
    """Its Read shows pictures too."""

    def has(self, tool: str) -> bool:
        return self.everything or tool in self.tools

    def without(self, withheld: Iterable[str]) -> "Abilities":
        """The same less some commands and tools."""
        names = frozenset(withheld)
        tools = tuple(tool for tool in self.tools if tool not in names)
        return attrs.evolve(self, tools=tools, commands=self.commands - names)


def of_cli(tools: Iterable[str], allow: Iterable[str], *, dangerous: bool) -> Abilities:
    """What the CLI lets a session do, by its permission rules."""
    if dangerous:
        return Abilities((), everything=True, commands=frozenset(COMMANDS), pictures=True)
    rules = [rule.strip() for rule in allow]
    named = [rule.partition("(")[0].strip() for rule in rules]
    offered = tuple(dict.fromkeys([*tools, *(name for name in named if name)]))
    commands = frozenset(name for rule in rules for name in _allowed(rule))
    return Abilities(offered, commands=commands, pictures="Read" in offered)


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
