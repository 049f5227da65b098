"""Taking what is new in the tracked folders into the index, and naming what can't be taken.

Git is asked what there is and told each path that it shall take, so that it never has to go through a folder by itself:
it would store a repository within the home's as an empty link. A repository that the resident has made in a project is
a folder like any other here. Its files are kept as files; it is not entered, and its own `.git` is no part of the life.
"""

import errno
import functools
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs
from trio import current_time

from runner.children.run import CommandTimeoutError, Output
from runner.home.tree import FILES, TOP
from runner.session.errors import HookFailedError
from runner.session.repository.reasons import stops_all
from runner.session.repository.tool import LOCAL, Git

__all__ = ["TRACKED", "Trouble", "of_tracked", "stage"]

TRACKED: Final = (*(row.name for row in TOP if row.tracked), *(row.name for row in FILES if row.tracked))
ADDING: Final = 20.0
"""Seconds after which no further path is begun."""
AT_ONCE: Final = 2000
"""Paths of one step: what it has taken stays taken, should the next one be too slow."""
LARGE: Final = 4 * 1024 * 1024
"""Bytes from which on a file is a step of its own, after all others: a slow one keeps only itself out."""
LARGEST: Final = 512 * 1024 * 1024
"""Bytes of the largest file that is tried: a larger one takes longer than there is time, and leaves what it began."""
_LINK = "160000"
_SEVERAL = 2


@attrs.frozen
class Trouble:
    """A path that is not kept, and why."""

    path: str
    words: str


@attrs.frozen
class _Listed:
    """The tracked folders as git sees them."""

    changed: tuple[str, ...]
    """Files that are new, different or gone."""
    nested: tuple[str, ...]
    """Folders that are repositories themselves and of which the index knows nothing."""
    links: tuple[str, ...]
    """Folders of which the index has an empty link to a repository."""
    gone: tuple[str, ...]
    """Files that have become folders."""
    trouble: tuple[Trouble, ...]


def of_tracked(path: str) -> bool:
    """Whether a path belongs to what is kept."""
    return path.partition("/")[0] in TRACKED


async def stage(git: Git) -> tuple[Trouble, ...]:
    """Everything that can be taken is in the index afterwards; what can't be is told."""
    began = current_time()
    roots, trouble = await git.run_sync(lambda: _roots(git.place.home))
    listed = await _list(git, roots)
    wanted, closed = await _with_nested(git, listed)
    trouble += [*listed.trouble, *closed]
    if not wanted:
        return tuple(trouble)
    bundles, refusals = await git.run_sync(lambda: _bundles(git.place.home, wanted))
    refused = {item.path: item for item in (*refusals, *await _take(git, bundles, began))}
    left = set((await _list(git, roots)).changed) & set(wanted)
    # what git left without a word is told all the same: its list afterwards is the proof
    trouble += [refused.get(path) or Trouble(path, "git refuses a file of this name") for path in sorted(left)]
    return tuple(trouble)


def _roots(home: Path) -> tuple[list[str], list[Trouble]]:
    """Which tracked paths to look at. What lies behind a link is not in the home, and its absence no deletion."""
    links = [name for name in TRACKED if (home / name).is_symlink()]
    return (
        [name for name in TRACKED if name not in links],
        [
            Trouble(name, "it is a link, and what lies behind a link is not kept; put the folder itself here")
            for name in links
        ],
    )


async def _list(git: Git, roots: Sequence[str]) -> _Listed:
    found = await git.must(
        git.sealed, "ls-files", "-z", "-t", "--stage", "--others", "--modified", "--deleted", "--exclude-standard",
        "--", *roots,
    )  # fmt: skip
    return await git.run_sync(lambda: _parsed(git.place.home, found.raw, found.err))


def _parsed(home: Path, raw: bytes, err: str) -> _Listed:
    changed: dict[str, None] = {}
    nested: list[str] = []
    links: list[str] = []
    gone: list[str] = []
    for entry in os.fsdecode(raw).split("\0"):
        tag, _, rest = entry.partition(" ")
        if tag == "?":
            if rest.endswith("/"):
                nested.append(rest.removesuffix("/"))
            else:
                changed[rest] = None
            continue
        told, _, path = rest.partition("\t")
        if told.startswith(_LINK) and _is_folder(home / path):
            links += [path] if tag == "H" else []
        elif tag in {"C", "R"} and _is_folder(home / path):
            gone += [path] if tag == "C" else []
        elif tag in {"C", "R"}:
            changed[path] = None
    return _Listed(tuple(changed), tuple(nested), tuple(links), tuple(gone), tuple(_closed(err)))


def _is_folder(path: Path) -> bool:
    """Whether it can be seen that this is one; what lies in a closed folder can't be."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _closed(err: str) -> Iterator[Trouble]:
    """Folders that git could not look into; it only warns of them."""
    for line in err.splitlines():
        words = line.removeprefix("warning: could not open directory '")
        if words != line:
            path, _, why = words.rpartition("': ")
            yield Trouble(path.removesuffix("/"), why or "it can't be opened")


async def _with_nested(git: Git, listed: _Listed) -> tuple[list[str], list[Trouble]]:
    """All paths to take, those of repositories within included, and the folders there that can't be read."""
    inner: list[str] = []
    trouble: list[Trouble] = []
    dropped = list(listed.gone)

    def walk() -> None:
        for folder in (*listed.nested, *listed.links):
            before = len(inner)
            inner.extend(_files(git.place.home, folder, trouble))
            # a link whose folder is empty is a submodule that nobody has fetched: it stays what it is
            if len(inner) > before and folder in listed.links:
                dropped.append(folder)

    if listed.nested or listed.links:
        await git.run_sync(walk)
    if dropped:
        await git.must(git.sealed, "update-index", "--force-remove", "-z", "--stdin", given=_joined(dropped))
    if not inner:
        return list(listed.changed), trouble
    found = await git.may(git.sealed, "check-ignore", "-z", "--stdin", given=_joined(inner))
    if found.code not in {0, 1}:
        raise HookFailedError(f"git check-ignore: {await git.reason(found)}")
    ignored = set(os.fsdecode(found.raw).split("\0"))
    return [*listed.changed, *(path for path in inner if path not in ignored)], trouble


def _files(home: Path, folder: str, trouble: list[Trouble]) -> Iterator[str]:
    """The files in a folder, as paths from the home; of links only the link, and nothing of any `.git`."""
    try:
        with os.scandir(home / folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        trouble.append(Trouble(folder, error.strerror or "it can't be opened"))
        return
    for entry in found:
        path = f"{folder}/{entry.name}"
        if entry.name == ".git":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(home, path, trouble)
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            yield path


def _bundles(home: Path, paths: Iterable[str]) -> tuple[list[list[str]], list[Trouble]]:
    """The steps in which these are taken, the heavy ones last and alone; and what is too large for any."""
    small: list[str] = []
    large: list[tuple[int, str]] = []
    trouble = []
    for path in paths:
        try:
            size = (home / path).lstat().st_size
        except OSError:
            size = 0  # gone, or closed: git says which
        if size > LARGEST:
            words = f"{size // 1024**2} MiB are more than the {LARGEST // 1024**2} that are taken of one file"
            trouble.append(Trouble(path, words))
        elif size > LARGE:
            large.append((size, path))
        else:
            small.append(path)
    bundles = [small[start : start + AT_ONCE] for start in range(0, len(small), AT_ONCE)]
    return [*bundles, *([path] for _, path in sorted(large))], trouble


async def _take(git: Git, bundles: list[list[str]], began: float) -> list[Trouble]:
    """Take these; where git refuses a bundle, the paths that it can't take are found, and keep no other one out."""
    trouble: list[Trouble] = []
    while bundles:
        bundle = bundles.pop(0)
        found = await _add(git, bundle, ADDING - (current_time() - began))
        if found is None:
            late = [path for rest in (bundle, *bundles) for path in rest]
            return trouble + [Trouble(path, "no time left; it is taken after the next session") for path in late]
        if not found.code:
            continue
        if stops_all(found):
            raise HookFailedError(f"git update-index: {await git.reason(found)}")
        if len(bundle) == 1:
            trouble.append(Trouble(bundle[0], await git.reason(found)))
            continue
        closed = await git.run_sync(functools.partial(_unreadable, git.place.home, bundle))
        trouble += [Trouble(path, why) for path, why in closed.items()]
        rest = [path for path in bundle if path not in closed]
        if not closed:
            half = len(rest) // _SEVERAL
            bundles[:0] = [rest[:half], rest[half:]]
        elif rest:
            bundles.insert(0, rest)
    return trouble


async def _add(git: Git, paths: Sequence[str], within: float) -> Output | None:
    """What git says to these; None when the time was over."""
    if within <= 0:
        return None
    step = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
    try:
        return await git.may(git.sealed, *step, given=_joined(paths), within=min(LOCAL, within))
    except CommandTimeoutError:
        return None


def _unreadable(home: Path, paths: Iterable[str]) -> dict[str, str]:
    """The files among these that can't be opened, with the reason; one that is gone or a link is no such file."""
    found = {}
    for path in paths:
        try:
            os.close(os.open(home / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}:
                found[path] = error.strerror or "it can't be opened"
    return found


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)
