"""Commits what the session changed in the public part of the life, and pushes it where that is wished."""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import attrs

from runner.session.commands import Commands, CommandTimeoutError, Output
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Verdict

TRACKED = (
    "thoughts",
    "dreams",
    "essays",
    "essays-description",
    "letters",
    "letters-description",
    "scores",
    "scores-description",
    "memory",
    "prompt",
    "about",
    "landing-page",
    "sandbox",
    "projects",
    "visitor-greeting",
    "landing-summary",
    "bookshelf",
    "voice.md",
    "CLAUDE.md",
)
STALE = 600.0
"""Seconds after which a lock of the index is what a dead git left."""
LOCAL, PUSH = 20.0, 30.0
"""Seconds for one local step, and for the push."""
ADDING = 15.0
"""Seconds after which no further path is begun."""
PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "SSH_AUTH_SOCK", "XDG_CONFIG_HOME")
"""What git may know of our environment: enough to find its settings and the key of a push, and no secret of ours."""
ORIGIN: Final = "origin"


def environment(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    known = {name: environ[name] for name in PASSED_ON if name in environ}
    return {
        "PATH": os.defpath,
        **known,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_CEILING_DIRECTORIES": str(home.parent),
    }


async def run(context: HookContext) -> Verdict:
    home = context.paths.home
    if not (home / ".git").exists():
        raise NotDueError("the home is no git repository")
    commands = Commands(home, environment(context.environ, home), context.run_sync)
    repository = _Repository(context, commands)
    try:
        return await repository.keep()
    except FileNotFoundError:
        raise HookFailedError("git is not installed") from None
    except CommandTimeoutError as trouble:
        raise HookFailedError(str(trouble)) from None


@attrs.frozen
class _Repository:
    context: HookContext
    commands: Commands

    async def keep(self) -> Verdict:
        await self._forget_stale_lock()
        changed = await self._changed()
        trouble = await self._add(changed)
        left_out = {path for path, _ in trouble}
        committed = await self._commit([path for path in changed if path not in left_out])
        pushed = await self._push()
        if trouble:
            raise HookFailedError("; ".join(f"{path} not added: {words}" for path, words in trouble))
        if not committed and not pushed:
            raise NotDueError("nothing changed")
        return Verdict.DONE

    async def _forget_stale_lock(self) -> None:
        folder = Path((await self._must("rev-parse", "--absolute-git-dir")).strip())

        def forget() -> None:
            lock = folder / "index.lock"
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.lstat().st_mtime > STALE:
                    lock.unlink()

        await self.context.run_sync(forget)

    async def _changed(self) -> list[str]:
        """Which of the tracked paths have something new, deletions included."""
        listed = await self._must("status", "--porcelain", "-z", "--no-renames", "--", *TRACKED)
        names = [entry[3:] for entry in listed.split("\0") if entry]
        return [path for path in TRACKED if any(name == path or name.startswith(f"{path}/") for name in names)]

    async def _add(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        """Each path by itself, so that one git can't take keeps none of the others from being taken."""
        began, trouble = time.monotonic(), []
        for path in paths:
            if time.monotonic() - began > ADDING:
                trouble.append((path, "no time left"))
                continue
            found = await self._git("add", "--all", "--", path)
            if found.code:
                trouble.append((path, found.last_words))
        return trouble

    async def _commit(self, paths: Sequence[str]) -> bool:
        """Of these paths alone: what the operator may have staged elsewhere stays as it is."""
        if not paths or not (await self._git("diff", "--cached", "--quiet", "--", *paths)).code:
            return False
        await self._must(*await self._author(), "commit", "--quiet", "-m", self._subject(), "--only", "--", *paths)
        return True

    async def _author(self) -> tuple[str, ...]:
        """The resident, where the operator has named nobody."""
        if (await self._git("config", "user.email")).code == 0:
            return ()
        name = self.context.settings.resident.name
        return ("-c", f"user.name={name}", "-c", f"user.email={name.lower().replace(' ', '-')}@localhost")

    def _subject(self) -> str:
        moment: datetime = self.context.ended.astimezone(self.context.settings.resident.zone)
        return f"Session: {self.context.kind.name} - {moment:%Y-%m-%d %H:%M %Z}"

    async def _push(self) -> bool:
        """What origin has not got yet, be it of an earlier session whose push failed."""
        wish = self.context.settings.git.push
        if wish == "false":
            return False
        if (await self._git("remote", "get-url", ORIGIN)).code:
            if wish == "true":
                raise HookFailedError(f"GIT_PUSH_ENABLED is true and the home's repository has no remote {ORIGIN}")
            return False
        branch = (await self._must("symbolic-ref", "--short", "HEAD")).strip()
        ahead = await self._git("rev-list", "--count", f"refs/remotes/{ORIGIN}/{branch}..HEAD", "--")
        if ahead.code == 0 and ahead.out.strip() == "0":
            return False
        try:
            found = await self._git("push", "--quiet", ORIGIN, branch, within=PUSH)
        except CommandTimeoutError:
            raise HookFailedError(f"not pushed within {PUSH:g} s; tried again after the next session") from None
        if found.code:
            raise HookFailedError(f"not pushed, tried again after the next session: {found.last_words}")
        return True

    async def _must(self, *arguments: str) -> str:
        found = await self._git(*arguments)
        if found.code:
            verb = next(word for word in arguments if word != "-c" and "=" not in word)
            raise HookFailedError(f"git {verb}: {found.last_words}")
        return found.out

    async def _git(self, *arguments: str, within: float = LOCAL) -> Output:
        # a hook inside the home could be the resident's own work, and runs with our rights: none is run
        fixed = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
        home = str(self.context.paths.home)
        return await self.commands.run(("git", *fixed, "-c", f"safe.directory={home}", *arguments), within=within)
