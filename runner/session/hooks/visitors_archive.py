"""Puts away the visitors' letters that this session's prompt showed, and no others."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from runner.session.hooks.base import HookContext, HookFailedError, NotDueError, Verdict
from runner.storage import files

MOST_NAMES = 1000


async def run(context: HookContext) -> Verdict:
    if not context.kind.shows_visitors:
        raise NotDueError(f"a {context.kind.name} session shows no visitors' letters")
    shown = await context.run_sync(context.before.visitors)
    if not shown:
        raise NotDueError("no visitor's letter was shown")
    if context.exit_code != 0:
        raise NotDueError("the session did not end well: its letters are shown again")
    zone = context.settings.resident.zone
    archive = context.paths.visitors_archive
    return await context.run_sync(lambda: _put_away(context.paths.visitors, archive, shown, zone))


def _put_away(folder: Path, archive: Path, shown: dict[str, int], zone: ZoneInfo) -> Verdict:
    moved, failed = 0, []
    for name, written in sorted(shown.items()):
        path = folder / name
        try:
            if path.lstat().st_mtime_ns == written:  # else somebody wrote a new letter into its place
                month = datetime.fromtimestamp(written / 1e9, zone).strftime("%Y-%m")
                files.make_folder(archive / month)
                _move(path, archive / month / name)
            moved += 1
        except FileNotFoundError:
            moved += 1  # an earlier run of this hook, or the resident, was faster
        except OSError as error:
            failed.append(f"{name}: {error.strerror}")
    if failed:
        raise HookFailedError(f"not put away: {'; '.join(failed)} (put away: {moved})")
    return Verdict.DONE


def _move(path: Path, target: Path) -> None:
    """Under a free name: link, then unlink, so that nothing is ever overwritten and a crash loses nothing."""
    for candidate in _names(target):
        try:
            os.link(path, candidate, follow_symlinks=False)
        except FileExistsError:
            if not candidate.is_symlink() and candidate.samefile(path):
                break  # a crash came between the two steps
            continue
        break
    else:
        raise OSError(None, f"{MOST_NAMES} letters of this name are there already")
    files.sync_folder(target.parent)
    path.unlink()


def _names(target: Path) -> Iterator[Path]:
    yield target
    for number in range(2, MOST_NAMES + 1):
        yield target.with_name(f"{target.stem}-{number}{target.suffix}")
