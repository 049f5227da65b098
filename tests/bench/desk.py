"""Files that are edited one after the other, each edit with the next number, and what may still be said of them."""

import random
import re
import time
from pathlib import Path

import attrs

RESTING_SECONDS = 1.0
"""A file that was edited is left alone for so long, so that its news can be told apart."""
WAYS = ("replaced", "rewritten", "overwritten")
"""As a whole by a rename; emptied and written again; written over in its place, at the same length."""
MARK = re.compile(rb"edit (\d{7}) of (\d{3})\b")
"""An edit's number and its file's, in title and text."""


@attrs.frozen
class Edit:
    """One edit: the number it wrote, and when it was done."""

    number: int
    file: int
    way: str
    done: float


def page(number: int, file: int) -> str:
    """A text of always the same length."""
    mark = f"edit {number:07} of {file:03}"
    return f'---\ndate: "2026-03-01"\ntitle: "{mark}"\n---\n\n{mark} in the text\n\n{"words and more words " * 60}\n'


@attrs.define
class Desk:
    """Edits the files, and knows what an answer must say of them."""

    files: list[Path]
    number: int = 0
    edits: dict[int, list[Edit]] = attrs.field(factory=dict)
    _random: random.Random = attrs.field(factory=lambda: random.Random(7))

    def edit(self) -> Edit | None:
        """Edit a random file that has rested; None when none has."""
        now = time.perf_counter()
        rested = [n for n in range(len(self.files)) if now - self.last(n).done >= RESTING_SECONDS]
        if not rested:
            return None
        return self.write(self._random.choice(rested), WAYS[self.number % len(WAYS)])

    def write(self, file: int, way: str) -> Edit:
        """Edit this file in this way."""
        self.number += 1
        path, text = self.files[file], page(self.number, file)
        if way == "replaced":
            hidden = path.with_name(".edit.tmp")
            hidden.write_text(text)
            hidden.replace(path)
        elif way == "rewritten":
            path.write_text(text)
        else:
            with path.open("r+b", buffering=0) as place:
                place.write(text.encode())
        edit = Edit(self.number, file, way, time.perf_counter())
        self.edits.setdefault(file, []).append(edit)
        return edit

    def last(self, file: int) -> Edit:
        """The last edit of a file."""
        return self.edits[file][-1]

    def age(self, file: int, number: int | None, asked_at: float) -> float | None:
        """For how long what an answer leaves out had been true when it was asked for; None for what never was true.

        No number at all is what a file says while it is being rewritten.
        """
        edits = self.edits[file]
        if number is None:
            empty = [edit.done for edit in edits if edit.way == "rewritten"]
            return max(0.0, asked_at - empty[-1]) if empty else None
        age = 0.0
        for edit in reversed(edits):
            if edit.number <= number:
                return max(0.0, age) if edit.number == number else None
            age = asked_at - edit.done
        return None
