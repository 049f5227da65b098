"""One commit of the tracked folders, and the push of what the remote has not got. Nothing here reads files of the home.

The commit is put together from the index: the way over `git commit` would read the working tree again, with the filters
that its attributes name, and look into repositories within it.
"""

import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import attrs

from runner.children.run import CommandTimeoutError
from runner.session.errors import HookFailedError
from runner.session.repository import reasons
from runner.session.repository.place import lies_in
from runner.session.repository.staging import of_tracked
from runner.session.repository.tool import Git

__all__ = ["ORIGIN", "commit", "push"]

ORIGIN: Final = "origin"
PUSH: Final = 30.0
"""Seconds for a push."""
_LOOSE = 20
"""Files in one of the 256 folders of loose objects from which on git is asked to tidy up; it does so at 27."""
_EMPTY = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The tree without files, which git knows in every repository."""


@attrs.frozen
class _Change:
    """How one path of the index differs from the last commit."""

    mode: str
    name: str
    path: str

    def line(self) -> bytes:
        return f"{self.mode} {self.name}\t".encode() + os.fsencode(self.path) + b"\0"


async def commit(git: Git, subject: str, resident: str) -> str | None:
    """The new commit's name; None when the tracked folders are as they were.

    What the operator has staged elsewhere is not taken along, and stays staged.
    """
    form = git.config.last("extensions.objectformat") or "sha1"
    old = git.head.commit
    # links to repositories are told too, and without a look at what `.gitmodules` says of them
    look = ("diff-index", "--cached", "--raw", "-z", "--no-renames", "--full-index", "--ignore-submodules=none")
    found = await git.must(git.sealed, *look, old or _EMPTY[form])
    changes = _changes(os.fsdecode(found.raw))
    mine = [change for change in changes if of_tracked(change.path)]
    if not mine:
        return None
    tree = await _tree(git, mine, whole=len(mine) == len(changes))
    words = ["commit-tree", "-m", subject]
    words += ["-p", old] if old else []
    words += ["-S"] if git.config.is_true("commit.gpgsign") else []
    new = (await git.must(git.plain, *_author(git, resident), *words, tree)).out.strip()
    await git.must(git.plain, "update-ref", "-m", f"commit: {subject}", "HEAD", new, old or "0" * len(new))
    if await git.run_sync(lambda: _loose(git.place.objects)):
        await git.may(git.plain, "maintenance", "run", "--auto", "--quiet")
    return new


def _changes(raw: str) -> list[_Change]:
    parts = raw.split("\0")
    found = []
    for told, path in zip(parts[::2], parts[1::2], strict=False):
        _, mode, _, name, _ = told.split(" ")
        found.append(_Change(mode, name, path))
    return found


async def _tree(git: Git, mine: list[_Change], *, whole: bool) -> str:
    if whole:
        return (await git.must(git.sealed, "write-tree", "--missing-ok")).out.strip()
    aside = git.with_index(git.folder / "index")
    if git.head.commit:
        await git.must(aside, "read-tree", git.head.commit)
    # what goes comes first: a file may stand where a folder was
    lines = [change.line() for change in sorted(mine, key=lambda change: change.mode != "000000")]
    await git.must(aside, "update-index", "--add", "--replace", "-z", "--index-info", given=b"".join(lines))
    return (await git.must(aside, "write-tree", "--missing-ok")).out.strip()


def _author(git: Git, resident: str) -> tuple[str, ...]:
    """The resident, as far as the operator has named nobody."""
    email = f"{resident.lower().replace(' ', '-')}@localhost"
    given = {"user.name": resident, "user.email": email}
    return tuple(word for key, value in given.items() if not git.config.last(key) for word in ("-c", f"{key}={value}"))


def _loose(objects: Path) -> bool:
    try:
        return len(os.listdir(objects / "17")) > _LOOSE  # noqa: PTH208 - names are enough
    except OSError:
        return False


async def push(git: Git, wish: str, new: str | None) -> bool:
    """Whether anything was pushed: what origin has not got yet, be it of an earlier session whose push failed."""
    if wish == "false":
        return False
    if not any(git.config.values.get(f"remote.{ORIGIN}.{key}") for key in ("url", "pushurl")):
        if wish == "true":
            raise HookFailedError(f"GIT_PUSH_ENABLED is true and the home's repository has no remote {ORIGIN}")
        return False
    if git.head.branch is None or not (new or git.head.commit):
        return False
    branch = git.head.branch
    ahead = await git.may(git.plain, "rev-list", "--count", f"refs/remotes/{ORIGIN}/{branch}..HEAD", "--")
    if ahead.code == 0 and ahead.out.strip() == "0":
        return False
    await _refuse_remote_in_home(git)
    reference = f"refs/heads/{branch}"
    try:
        found = await git.may(git.plain, "push", "--quiet", ORIGIN, f"{reference}:{reference}", within=PUSH)
    except CommandTimeoutError:
        raise HookFailedError(
            f"not pushed within {PUSH:g} s, tried again after the next session: the remote does not answer, or it "
            "waits for a password that nobody is there to give"
        ) from None
    if found.code:
        raise HookFailedError(f"not pushed, tried again after the next session: {await git.reason(found)}")
    return True


async def _refuse_remote_in_home(git: Git) -> None:
    """A push runs the hooks of a repository that lies on this machine, and in the home they could be the resident's."""
    urls = await git.must(git.plain, "remote", "get-url", "--push", "--all", ORIGIN)
    for url in urls.out.splitlines():
        path = unquote(urlsplit(url).path) if url.startswith("file:") else url
        if ("://" in url or "::" in url) and not url.startswith("file:"):
            continue
        if lies_in(git.place.home / path, git.place.home):
            raise HookFailedError(
                f"not pushed: the remote {ORIGIN} is {reasons.readable(url)}, which lies in the home where a session "
                "could write its hooks; move that repository out of the home"
            )
