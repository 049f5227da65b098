"""Run by the CLI before each use of its shell: lets the resident's commands pass, and nothing that reads beside them.

The CLI by itself runs commands that only read without asking, `cat < FILE` and `grep -r` among them, and with them the
closed folders would be open. So it asks here: exit code 0 leaves the decision to the CLI's rules, 2 refuses.

Takes the commands' names and, after `--`, the operator's own patterns for the shell. It runs alone: no other module of
the package is imported, so that it is quick.
"""

import fnmatch
import json
import re
import shlex
import sys
from collections.abc import Sequence

PROGRAM = "claude-runner"
_WORD = r"""(?:[^\s;&|<>(){}\[\]*?!#~$`\\'"]|'[^']*+'|"(?:[^"$`\\]|\\[^\n])*+")++"""
PLAIN = re.compile(f"{_WORD}(?: ++{_WORD})*+")
"""One call with its words, quoted or not: nothing in it that a shell would make more of."""


def words_of(command: str) -> list[str] | None:
    """The words of one plain call; None for anything else."""
    return shlex.split(command) if PLAIN.fullmatch(command) else None


def passes(command: str, names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Whether the CLI may go on to its own rules with this command."""
    words = words_of(command.strip())
    if words is None:
        return False
    if len(words) > 1 and words[0] == PROGRAM and words[1] in names:
        return True
    call = f"{command.strip()} "
    return any(fnmatch.fnmatchcase(call, f"{pattern.removesuffix(':*').removesuffix(' *')} *") for pattern in patterns)


def main(arguments: Sequence[str], given: str) -> int:
    """The exit code for one call, told as the CLI tells it to its hooks."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    names, patterns = arguments[:place], arguments[place + 1 :]
    try:
        command = json.loads(given)["tool_input"]["command"]
    except (ValueError, KeyError, TypeError):
        command = None
    if isinstance(command, str) and passes(command, names, patterns):
        return 0
    calls = ", ".join(f"`{PROGRAM} {name} ...`" for name in names) or "nothing"
    more = " and what the operator allows" if patterns else ""
    sys.stderr.write(
        f"the shell runs {calls}{more}, each as one plain call: no pipes, redirections, substitutions or second "
        "commands; a text with $ or ` in it stands in single quotes or in a file\n"
    )
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin.read()))
