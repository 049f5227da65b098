"""Run by the CLI before each use of a tool: lets pass what this session may do, and refuses the rest.

The CLI's own rules know neither where a link leads nor what belongs to whom, and its shell runs commands that only read
without asking, `cat < FILE` and `grep -r` among them. So it asks here: exit code 0 leaves the decision to the CLI's
rules, 2 refuses. It is given the file of what the session may do, and takes nothing of this program but the one module
that knows about paths: it has to be quick.
"""

import fnmatch
import json
import os
import posixpath
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

if __name__ == "__main__":  # run by its path: where our packages lie is not known then
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))  # noqa: PTH100, PTH120 - pathlib takes long to import

from runner.tools.access import Access, beginning_of, of_json

PROGRAM = "claude-runner"
SHELL = "Bash"
_READS = frozenset({"Read", "NotebookRead", "Glob", "Grep", "LS", "List", "Search"})
_PATHS = ("file_path", "notebook_path", "path")
_PATTERNS: Mapping[str, str] = {"Glob": "pattern", "Grep": "glob"}
"""Which member of a search says where it goes beside its path."""

_WORD = r"""(?:[\w@%+=:,./-]|'[^'\0]*+'|"(?:[^"$`\\\0]|\\["\\])*+")++"""
PLAIN = re.compile(f"{_WORD}(?: ++{_WORD})*+")
"""One call with its words, quoted or not: nothing in it that a shell would make more of, or read as other words."""


def words_of(command: str) -> list[str] | None:
    """The words of one plain call; None for anything else."""
    return shlex.split(command) if PLAIN.fullmatch(command) else None


def passes(command: str, names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether the CLI may go on to its own rules with this command."""
    call = command.strip(" \t\n")
    words = words_of(call)
    if words is None:
        return False
    if len(words) > 1 and words[0] == PROGRAM and words[1] in names:
        return True
    return any(_fits(call, pattern) for pattern in patterns)


def _fits(call: str, pattern: str) -> bool:
    """As the CLI's rules are meant: without a star the very words, with one at the end what begins so."""
    beginning = next((pattern.removesuffix(end) for end in (":*", " *") if pattern.endswith(end)), None)
    return (
        fnmatch.fnmatchcase(call, pattern) if beginning is None else fnmatch.fnmatchcase(f"{call} ", f"{beginning} *")
    )


def refused_path(tool: str, given: Mapping[str, Any], access: Access, cwd: str = "") -> str | None:
    """Why this tool may not touch what it names; None where it may, or names nothing."""
    write = tool not in _READS
    for path in _places(tool, given):
        refused = access.refusal_through(path, write=write, cwd=cwd)
        if refused is not None:
            return refused
    return None


def _places(tool: str, given: Mapping[str, Any]) -> Iterator[str]:
    folder = ""
    for member in _PATHS:
        path = given.get(member)
        if isinstance(path, str) and path:
            folder = path
            yield path
    pattern = given.get(_PATTERNS.get(tool, ""))
    if isinstance(pattern, str):
        yield posixpath.join(folder, beginning_of(pattern))
        if ".." in pattern.split("/"):
            yield ".."  # after a star nobody knows where it leads
        elif pattern.startswith("~"):
            yield pattern


def verdict(told: Mapping[str, Any], call: Mapping[str, Any]) -> str | None:
    """Why a call, told as the CLI tells it to its hooks, is refused; None where it may go on."""
    tool: str = call["tool_name"]
    given: Mapping[str, Any] = call["tool_input"]
    if tool != SHELL:
        return refused_path(tool, given, of_json(told["access"]), str(call.get("cwd", "")))
    names, patterns = told["commands"], told["patterns"]
    if told["shell"] or passes(given["command"], names, patterns):
        return None
    calls = ", ".join(f"`{PROGRAM} {name} ...`" for name in names) or "nothing"
    more = " and what the operator allows" if patterns else ""
    return (
        f"the shell runs {calls}{more}, each as one plain call: no pipes, redirections, substitutions or second "
        "commands; a text with more than letters, digits and @%+=:,./- in it stands in quotes, one with $, ` or \\ in "
        "single quotes or in a file"
    )


def main(told: str, call: str) -> int:
    """The exit code for one call; whatever can't be understood is refused."""
    try:
        refused = verdict(json.loads(told), json.loads(call))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        refused = f"this call can't be understood ({type(error).__name__})"
    if refused is None:
        return 0
    sys.stderr.write(refused.encode("utf-8", "replace").decode() + "\n")
    return 2


if __name__ == "__main__":
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 - as above
        sys.exit(main(file.read(), sys.stdin.buffer.read().decode("utf-8", "replace")))
