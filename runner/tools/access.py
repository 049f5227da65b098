"""What of a home one session may read and write. The guard, which runs alone, uses it too: it imports nothing of ours.

Whether a path is allowed is decided by its words; who follows links has to ask about the place they lead to as well.
"""

import os
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

KEY_ENDINGS = (".env", ".key", ".pem")
MACHINERY = ".git"
"""Never a session's, wherever it lies: what is in it is run by git as whoever runs the process."""
_FIRST, _LAST = 0x22, 0xFFFF
"""Letters that a name may begin with, as far as patterns know them."""


class Access(NamedTuple):
    """Of one session. What is not named here is the resident's own, but for hidden names directly in the home."""

    home: str
    closed: frozenset[str] = frozenset()
    """Files and folders directly in the home that are neither read nor written."""
    kept: frozenset[str] = frozenset()
    """Those that are read and not written."""
    parts: Mapping[str, tuple[str, ...]] = {}
    """What can be read all the same in a folder that is closed: names directly in it."""
    files: frozenset[str] = frozenset()
    """Single files, relative to the home, that can be read wherever they lie."""

    def as_json(self) -> dict[str, Any]:
        """For a file that `of_json` reads."""
        return {
            "home": self.home,
            "closed": sorted(self.closed),
            "kept": sorted(self.kept),
            "parts": {folder: list(names) for folder, names in self.parts.items()},
            "files": sorted(self.files),
        }

    def relative(self, path: str) -> str | None:
        """Where a path is below the home, "" being the home itself; None when it lies elsewhere. By words alone."""
        home = posixpath.normpath(self.home)
        whole = posixpath.normpath(posixpath.join(home, path))
        if whole == home:
            return ""
        return whole[len(home) + 1 :] if whole.startswith(home.rstrip("/") + "/") else None

    def refusal(self, path: str, *, write: bool = False) -> str | None:
        """Why this path can't be used so; None when it can."""
        if "\0" in path:
            return "a path cannot contain a NUL character"
        inside = self.relative(path)
        if inside is None:
            return f"{path} is outside your home; only files inside it can be used"
        parts = inside.split("/") if inside else []
        if MACHINERY in parts or (parts and parts[0].startswith(".")):
            return f"{path} is closed: {MACHINERY if MACHINERY in parts else parts[0]} belongs to the house"
        if parts and parts[-1].lower().endswith(KEY_ENDINGS):
            return f"{path} is closed: files of this kind hold keys"
        return self._refusal_in(inside, parts, path, write=write) if parts else None

    def _refusal_in(self, inside: str, parts: list[str], path: str, *, write: bool) -> str | None:
        top = parts[0]
        if top not in self.closed:
            return (
                f"{path} can't be written: {top} is written by the house alone" if write and top in self.kept else None
            )
        if not write and (inside in self.files or (len(parts) > 1 and parts[1] in self.parts.get(top, ()))):
            return None
        return f"{path} is closed to this session: {top} belongs to the house"

    def refusal_through(self, path: str, *, write: bool = False, cwd: str = "") -> str | None:
        """The same for whoever follows links: the place they lead to has to be allowed too. Looks at the disk.

        A path is taken from *cwd*, where there is one; the home may be called by its own name or by the one it has on
        the disk, if a link leads to it.
        """
        there = self._replace(home=os.path.realpath(self.home))
        if cwd and os.path.realpath(cwd) != there.home:
            path = posixpath.join(cwd, path)
        inside = self.relative(path)
        if inside is None:
            inside = there.relative(path)
        if path.startswith("~") or inside is None:
            return f"{path} is outside your home; only files inside it can be used"
        refused = self.refusal(inside, write=write)
        if refused is not None:
            return refused
        real = os.path.realpath(posixpath.join(there.home, inside))
        # what a link brings from another folder would be shown to the public like what lies in this one
        if there.refusal(real, write=write) is None and _top(there.relative(real)) == _top(inside):
            return None
        return f"{path} leads by a link out of its folder; links are followed only to places in the same one"

    def leads_on(self, folder: str) -> bool:
        """Whether a search may go on into this folder: something in it can be read."""
        if self.refusal(folder) is None:
            return True
        inside = self.relative(folder)
        return inside in self.parts or any(file.startswith(f"{inside}/") for file in self.files)

    def open_in(self, closed: str) -> list[list[str]]:
        """The paths below a closed folder that can be read all the same, by their components."""
        below = [file.split("/")[1:] for file in self.files if file.startswith(f"{closed}/")]
        return sorted([[name] for name in self.parts.get(closed, ())] + below)


def _top(inside: str | None) -> str:
    return (inside or "").partition("/")[0]


def of_json(value: Mapping[str, Any]) -> Access:
    """What `as_json` made; KeyError or TypeError for anything else."""
    return Access(
        str(value["home"]),
        frozenset(map(str, value["closed"])),
        frozenset(map(str, value["kept"])),
        {str(folder): tuple(map(str, names)) for folder, names in value["parts"].items()},
        frozenset(map(str, value["files"])),
    )


def beginning_of(pattern: str) -> str:
    """The folder in which a glob pattern begins to look: its components before the first that is no plain name."""
    plain: list[str] = []
    for part in pattern.split("/")[:-1]:
        if any(char in part for char in "*?[]{}!\\"):
            break
        plain.append(part)
    return "/".join(plain) or ("/" if pattern.startswith("/") else "")


def all_but(folder: str, left_open: Sequence[Sequence[str]]) -> Iterator[str]:
    """Glob patterns that match all that is in a folder but these paths: for rules that know no exception."""
    if not left_open:
        yield f"{folder}/**"
        return
    for other in _others_than({path[0] for path in left_open}):
        yield f"{folder}/{other}"
        yield f"{folder}/{other}/**"
    for name in sorted({path[0] for path in left_open}):
        below = [path[1:] for path in left_open if path[0] == name]
        if all(below):  # else the whole of it is open
            yield from all_but(f"{folder}/{name}", below)


def _others_than(names: AbstractSet[str]) -> Iterator[str]:
    """Together they match every name but these, and none of these."""

    def differ(prefix: str, rests: AbstractSet[str]) -> Iterator[str]:
        firsts = "".join(sorted({rest[0] for rest in rests if rest}))
        if "" not in rests and prefix:
            yield prefix
        yield f"{prefix}{_no_letter_of(firsts) if firsts else '?'}*"
        for first in firsts:
            yield from differ(prefix + first, {rest[1:] for rest in rests if rest.startswith(first)})

    return differ("", names)


def _no_letter_of(letters: str) -> str:
    """A class of all other letters, told by ranges: one of the CLI's two matchers does not know negation, nor case."""
    special = {"-", "^", "!", "[", "]", "\\", "/"}
    left_out = {*letters.lower(), *letters.upper(), *special}
    ends = sorted({ord(letter) for letter in left_out if ord(letter) > _FIRST} | {_LAST + 1})
    ranges, begin = "", _FIRST
    for end in ends:
        if end - 1 > begin:
            ranges += f"{chr(begin)}-{chr(end - 1)}"
        elif end - 1 == begin:
            ranges += chr(begin)
        begin = end + 1
    # these are no letters of their own except where they can't be anything else
    return f"[{ranges}{''.join(mark for mark in '!^-' if mark not in letters)}]"
