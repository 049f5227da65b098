"""The file tools of a session that has no CLI: read, write, edit, list and search, inside the home and nowhere else.

Every path is walked component by component from the home's own descriptor and no symlink is ever followed, so nothing
can lead out between the check and the use. All of it blocks: `HomeTools.call` runs in a thread.
"""

import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from runner.storage import files
from runner.tools.access import Access
from runner.tools.capabilities import Grant
from runner.tools.errors import RefusedToolError
from runner.tools.grants import access_of

READ_LIMIT = 256 * 1024
WRITE_LIMIT = 1024 * 1024
SEARCH_FILE_LIMIT = 1024 * 1024
MATCHES = 200
ENTRIES = 1000


def schema(properties: Mapping[str, str], required: tuple[str, ...]) -> dict[str, Any]:
    """What the Messages API wants to know of a tool's members, all of them texts."""
    members = {name: {"type": "string", "description": meaning} for name, meaning in properties.items()}
    return {"type": "object", "properties": members, "required": list(required), "additionalProperties": False}


_PATH = "Path of a file in your home, relative to it or absolute."
_FOLDER = "A folder in your home; without it the whole home."
DESCRIPTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "Read": ("Read a text file of your home.", schema({"file_path": _PATH}, ("file_path",))),
    "Write": (
        "Write a text file of your home; an older one of that name is replaced, missing folders are made.",
        schema({"file_path": _PATH, "content": "The whole new text."}, ("file_path", "content")),
    ),
    "Edit": (
        "Replace one passage of a text file. The old text has to occur exactly once.",
        schema(
            {"file_path": _PATH, "old_string": "What stands there now.", "new_string": "What shall stand there."},
            ("file_path", "old_string", "new_string"),
        ),
    ),
    "List": ("List a folder of your home.", schema({"path": _FOLDER}, ())),
    "Search": (
        "Find a piece of text, whatever its case, in the files of a folder.",
        schema({"pattern": "The text to look for, taken literally.", "path": _FOLDER}, ("pattern",)),
    ),
}
_SAME_AS = {"Glob": "List", "Grep": "Search"}


@attrs.frozen
class ToolAnswer:
    content: str
    is_error: bool = False


@attrs.frozen
class HomeTools:
    """The tools of one home."""

    home: Path
    allowed: tuple[str, ...] = tuple(DESCRIPTIONS)
    grant: Grant = attrs.field(factory=Grant)
    """Of the session that uses them."""

    access: Access = attrs.field(
        init=False, default=attrs.Factory(lambda self: access_of(self.grant, self.home), takes_self=True)
    )

    def names(self) -> tuple[str, ...]:
        """The tools this session has; the CLI's names for the same thing are understood."""
        wanted = {_SAME_AS.get(name, name) for name in self.allowed}
        return tuple(name for name in DESCRIPTIONS if name in wanted)

    def definitions(self) -> list[dict[str, Any]]:
        """As the Messages API wants them."""
        return [
            {"name": name, "description": DESCRIPTIONS[name][0], "input_schema": dict(DESCRIPTIONS[name][1])}
            for name in self.names()
        ]

    def call(self, name: str, given: Mapping[str, Any], *, also: tuple[str, ...] = ()) -> ToolAnswer:
        """Do it; *also* names what the session has beside these tools.

        Whatever is wrong comes back as an answer marked as an error: the resident can read it and go on.
        """
        actions: dict[str, Callable[[Mapping[str, Any]], str]] = {
            "Read": self._read,
            "Write": self._write,
            "Edit": self._edit,
            "List": self._list,
            "Search": self._search,
        }
        if name not in self.names():
            return ToolAnswer(f"there is no tool {name!r}; you have {', '.join((*self.names(), *also))}", is_error=True)
        try:
            return ToolAnswer(actions[name](given))
        except RefusedToolError as refusal:
            return ToolAnswer(str(refusal), is_error=True)
        except OSError as error:
            return ToolAnswer(f"{name} failed: {error.strerror or error}", is_error=True)

    def _parts(self, path: str, *, write: bool = False) -> tuple[str, ...]:
        """The components below the home; whatever lies elsewhere or is closed is refused by name."""
        access = self.access
        refused = access.refusal(path, write=write)
        if refused is not None:
            raise RefusedToolError(refused)
        inside = access.relative(path)
        return tuple(inside.split("/")) if inside else ()

    @contextlib.contextmanager
    def _folder(self, parts: tuple[str, ...], shown: str, *, make: bool = False) -> Iterator[int]:
        descriptor = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=descriptor)
                try:
                    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
                    inner = os.open(part, flags, dir_fd=descriptor)
                except FileNotFoundError:
                    raise RefusedToolError(f"{shown} does not exist") from None
                except OSError:
                    raise RefusedToolError(f"{shown} can't be used: {part} is no folder, or a link") from None
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _may_read(self, folder: tuple[str, ...], name: str) -> bool:
        return self.access.refusal("/".join((*folder, name))) is None

    def text(self, path: str, limit: int = READ_LIMIT) -> str:
        """What stands in a file that the resident may read; RefusedToolError or OSError for any other."""
        parts = self._parts(path)
        if not parts:
            raise RefusedToolError(f"{path} is a folder; use List")
        with self._folder(parts[:-1], path) as folder:
            content = _read_at(folder, parts[-1], path, limit + 1)
        if len(content) > limit:
            raise RefusedToolError(f"{path} is larger than {limit // 1024} KiB, more than can be read at once")
        return content.decode("utf-8", "replace")

    def _store(self, path: str, text: str) -> None:
        parts = self._parts(path, write=True)
        data = text.encode("utf-8", "replace")
        if not parts:
            raise RefusedToolError(f"{path} is a folder")
        if len(data) > WRITE_LIMIT:
            raise RefusedToolError(
                f"the text for {path} is over {WRITE_LIMIT // 1024} KiB; write less, or several files"
            )
        with self._folder(parts[:-1], path, make=True) as folder:
            mode = 0o644
            with contextlib.suppress(FileNotFoundError):
                there = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(there.st_mode):
                    raise RefusedToolError(f"{path} can't be written: there is something that is no file, or a link")
                mode = stat.S_IMODE(there.st_mode)
            _replace_at(folder, parts[-1], data, mode)

    def _read(self, given: Mapping[str, Any]) -> str:
        return self.text(word(given, "file_path"), READ_LIMIT)

    def _write(self, given: Mapping[str, Any]) -> str:
        path = word(given, "file_path")
        self._store(path, word(given, "content", empty=True))
        return f"wrote {path}"

    def _edit(self, given: Mapping[str, Any]) -> str:
        path, old = word(given, "file_path"), word(given, "old_string")
        text = self.text(path, WRITE_LIMIT)
        if text.count(old) != 1:
            raise RefusedToolError(
                f"the old text occurs {text.count(old)} times in {path}; it has to occur exactly once"
            )
        self._store(path, text.replace(old, word(given, "new_string", empty=True)))
        return f"edited {path}"

    def _list(self, given: Mapping[str, Any]) -> str:
        path = word(given, "path", empty=True) or "."
        parts = self._parts(path)
        with self._folder(parts, path) as folder, os.scandir(folder) as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if not entry.name.startswith(".") and self._may_read(parts, entry.name)
            )
        more = [f"... and {len(names) - ENTRIES} more"] if len(names) > ENTRIES else []
        return "\n".join(names[:ENTRIES] + more) or "(empty)"

    def _search(self, given: Mapping[str, Any]) -> str:
        wanted = word(given, "pattern").casefold()
        path = word(given, "path", empty=True) or "."
        parts = self._parts(path)
        found: list[str] = []
        with self._folder(parts, path) as folder:
            for below, folders, files, descriptor in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
                here = (*parts, *(part for part in below.split("/") if part != "."))
                folders[:] = sorted(
                    n for n in folders if not n.startswith(".") and self.access.leads_on("/".join((*here, n)))
                )
                for name in sorted(files):
                    if name.startswith(".") or not self._may_read(here, name):
                        continue
                    shown = "/".join((*here, name))
                    found += _matches(descriptor, name, shown, wanted)
                    if len(found) >= MATCHES:
                        return "\n".join([*found[:MATCHES], "... and maybe more"])
        return "\n".join(found) or "nothing found"


def word(given: Mapping[str, Any], member: str, *, empty: bool = False) -> str:
    """A member of a call's input; RefusedToolError when it is no text, or missing though it may not be *empty*."""
    value = given.get(member, "" if empty else None)
    if not isinstance(value, str) or (not value and not empty):
        raise RefusedToolError(f"{member} has to be a text, not {json.dumps(value, default=str)[:80]}")
    return value


def _read_at(folder: int, name: str, shown: str, limit: int) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        raise RefusedToolError(f"{shown} does not exist") from None
    except OSError as error:
        raise RefusedToolError(f"{shown} can't be read: it is a link, or {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RefusedToolError(f"{shown} is no file that can be read; use List for a folder")
        return file.read(limit)


def _replace_at(folder: int, name: str, data: bytes, mode: int) -> None:
    temporary = files.temporary_name(name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _matches(folder: int, name: str, shown: str, wanted: str) -> list[str]:
    try:
        content = _read_at(folder, name, shown, SEARCH_FILE_LIMIT + 1)
    except (RefusedToolError, OSError):
        return []
    if len(content) > SEARCH_FILE_LIMIT or b"\0" in content:
        return []
    lines = content.decode("utf-8", "replace").splitlines()
    return [
        f"{shown}:{number}: {line.strip()[:200]}" for number, line in enumerate(lines, 1) if wanted in line.casefold()
    ]
