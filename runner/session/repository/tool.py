"""Starting git for the home: what it may know, and which configuration it obeys.

The operator's configuration is that of the system, of the user, and the repository's own `config`, as long as the file
lies where no session can write. It decides who commits, whether commits are signed, and how a push gets through. What
is kept of the life it does not decide: for that git runs *sealed*, with a small repository folder of our own that
borrows the real one's objects and index. There is one more reason for that folder: files named `.gitattributes` can be
written by the resident, and choose by path which filter programs git runs. Attributes in a repository's own folder
outrank them all, so there stands first that no file has a filter or is converted, and then what the operator says:
the attributes file of the user, `.gitattributes` as the operator committed it, and the repository's `info/attributes`.
A filter such as git-lfs or git-crypt runs where the operator wants it, and nowhere else.
"""

import contextlib
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from runner.children.run import Commands, Output
from runner.home.git import SEALED
from runner.offload import RunSync
from runner.session.errors import HookFailedError
from runner.session.repository import reasons
from runner.session.repository.place import Place, forget_stale_locks, lies_in, locks
from runner.storage import files

__all__ = ["LOCAL", "Config", "Git", "Head", "environment", "open_git"]

LOCAL: Final = 20.0
"""Seconds for one local step."""
PASSED_ON = ("HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME")
"""What git may know of our environment: enough to find its settings and the key of a push, and no secret of ours."""
_KEPT = frozenset(
    {
        "core.filemode",
        "core.symlinks",
        "core.checkstat",
        "core.trustctime",
        "core.precomposeunicode",
        "core.compression",
        "core.loosecompression",
        "core.bigfilethreshold",
        "core.sharedrepository",
        "core.fsync",
        "core.fsyncmethod",
        "core.protectntfs",
        "core.protecthfs",
        "index.version",
    }
)
"""What the sealed git takes over from the operator: how files are stored, and nothing about which."""
_PROGRAMS = re.compile(
    r"core\.(?:sshcommand|gitproxy|askpass|alternaterefscommand)|gpg\.(?:.*\.)?program|gpg\.ssh\.defaultkeycommand"
    r"|credential\.(?:.*\.)?helper|filter\..*\.(?:clean|smudge|process)|gc\.recentobjectshook"
    r"|remote\..*\.(?:receivepack|uploadpack|vcs)",
    re.DOTALL,
)
_NO_FILTER = "* -filter -text -ident -working-tree-encoding\n"
_ATTRIBUTES_LIMIT = 1024 * 1024
_TRUE = frozenset({"true", "yes", "on"})


def environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The surroundings of every git: no secret of ours, nobody asked, and no program of the home found by its name."""
    known = {name: environ[name] for name in PASSED_ON if name in environ}
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    outside = [folder for folder in folders if folder.startswith("/") and not lies_in(Path(folder), home)]
    return {
        "PATH": os.pathsep.join(outside) or os.defpath,
        **known,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "GIT_OPTIONAL_LOCKS": "0",
        "PYTHONSAFEPATH": "1",  # a filter written in Python takes no module from the folder that it is started in
    }


@attrs.frozen
class Config:
    """What the operator has configured."""

    values: Mapping[str, Sequence[str | None]]
    """By git's own form of the key. None is a key without a value, which git takes for true."""

    def last(self, key: str) -> str | None:
        """The value that counts."""
        return self.values[key][-1] if self.values.get(key) else None

    def is_true(self, key: str) -> bool:
        """As git reads a yes or no."""
        value = self.last(key)
        if value is None:
            return key in self.values
        return value.lower() in _TRUE or (value.isdecimal() and int(value) != 0)


@attrs.frozen
class Head:
    """What the next commit stands on."""

    commit: str | None
    """None when there is no commit yet."""
    branch: str | None
    """None when commits would belong to no branch."""
    attributes: bytes
    """The home's `.gitattributes` as it was committed; hooks never commit it, so this is the operator's word."""


@attrs.frozen
class Git:
    """Git for one home, after one session."""

    place: Place
    config: Config
    head: Head
    plain: Commands
    """With the operator's configuration: for commits and pushes."""
    sealed: Commands
    """With none: for everything that reads files of the home."""
    folder: Path
    """Ours alone; gone when the work is over."""
    run_sync: RunSync

    async def must(
        self, commands: Commands, *arguments: str, given: bytes | None = None, within: float = LOCAL
    ) -> Output:
        """What git says when it does well; else HookFailedError with its reason."""
        found = await commands.run(("git", *SEALED, *arguments), within=within, given=given)
        if found.code:
            verb = next(word for word in arguments if word != "-c" and "=" not in word)
            raise HookFailedError(f"git {verb}: {await self.reason(found)}")
        return found

    async def may(
        self, commands: Commands, *arguments: str, given: bytes | None = None, within: float = LOCAL
    ) -> Output:
        """What git says, be it well or not."""
        return await commands.run(("git", *SEALED, *arguments), within=within, given=given)

    async def reason(self, found: Output) -> str:
        """Why git failed, and what to do; a lock that stands in the way is named."""
        held = await self.run_sync(lambda: locks(self.place, _time_of(self.folder)))
        return reasons.in_words(found, held)

    def with_index(self, path: Path) -> Commands:
        """The sealed git with another index."""
        return attrs.evolve(self.sealed, environment={**self.sealed.environment, "GIT_INDEX_FILE": str(path)})


async def open_git(place: Place, folder: Path, environ: Mapping[str, str], run_sync: RunSync) -> Git:
    """Ready for this repository, with stale locks gone. `folder` is made anew, in a place that no session can write.

    HookFailedError when the operator's configuration names what lies in the home: that could be the resident's.
    """

    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        files.make_folder(folder, mode=0o700)
        (folder / "refs").mkdir()
        (folder / "info").mkdir()
        (folder / "HEAD").write_bytes(b"ref: refs/heads/none\n")
        forget_stale_locks(place, _time_of(folder))

    await run_sync(prepare)
    around = environment(environ, place.home)
    real = {**around, "GIT_DIR": str(place.folder), "GIT_WORK_TREE": str(place.home)}
    plain, config = await _configured(place, real, run_sync)
    head = await _head(plain)
    borrowed = {
        "GIT_DIR": str(folder),
        "GIT_WORK_TREE": str(place.home),
        "GIT_INDEX_FILE": str(place.index),
        "GIT_OBJECT_DIRECTORY": str(place.objects),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
    }
    sealed = Commands(place.home, {**around, **borrowed, **_settings(config, place)}, run_sync)
    await run_sync(lambda: _furnish(folder, place, config, head, environ))
    return Git(place, config, head, plain, sealed, folder, run_sync)


def _time_of(folder: Path) -> float:
    """The file system's own time: that of a file which is written now."""
    mark = folder / "now"
    mark.write_bytes(b"")
    return mark.stat().st_mtime


async def _configured(place: Place, real: Mapping[str, str], run_sync: RunSync) -> tuple[Commands, Config]:
    """Git as the operator has it. A user's settings that lie in the home are set aside."""
    foreign: list[str] = []
    for more in ({}, {"GIT_CONFIG_GLOBAL": os.devnull}):
        known = {**real, **more}
        plain = Commands(place.home, known, run_sync)
        found = await plain.run(("git", "config", "--list", "--null", "--show-origin"), within=LOCAL)
        if found.code:
            raise HookFailedError(f"git config: {reasons.in_words(found)}")
        parts = os.fsdecode(found.raw).split("\0")
        values: dict[str, list[str | None]] = {}
        origins = set()
        for origin, entry in zip(parts[::2], parts[1::2], strict=False):
            key, has_value, value = entry.partition("\n")
            values.setdefault(key, []).append(value if has_value else None)
            origins.add(origin)
        foreign = sorted(origin for origin in origins if _foreign(place, origin))
        if not foreign:
            _refuse_programs_of_the_home(place, values)
            if "core.sshcommand" in values:  # the operator's way to the remote; the variable would outrank it
                del known["GIT_SSH_COMMAND"]
            return plain, Config(values)
    raise HookFailedError(
        f"git's configuration includes {reasons.readable(foreign[0].removeprefix('file:'))}, which lies in the home "
        "where a session could write it; move that file out of the home, or take the include away"
    )


def _foreign(place: Place, origin: str) -> bool:
    kind, _, name = origin.partition(":")
    if kind != "file":
        return False
    path = place.home / name
    return lies_in(path, place.home) and not (lies_in(path, place.folder) or lies_in(path, place.common))


def _refuse_programs_of_the_home(place: Place, values: Mapping[str, Sequence[str | None]]) -> None:
    for key, given in values.items():
        if not _PROGRAMS.fullmatch(key):
            continue
        for value in given:
            named = next((word for word in _words(value or "") if _is_file_of(place.home, word)), None)
            if named is not None:
                raise HookFailedError(
                    f"{reasons.readable(key)} names {reasons.readable(named)}, which lies in the home where a session "
                    "could write it, and git runs nothing from there; move that program out of the home"
                )


def _words(command: str) -> list[str]:
    """What a command names. Its first word is looked for in PATH, unless it is a path itself."""
    try:
        words = shlex.split(command.lstrip("!"))
    except ValueError:
        words = command.split()
    named = words if words and "/" in words[0] else words[1:]
    return [part for word in named for part in (word, word.rpartition("=")[2])]


def _is_file_of(home: Path, word: str) -> bool:
    path = home / word
    with contextlib.suppress(OSError, ValueError):
        return path.is_file() and lies_in(path, home)
    return False


async def _head(plain: Commands) -> Head:
    asked = b"HEAD^{commit}\nHEAD:.gitattributes\n"
    found = await plain.run(("git", *SEALED, "cat-file", "--batch"), within=LOCAL, given=asked)
    if found.code:
        raise HookFailedError(f"git cat-file: {reasons.in_words(found)}")
    commit, _, rest = _object(found.raw)
    _, attributes, _ = _object(rest)
    named = await plain.run(("git", *SEALED, "symbolic-ref", "--quiet", "HEAD"), within=LOCAL)
    reference = named.out.strip()
    prefix = "refs/heads/"
    return Head(commit, reference.removeprefix(prefix) if reference.startswith(prefix) else None, attributes)


def _object(raw: bytes) -> tuple[str | None, bytes, bytes]:
    """The first answer of a batch: name and content of the object, None and nothing where it is missing; the rest."""
    line, _, rest = raw.partition(b"\n")
    words = line.split()
    if len(words) != len(("name", "kind", "size")) or words[1] not in {b"commit", b"blob"}:
        return None, b"", rest
    size = int(words[2])
    return words[0].decode(), rest[:size], rest[size + 1 :]


def _settings(config: Config, place: Place) -> dict[str, str]:
    """Configuration of the sealed git, as variables. Nothing here says which files are kept."""
    given = {
        "core.autocrlf": "false",
        "core.safecrlf": "false",
        "core.excludesFile": os.devnull,
        "core.attributesFile": os.devnull,
        "core.splitIndex": "false",
        # what the disk does counts, not what somebody has configured
        "core.ignoreCase": "true" if os.path.lexists(place.home / ".GIT") else "false",
    }
    for key in config.values:
        if key in _KEPT or key.startswith("filter."):
            given[key] = config.last(key) or ("true" if config.is_true(key) else "")
    made = {"GIT_CONFIG_COUNT": str(len(given))}
    for number, (key, value) in enumerate(given.items()):
        made |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return made


def _furnish(folder: Path, place: Place, config: Config, head: Head, environ: Mapping[str, str]) -> None:
    form = config.last("extensions.objectformat")
    extension = f"[extensions]\n\tobjectFormat = {form}\n" if form else ""
    (folder / "config").write_text(
        f"[core]\n\trepositoryFormatVersion = {1 if form else 0}\n\tbare = false\n{extension}"
    )
    said = (_users_attributes(config, environ, place), head.attributes, _content(place.common / "info" / "attributes"))
    (folder / "info" / "attributes").write_bytes(b"\n".join((_NO_FILTER.encode(), *said, b"")))
    (folder / "info" / "exclude").write_bytes(_content(place.common / "info" / "exclude"))
    for shared in place.folder.glob("sharedindex.*"):
        (folder / shared.name).symlink_to(shared)


def _users_attributes(config: Config, environ: Mapping[str, str], place: Place) -> bytes:
    user = environ.get("HOME", "")
    named = config.last("core.attributesfile")
    if named is None:
        shelf = environ.get("XDG_CONFIG_HOME") or (f"{user}/.config" if user else "")
        named = f"{shelf}/git/attributes" if shelf else ""
    path = Path(f"{user}{named[1:]}" if named.startswith("~/") else named)
    return b"" if not path.is_absolute() or lies_in(path, place.home) else _content(path)


def _content(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        return files.read_bytes(path, limit=_ATTRIBUTES_LIMIT)
    return b""
