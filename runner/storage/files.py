"""Whole files: written by temp file, fsync and rename; created without overwriting; read without surprises."""

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = [
    "FileTooLarge",
    "create_exclusive",
    "create_new",
    "is_temporary",
    "make_folder",
    "read_bytes",
    "read_json",
    "read_text",
    "sync_folder",
    "temporary_name",
    "write_atomic",
    "write_json",
]

NAME_MAX = 255
TRIES = 1000
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)


class FileTooLarge(ValueError):
    """The file holds more than the reader is ready to take."""


def write_atomic(path: Path, data: bytes | str, *, mode: int | None = None) -> None:
    """Replace the content of *path*; after a crash it holds the old content or the new one.

    Without *mode* an existing file keeps its permissions and a new one is readable by all. A symlink at *path* is
    replaced, not followed.
    """
    content = data.encode() if isinstance(data, str) else data
    mode = _mode_of(path) if mode is None else mode
    temporary = path.with_name(temporary_name(path.name))
    try:
        with _created(temporary, mode) as descriptor:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: object, *, mode: int | None = None) -> None:
    """Replace *path* by *value* as indented JSON that people can read."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    try:
        data = text.encode()
    except UnicodeEncodeError:  # the name of a file may be no UTF-8: escaped, it is the same name when it is read again
        data = json.dumps(value, indent=2).encode()
    write_atomic(path, data + b"\n", mode=mode)


def create_new(path: Path, data: bytes | str, *, mode: int = 0o644) -> bool:
    """Create a file that is not there; False, and nothing changed, when something has its name already."""
    return _create(path, data, mode, iter((path,))) is not None


def create_exclusive(path: Path, data: bytes | str, *, mode: int = 0o644) -> Path:
    """Create a new file and return where it is: *path*, or with -2, -3, … before its suffix when that name is taken.

    The content is complete before the name exists, so nobody ever reads half of it.
    """
    created = _create(path, data, mode, _candidates(path))
    if created is None:
        raise FileExistsError(errno.EEXIST, f"{TRIES} files of this name exist already", str(path))
    return created


def _create(path: Path, data: bytes | str, mode: int, candidates: Iterator[Path]) -> Path | None:
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(temporary_name(path.name))
    try:
        with _created(temporary, mode) as descriptor:
            _write_all(descriptor, content)
            os.fsync(descriptor)
        for candidate in candidates:
            try:
                # link() refuses a name that exists, symlinks included; rename() would overwrite it
                os.link(temporary, candidate, follow_symlinks=False)
            except FileExistsError:
                continue
            sync_folder(path.parent)
            return candidate
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    return None


def read_bytes(path: Path, *, limit: int | None = None) -> bytes:
    """The content of a regular file. Symlinks, folders, pipes and devices are refused with an OSError.

    A file over *limit* bytes raises FileTooLarge, also when it grows while it is read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if limit is None:
            return opened.read()
        content = opened.read(limit + 1)
    if len(content) > limit:
        raise FileTooLarge(f"{path} is larger than {limit} bytes")
    return content


def read_text(path: Path, *, limit: int | None = None) -> str:
    """The text of a regular file; bytes that are not UTF-8 become replacement characters."""
    return read_bytes(path, limit=limit).decode(errors="replace")


def read_json(path: Path, *, limit: int | None = None) -> Any:
    """The value in a JSON file; ValueError when it is not JSON."""
    return json.loads(read_bytes(path, limit=limit))


def make_folder(path: Path, *, mode: int = 0o755) -> bool:
    """Make a folder and its missing parents; True when it was not there. An existing one keeps its permissions."""
    with suppress(FileExistsError):
        path.mkdir(mode=mode, parents=True)
        # the umask may have taken bits off, and the mode is meant as it stands
        path.chmod(mode)
        return True
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "something that is not a folder is in its place", str(path))
    return False


def sync_folder(path: Path) -> None:
    """Make renames and new names in a folder survive a power cut, where the filesystem can."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _created(path: Path, mode: int) -> Iterator[int]:
    # born private: nobody can open it before it has the permissions that were asked for
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, mode)
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _mode_of(path: Path) -> int:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return 0o644
    return stat.S_IMODE(found.st_mode) if stat.S_ISREG(found.st_mode) else 0o644


def temporary_name(name: str) -> str:
    """What a file is called while it is written and has not yet the name it will have; no two are called the same."""
    # a leading dot hides it from every listing and from the watcher; a long name is cut to what a filesystem takes
    ending = f".{secrets.token_hex(6)}.tmp"
    room = NAME_MAX - len(ending) - 1
    return "." + name.encode()[:room].decode(errors="ignore") + ending


def is_temporary(name: str) -> bool:
    """Whether a file is called as `temporary_name` calls them. A power cut may leave one behind."""
    return _TEMPORARY.fullmatch(name) is not None


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, TRIES + 1):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")
