"""Commits what is new in the public part of the life, and pushes it where that is wished.

`done` means that nothing of the tracked folders is left. What can be kept is kept in any case; a path that can't be is
named, and so is whatever keeps commits from reaching the branch or the remote.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from runner.children.run import CommandTimeoutError
from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Verdict
from runner.session.repository.history import commit, push
from runner.session.repository.place import Place, find, under_way
from runner.session.repository.reasons import readable
from runner.session.repository.staging import Trouble, stage
from runner.session.repository.tool import open_git

NAMED = 5
"""Paths that are named; of more than these only the number is told."""


async def run(context: HookContext) -> Verdict:
    place = await context.run_sync(lambda: find(context.paths.home))
    if place is None:
        raise NotDueError("the home is no git repository")
    if doing := await context.run_sync(lambda: under_way(place)):
        raise HookFailedError(doing)
    folder = context.paths.tmp / f"git-{context.session_id}"
    try:
        return await _keep(context, place, folder)
    except FileNotFoundError as missing:
        if missing.filename != "git":
            raise
        raise HookFailedError("git is not installed") from None
    except CommandTimeoutError as trouble:
        raise HookFailedError(str(trouble)) from None
    finally:
        await context.run_sync(lambda: shutil.rmtree(folder, ignore_errors=True))


async def _keep(context: HookContext, place: Place, folder: Path) -> Verdict:
    git = await open_git(place, folder, context.environ, context.run_sync)
    trouble = await stage(git)
    new = await commit(git, _subject(context), context.settings.resident.name)
    failures = [_told(trouble)] if trouble else []
    pushed = False
    try:
        pushed = await push(git, context.settings.git.push, new)
    except HookFailedError as failure:
        failures.append(str(failure))
    if git.head.branch is None:
        failures.append(_detached(new))
    if failures:
        raise HookFailedError("; ".join(failures))
    if new is None and not pushed:
        raise NotDueError("nothing changed")
    return Verdict.DONE


def _subject(context: HookContext) -> str:
    moment = context.ended.astimezone(context.settings.resident.zone)
    return f"Session: {context.kind.name} - {moment:%Y-%m-%d %H:%M %Z}"


def _told(trouble: Sequence[Trouble]) -> str:
    named = "; ".join(f"{readable(item.path)} not added: {item.words}" for item in trouble[:NAMED])
    more = f"; and {len(trouble) - NAMED} more" if len(trouble) > NAMED else ""
    return f"{named}{more}"


def _detached(new: str | None) -> str:
    kept = f"the commit {new[:10]} belongs" if new else "commits belong"
    return (
        f"HEAD is detached in the home's repository, so {kept} to no branch and nothing is pushed; "
        "keep what is there with git switch -c <name>, and go back with git switch main"
    )
