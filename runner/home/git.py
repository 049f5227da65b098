"""The home's own repository: the part of a life that is kept for good, and nothing private."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from runner.home.tree import FILES, TOP
from runner.storage import files

__all__ = ["SEALED", "ignore_file", "make_repository"]

SECONDS = 30.0
SEALED = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "push.recurseSubmodules=no"),
    *("-c", "protocol.ext.allow=never"),
)
"""What every git of ours is told first: it runs no hook, pushes nothing within, and takes no address for a command."""


def ignore_file() -> str:
    """An ignore file that lets in the life and keeps everything else out, also what is not thought of yet."""
    lines = ["# Everything is left out, except the life itself.", "/*", "!/.gitignore"]
    lines += [f"!/{file.name}" for file in FILES if file.tracked]
    for folder in TOP:
        if folder.tracked:
            lines.append(f"!/{folder.name}/")
            lines += [f"/{folder.name}/*", *(f"!/{folder.name}/{name}" for name in folder.kept)] if folder.kept else []
    lines += [
        "",
        "# never, wherever it lies",
        ".env",
        "*.key",
        "*.pem",
        "*.tmp",
        "__pycache__/",
        "node_modules/",
        ".DS_Store",
    ]
    return "\n".join(lines) + "\n"


def make_repository(home: Path, *, name: str, environ: Mapping[str, str]) -> str:
    """Make a repository on branch main with a first commit; what happened, in words. A home without git is fine."""
    if (home / ".git").exists():
        return "the home is a git repository already"
    files.create_new(home / ".gitignore", ignore_file())
    # a caller inside another repository's hook hands down variables that point there
    surroundings = {key: value for key, value in environ.items() if not key.startswith("GIT_")}
    surroundings["GIT_TERMINAL_PROMPT"] = "0"
    surroundings["GIT_CEILING_DIRECTORIES"] = str(home.parent)
    # nobody's settings say what is kept of the home, or start a program with its files
    surroundings |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}
    address = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "resident"
    steps = (
        ("init", "--quiet", "--template="),
        ("symbolic-ref", "HEAD", "refs/heads/main"),
        ("config", "user.name", name),
        ("config", "user.email", f"{address}@localhost"),
        ("add", "--all"),
        ("commit", "--quiet", "-m", "The beginning"),
    )
    for step in steps:
        try:
            done = subprocess.run(
                ("git", *SEALED, "-c", f"safe.directory={home}", *step),
                cwd=home,
                env=surroundings,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            return "git is not installed: the home has no repository, and its life is not kept in one"
        except subprocess.TimeoutExpired:
            return f"git {step[0]} took longer than {SECONDS:g} seconds and was ended; make the repository by hand"
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            return f"git {step[0]} failed: {said[-1] if said else f'exit code {done.returncode}'}"
    return "the home is a git repository on branch main"
