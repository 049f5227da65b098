"""Which tool calls the public may see. Deny by default: only what stays inside public folders is shown whole.

SHOWN   call and result are public.       NAMED   the tool's name and nothing that it touched.
HIDDEN  neither call nor result leaves a trace: it names something private.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from runner.home.tree import TOP, Visibility
from runner.tools.access import beginning_of
from runner.tools.capabilities import COMMANDS

_SEEN = {folder.name: folder.visibility for folder in TOP}
PRIVATE_ROOTS = tuple(sorted(name for name, seen in _SEEN.items() if seen is Visibility.HIDDEN))
_PRIVATE_NAMES = re.compile(
    r"(?:^|[^A-Za-z0-9_-])(?:" + "|".join(PRIVATE_ROOTS) + r")(?:/|\\|\"|'|\s|$|\*|;|\||[,}\])])"
    r"|\.env\b|\.key\b|\.pem\b|sessions\.db|\.claude\b|\.git/"
)
_NAMED_FOLDER = re.compile(r"(?:^|[\s\"'=(:/])(?:" + "|".join(PRIVATE_ROOTS) + r")/|\.env\b|sessions\.db")
_PATH_MEMBERS = {
    "read": "file_path",
    "write": "file_path",
    "edit": "file_path",
    "multiedit": "file_path",
    "notebookedit": "notebook_path",
    "glob": "path",
    "grep": "path",
    "list": "path",
    "ls": "path",
    "search": "path",
}
_ERRAND = re.compile(rf"\bclaude-runner\s+(?:{'|'.join(COMMANDS)})\b")
"""A call of one of the resident's commands: letters, wishes and plans are private, as the folders are they go into."""
_GERUND = {"read": "Reading", "write": "Writing", "edit": "Editing", "list": "Listing", "ls": "Listing"}


@attrs.frozen
class VisibilityJudge:
    """Judges tool calls of the session that lives in `home`."""

    home: Path

    def judge(self, tool: str, given: Mapping[str, Any]) -> Visibility:
        """How much of this call may be seen. Judged by words alone: nothing is looked up on the disk."""
        name = tool.lower()
        if name in COMMANDS or (name == "bash" and _ERRAND.search(_text(given, "command"))):
            return Visibility.HIDDEN
        member = _PATH_MEMBERS.get(name)
        words = [text for key, text in _strings(given) if member is None or key not in {"content", "new_string"}]
        path = self._place(name, given, member)
        seen = None if path is None else _SEEN.get(path.partition("/")[0])
        if seen is Visibility.SHOWN and not self._wanders(name, given, path or ""):
            return Visibility.SHOWN
        if path is not None and (seen is Visibility.HIDDEN or path.startswith(".")):
            return Visibility.HIDDEN
        if any(_PRIVATE_NAMES.search(self._without_home(text)) for text in words):
            return Visibility.HIDDEN
        return Visibility.NAMED

    def _place(self, name: str, given: Mapping[str, Any], member: str | None) -> str | None:
        """Where in the home a call works; of a glob also where its pattern begins to look."""
        if member is None:
            return None
        path = _text(given, member)
        if name == "glob" and (begins := beginning_of(_text(given, "pattern"))):
            path = posixpath.join(path, begins)
        return self.inside(path)

    def _wanders(self, name: str, given: Mapping[str, Any], path: str) -> bool:
        """Whether it may touch more than its place says."""
        pattern = _text(given, "pattern") if name == "glob" else ""
        return ".." in pattern or pattern.startswith("~") or any(part.startswith(".") for part in path.split("/"))

    def shows_result(self, content: str) -> bool:
        """Whether what a shown call gave back may be shown: not when it names private files."""
        return _NAMED_FOLDER.search(self._without_home(content)) is None

    def inside(self, path: str) -> str | None:
        """The path relative to the home, normalised; None when it lies elsewhere or is missing."""
        if not path or "\x00" in path:
            return None
        whole = posixpath.normpath(posixpath.join(str(self.home), path))
        home = posixpath.normpath(str(self.home))
        return whole[len(home) + 1 :] if whole.startswith(home + "/") else None

    def summary(self, tool: str, given: Mapping[str, Any], visibility: Visibility) -> str:
        """One line for people about a call that is not hidden."""
        name = tool.lower()
        described = _text(given, "description")
        if name == "bash" and described:
            return described
        if visibility is not Visibility.SHOWN:
            return f"Using {tool}"
        if name in {"glob", "grep", "search"}:
            pattern = _text(given, "pattern")
            return f"Searching for {pattern}" if name == "glob" else f'Searching for "{pattern}"'
        if name in _GERUND:
            return f"{_GERUND[name]} /{self.inside(_text(given, _PATH_MEMBERS[name]))}"
        return f"Using {tool}"

    def _without_home(self, text: str) -> str:
        return text.replace(str(self.home) + "/", " ")


def _text(given: Mapping[str, Any], member: str | None) -> str:
    value = given.get(member) if member is not None else None
    return value if isinstance(value, str) else ""


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _strings(member, str(name))
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _strings(member, key)
