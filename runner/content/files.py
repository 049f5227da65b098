"""One file out of the folders that visitors may walk through: what the tree shows, and nothing else."""

import base64
import errno
import mimetypes
import os
import stat
from pathlib import Path

import attrs

from runner.content.opening import open_below
from runner.content.paths import PathRefusedError, safe_path
from runner.content.trees import extension_of, is_hidden

LARGEST = 1_048_576

BINARY = frozenset(
    {
        "png",
        "jpg",
        "jpeg",
        "gif",
        "webp",
        "ico",
        "bmp",
        "pdf",
        "zip",
        "tar",
        "gz",
        "rar",
        "mp3",
        "mp4",
        "wav",
        "ogg",
        "webm",
        "woff",
        "woff2",
        "ttf",
        "otf",
        "eot",
        "exe",
        "dll",
        "so",
        "dylib",
    }
)


def _types() -> mimetypes.MimeTypes:
    """What names say, the same on every machine."""
    types = mimetypes.MimeTypes()
    types.add_type("text/markdown", ".md")
    return types


@attrs.frozen
class File:
    """A file's content: text, or base64 where its name says that it is none."""

    path: str
    content: str
    size: int
    extension: str | None
    mime_type: str
    is_binary: bool


class NoFileError(Exception):
    """There is nothing to be seen at this path."""


class NotAFileError(Exception):
    """What is there is a folder, or something else that has no content."""


class TooLargeError(Exception):
    """The file is there and is more than is served."""


@attrs.frozen(eq=False)
class Files:
    """Reads files below one of the home's folders; blocking."""

    home: Path
    _types: mimetypes.MimeTypes = attrs.field(factory=_types, init=False)

    def read(self, root: str, relative: str) -> File:
        """The file as it is served; `PathRefusedError` for a path that tries to leave its folder."""
        folder = safe_path(self.home, root)
        safe_path(folder, relative)  # says no to whoever climbs, or follows a link out
        parts = relative.split("/")
        if any(is_hidden(part) for part in parts):
            raise NoFileError(f"there is no file {relative[:80]!r}")
        data = _content(folder, parts)
        extension = extension_of(parts[-1])
        is_binary = (extension or "").lower() in BINARY
        return File(
            path=relative,
            content=base64.b64encode(data).decode() if is_binary else data.decode("utf-8", errors="replace"),
            size=len(data),
            extension=extension,
            mime_type=self._mime_type(parts[-1], is_binary=is_binary),
            is_binary=is_binary,
        )

    def _mime_type(self, name: str, *, is_binary: bool) -> str:
        guessed, _ = self._types.guess_type(f"x/{name}", strict=False)
        return guessed or ("application/octet-stream" if is_binary else "text/plain")


def _content(folder: Path, parts: list[str]) -> bytes:
    """Go down one folder after the other and follow no link, whatever is exchanged meanwhile."""
    name = "/".join(parts)[:80]
    try:
        last = open_below(folder, parts)
        try:
            return _read(last, name)
        finally:
            os.close(last)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENXIO:  # a socket
            raise NotAFileError(f"{name!r} is not a file") from None
        raise NoFileError(f"there is no file {name!r}") from None


def _read(descriptor: int, name: str) -> bytes:
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        raise NotAFileError(f"{name!r} is not a file")
    if info.st_size > LARGEST:
        raise TooLargeError(f"{name!r} has {info.st_size} bytes; at most {LARGEST} are served")
    found = b""
    while len(found) <= LARGEST and (more := os.read(descriptor, LARGEST + 1 - len(found))):
        found += more
    if len(found) > LARGEST:
        raise TooLargeError(f"{name!r} has grown over {LARGEST} bytes; no more are served")
    return found


__all__ = ["LARGEST", "File", "Files", "NoFileError", "NotAFileError", "PathRefusedError", "TooLargeError"]
