"""Opening a file of a content folder, or the one that a link in it leads to; never one that lies outside.

All of it blocks.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import attrs

from runner.content.trees import is_hidden

LARGEST = 8 * 1024 * 1024
"""Bytes of a file that can be an entry."""

FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotAnEntryError(Exception):
    """The file is there but is no entry of its kind; its text says why, for whoever can mend it."""


@attrs.frozen
class Stamp:
    """Tells one state of a file from another.

    The inode is in it because an atomic replace can keep time and size, the time of the inode's change because whoever
    writes may set the file's time back.
    """

    mtime_ns: int
    size: int
    inode: int
    ctime_ns: int

    @classmethod
    def of(cls, info: os.stat_result) -> "Stamp":
        return cls(info.st_mtime_ns, info.st_size, info.st_ino, info.st_ctime_ns)


@attrs.frozen
class Content:
    """What a file held when it was read."""

    stamp: Stamp
    data: bytes = attrs.field(repr=False)
    is_link: bool = False


def read(path: Path | str) -> Content:
    """The file's bytes; `NotAnEntryError` for what can't be an entry, OSError where it can't be read."""
    is_link = False
    try:
        descriptor = os.open(path, FLAGS | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise NotAnEntryError("not a regular file") from None
        if error.errno != errno.ELOOP:
            raise
        descriptor, is_link = _followed(Path(path)), True
    try:
        return Content(*_read(descriptor), is_link)
    finally:
        os.close(descriptor)


def open_below(folder: Path, parts: Sequence[str]) -> int:
    """A descriptor of the file: one folder down after the other, following no link, whatever is exchanged meanwhile."""
    here = os.open(folder, FLAGS | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, FLAGS | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1], FLAGS | os.O_NONBLOCK, dir_fd=here)
    finally:
        os.close(here)


def _followed(path: Path) -> int:
    try:
        folder = path.parent.resolve()
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise NotAnEntryError("a link that leads nowhere") from None
    if not target.is_relative_to(folder):
        raise NotAnEntryError("a link that leads out of its folder; links within it are read")
    parts = target.relative_to(folder).parts
    if not parts or any(is_hidden(part) for part in parts):
        raise NotAnEntryError("a link to what is hidden")
    try:
        return open_below(folder, parts)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOENT):  # exchanged meanwhile, or a socket
            raise NotAnEntryError("a link that leads to no file") from None
        raise


def _read(descriptor: int) -> tuple[Stamp, bytes]:
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        raise NotAnEntryError("not a regular file")
    if info.st_size > LARGEST:
        raise NotAnEntryError(f"{info.st_size} bytes long; at most {LARGEST} are read")
    # one byte more than it has tells whether it has grown; a buffer of the largest size would cost more than reading
    data = os.read(descriptor, info.st_size + 1)
    while len(data) != info.st_size and len(data) <= LARGEST and (more := os.read(descriptor, LARGEST)):
        data += more
    return Stamp.of(info), data
