"""A life kept in a real repository, and programs that must not run: each leaves a mark when it does."""

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from runner.session.hooks import git
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError
from runner.session.kinds import kind_of
from tests.runner.session.hooks.context import context_for
from tests.runner.session.stage import in_thread, make_home


def surroundings(folder: Path) -> dict[str, str]:
    """What the process was started with: a HOME of its own, and a secret that git must not get."""
    user = folder / "user"
    user.mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(user), "ANTHROPIC_API_KEY": "secret", "GIT_DIR": "/nowhere"}


def run_git(folder: Path, *arguments: str) -> str:
    """What git prints, with no settings but those of the folder's repository."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(folder.parent), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(("git", *arguments), cwd=folder, env=plain, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="surrogateescape").strip()


def new_repository(folder: Path, *form: str) -> None:
    """A repository with somebody to commit."""
    folder.mkdir(parents=True, exist_ok=True)
    run_git(folder, "init", "--quiet", "--initial-branch=main", *form)
    run_git(folder, "config", "user.name", "keeper")
    run_git(folder, "config", "user.email", "keeper@localhost")


def make_life(folder: Path, *form: str, remote: bool = False) -> Path:
    """A home in a repository of its own with one commit, and a bare one to push to if wished."""
    home = make_home(folder)
    new_repository(home, *form)
    run_git(home, "commit", "--quiet", "--allow-empty", "-m", "begin")
    if remote:
        run_git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
        run_git(home, "remote", "add", "origin", str(folder / "remote.git"))
    return home


def context(home: Path, around: Mapping[str, str], push: str = "auto", **changes: Any) -> HookContext:
    """A session of this home that is over."""
    given = {"kind": kind_of("noon"), "environ": around, "run_sync": in_thread, **changes}
    return context_for(home, {"git.push": push}, **given)


async def keep(home: Path, around: Mapping[str, str], push: str = "auto") -> str:
    """Run the hook: "done", "not_due", or why it failed."""
    try:
        return (await git.run(context(home, around, push))).value
    except NotDueError:
        return "not_due"
    except HookFailedError as failure:
        return str(failure)


def kept(home: Path) -> dict[str, str]:
    """Every path of the last commit with the kind of its entry."""
    entries = run_git(home, "ls-tree", "-r", "-z", "HEAD").split("\0")
    return {path: told.split()[1] for told, _, path in (entry.partition("\t") for entry in entries if entry)}


def words_of(home: Path, path: str) -> str:
    """A file as it was committed."""
    return run_git(home, "cat-file", "-p", f"HEAD:{path}")


@attrs.frozen
class Planted:
    """A program that leaves a mark and else passes on what it is given."""

    folder: Path

    @property
    def mark(self) -> Path:
        """Is there once the program has run."""
        return self.folder / "it-ran"

    def at(self, path: Path) -> str:
        """Put it there, and give back how it is called."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {path.name} >>{self.mark}\ncat\n")
        path.chmod(stat.S_IRWXU)
        return str(path)

    @property
    def ran(self) -> str:
        """What has run, by name."""
        return self.mark.read_text() if self.mark.exists() else ""
