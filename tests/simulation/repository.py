"""The home as a repository with a remote beside it, and what has to be true of both in the end."""

import os
import subprocess
from pathlib import Path

from runner.session.repository.staging import TRACKED


def make(home: Path, remote: Path) -> None:
    """Begin a history in the home, and a bare repository that it is pushed to."""
    _git(home.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    _git(home, "init", "--quiet", "--initial-branch=main")
    _git(home, "remote", "add", "origin", str(remote))


def faults(home: Path) -> list[str]:
    """What is wrong, after a last session whose `git` hook ended well."""
    found = []
    if _git(home, "status", "--porcelain", "--", *TRACKED):
        found.append("the home has changes that no session committed")
    if _git(home, "rev-parse", "HEAD") != _git(home, "ls-remote", "origin", "refs/heads/main").partition("\t")[0]:
        found.append("the remote has not got what was committed last")
    if _git(home, "fsck", "--no-dangling", "--no-progress"):
        found.append("the history is damaged")
    return found


def commits(remote: Path) -> int:
    """How many commits have reached a remote."""
    return int(_git(remote, "rev-list", "--count", "main"))


def _git(folder: Path, *arguments: str) -> str:
    environ = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C"}
    ran = subprocess.run(("git", *arguments), cwd=folder, env=environ, capture_output=True, check=True, text=True)
    return ran.stdout.strip()
