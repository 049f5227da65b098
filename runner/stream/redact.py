"""Takes secrets out of text: known shapes, and the literal values of every configured secret.

Redaction always comes before cutting, and while text is still arriving the end that could be the beginning of a secret
is held back: half a key is a leak too.
"""

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any

MARK = "[REDACTED]"

_SHAPES = re.compile(
    r"sk-ant-[A-Za-z0-9_\-]+"
    r"|\bsk_[A-Za-z0-9_]{20,}"
    r"|\bsk-[A-Za-z0-9_\-]{20,}"
    r"|\b(?:ses|mb)_[A-Za-z0-9_\-]{8,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\b\d{6,}:[A-Za-z0-9_\-]{30,}"
    r"|\bBearer\s+[A-Za-z0-9._~+/=\-]{20,}"
)
_ASSIGNED = re.compile(r"(\b[A-Z0-9_]*(?:API_KEYS?|_TOKEN|_SECRET|PASSWORD)\s*=\s*)\S+")
_VALUE_OPEN = re.compile(r"(?:KEYS?|_TOKEN|_SECRET|PASSWORD)\s*(?:=\s*\S*)?$")
_BEARER_OPEN = re.compile(r"\bBearer\s*$")
_TOKEN = string.ascii_letters + string.digits + "_-:.+/~="
_NAME = string.ascii_uppercase + string.digits + "_"
_SHORTEST_LITERAL = 6
"""Shorter configured values (a chat id, a test key) would black out ordinary words."""
_PORTION = 64 * 1024


class Redactor:
    """One set of secrets, used for everything public of a process."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = sorted({value for value in secrets if len(value) >= _SHORTEST_LITERAL}, key=len, reverse=True)
        self._literals = tuple(values)
        self._literal = re.compile("|".join(map(re.escape, values))) if values else None

    def text(self, text: str) -> str:
        """The text with every secret replaced by a mark."""
        if len(text) <= _PORTION:
            return self._short(text)
        # in portions, each ending where no secret can be open: one long regex call would hold up every other thread
        done: list[str] = []
        start, size = 0, _PORTION
        while start < len(text):
            portion = text[start : start + size]
            end = self.settled(portion) if start + size < len(text) else len(portion)
            if end == 0:
                size *= 2
                continue
            done.append(self._short(portion[:end]))
            start, size = start + end, _PORTION
        return "".join(done)

    def clipped(self, text: str, limit: int) -> str:
        """At most so many characters from the beginning, redacted: no secret is cut in two by it."""
        if len(text) > limit:
            text = text[:limit]
            text = text[: self.settled(text)]
        return self.text(text)

    def _short(self, text: str) -> str:
        if self._literal is not None:
            text = self._literal.sub(MARK, text)
        return _ASSIGNED.sub(r"\g<1>" + MARK, _SHAPES.sub(MARK, text))

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it redacted, names of members included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(member) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(member) for member in value]
        return value

    def settled(self, text: str) -> int:
        """How much of still growing text can be shown: no secret can begin before that point and end after it."""
        end = len(text) if text[-1:].isspace() else len(text.rstrip(_TOKEN))
        bearer = _BEARER_OPEN.search(text, 0, end)
        if bearer:
            end = bearer.start()
        value = _VALUE_OPEN.search(text)
        if value:
            end = min(end, len(text[: value.start()].rstrip(_NAME)))
        return self._before_literals(text, end)

    def _before_literals(self, text: str, end: int) -> int:
        """The nearest point up to `end` that lies in no configured value, nor in one that may still be arriving."""
        for literal in self._literals:
            for size in range(min(len(literal) - 1, len(text)), 0, -1):
                if text.endswith(literal[:size]):
                    end = min(end, len(text) - size)
                    break
        moved = True
        while moved:
            moved = False
            for literal in self._literals:
                found = text.find(literal, max(0, end - len(literal) + 1), end + len(literal) - 1)
                if -1 < found < end:
                    end, moved = found, True
        return end
